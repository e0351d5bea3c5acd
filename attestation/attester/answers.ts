/** Strict reading of what the verifier answers: a verifier may be false, or a proxy before it. */
import { DEVICE_ID, EXCHANGE_ID, FLEET_NAME } from '../protocol/decode.js';
import { JsonReader } from '../protocol/json_reader.js';
import { type BankName, hashByName } from '../tpm/hash.js';

const MAX_STRUCTURE_BYTES = 4096;
const NONCE = { min: 32, max: 32 };
const STRUCTURE = { min: 1, max: MAX_STRUCTURE_BYTES };
const BANKS: readonly BankName[] = ['sha1', 'sha256', 'sha384', 'sha512'];

export interface PcrChoice {
  bank: BankName;
  pcrs: number[];
}

export function readEnrolChallenge(answer: unknown) {
  const json = new JsonReader(answer, 'EnrolChallenge');
  const challenge = {
    exchangeId: json.text('exchangeId', EXCHANGE_ID),
    nonce: json.bytes('nonce', NONCE),
    expiresAt: json.integer('expiresAt', 0, Number.MAX_SAFE_INTEGER),
    credentialBlob: json.bytes('credentialBlob', STRUCTURE),
    encryptedSecret: json.bytes('encryptedSecret', STRUCTURE),
  };
  json.finish();
  return challenge;
}

export function readEnrolResult(answer: unknown) {
  const json = new JsonReader(answer, 'EnrolResult');
  const result = {
    deviceId: json.text('deviceId', DEVICE_ID),
    fleet: json.text('fleet', FLEET_NAME),
    stateKey: json.bytes('stateKey', STRUCTURE),
    leaseKey: json.bytes('leaseKey', STRUCTURE),
    resultKey: json.bytes('resultKey', STRUCTURE),
    counterBase: json.u64('counterBase'),
  };
  json.finish();
  return result;
}

export function readAttestChallenge(answer: unknown) {
  const json = new JsonReader(answer, 'AttestChallenge');
  const challenge = {
    exchangeId: json.text('exchangeId', EXCHANGE_ID),
    nonce: json.bytes('nonce', NONCE),
    expiresAt: json.integer('expiresAt', 0, Number.MAX_SAFE_INTEGER),
    pcrSelection: readPcrChoice(json.object('pcrSelection')),
  };
  json.finish();
  return challenge;
}

export function readPcrChoice(json: JsonReader): PcrChoice {
  const bank = json.oneOf('bank', BANKS);
  const pcrs = json.list('pcrs', { min: 1, max: 24 }).map((_, i, list) => {
    const pcr = new JsonReader({ pcr: list[i] }, `${json.path}.pcrs[${i}]`).integer('pcr', 0, 23);
    if (i > 0 && (list[i - 1] as number) >= pcr) throw json.error('pcrs', 'ascending numbers', list);
    return pcr;
  });
  json.finish();
  return { bank, pcrs };
}

export function hashOfBank(bank: BankName): number {
  const hash = hashByName(bank);
  if (hash === undefined) throw new RangeError(`bank ${bank}`);
  return hash.id;
}
