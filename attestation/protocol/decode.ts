/**
 * Strict decoding of the messages that a verifier receives: from JSON of unknown shape to bytes with checked lengths. TPM
 * structures stay bytes here; attestation/tpm parses them.
 */
import { JsonReader } from './json_reader.js';
import {
  type BankName,
  type EnrolProof,
  type EnrolRequest,
  type EvidenceMessage,
  PROTOCOL_VERSION,
} from './messages.js';
import { type ResidencyStatement, readResidency } from './residency.js';

export const DEVICE_ID = /^[0-9a-f]{32}$/;
export const KEY_ID = /^[0-9a-f]{64}$/;
export const EXCHANGE_ID = /^[A-Za-z0-9_-]{22}$/;
export const FLEET_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
export const BANK_NAMES: readonly BankName[] = ['sha1', 'sha256', 'sha384', 'sha512'];

const MAX_STRUCTURE_BYTES = 4096;
const MAX_CERTIFICATE_BYTES = 8192;
const MAX_CERTIFICATES = 8;
const MAX_PCRS = 24 * BANK_NAMES.length;
const MAX_LOG_BYTES = 3 << 20;
const CREDENTIAL_BYTES = 32;

export interface SignedAttestBytes {
  attest: Buffer;
  signature: Buffer;
}
interface CertifiedKeyBytes extends SignedAttestBytes {
  public: Buffer;
}
interface CertifiedCounterBytes extends SignedAttestBytes {
  nvPublic: Buffer;
}
export interface PcrValue {
  bank: BankName;
  index: number;
  value: Buffer;
}

export interface DecodedEnrolRequest {
  fleet: string;
  ekCertificates: Buffer[];
  ekPublic: Buffer;
  akPublic: Buffer;
}

export interface DecodedEnrolProof {
  credential: Buffer;
  storageKey: CertifiedKeyBytes;
  counter: CertifiedCounterBytes;
}

/** What RATS calls Evidence: no claim in it is believed before verify.ts and appraise.ts have seen it. */
export interface Evidence {
  quote: SignedAttestBytes;
  pcrs: PcrValue[];
  storageKey: CertifiedKeyBytes;
  counter?: CertifiedCounterBytes;
  residency?: ResidencyStatement;
  eventLogs?: { firmware?: Buffer; ima?: Buffer };
}

export interface DecodedEvidenceMessage {
  exchangeId: string;
  deviceId: string;
  evidence: Evidence;
}

/** @throws EvidenceError ERR_EVIDENCE_MALFORMED, as all functions here. */
export function decodeEnrolRequest(message: unknown): DecodedEnrolRequest {
  const json = open<EnrolRequest>(message, 'EnrolRequest');
  const fleet = json.text('fleet', FLEET_NAME);
  const certificates = json.list('ekCertificates', { min: 1, max: MAX_CERTIFICATES });
  const ekCertificates = certificates.map((one, i) =>
    new JsonReader({ der: one }, `EnrolRequest.ekCertificates[${i}]`).bytes('der', {
      min: 1,
      max: MAX_CERTIFICATE_BYTES,
    }),
  );
  const ekPublic = json.bytes('ekPublic', STRUCTURE);
  const akPublic = json.bytes('akPublic', STRUCTURE);
  json.finish();
  return { fleet, ekCertificates, ekPublic, akPublic };
}

export function decodeEnrolProof(message: unknown): DecodedEnrolProof {
  const json = open<EnrolProof>(message, 'EnrolProof');
  const credential = json.bytes('credential', { min: CREDENTIAL_BYTES, max: CREDENTIAL_BYTES });
  const storageKey = readCertifiedKey(json.object('storageKey'));
  const counter = readCertifiedCounter(json.object('counter'));
  json.finish();
  return { credential, storageKey, counter };
}

export function decodeEvidenceMessage(message: unknown): DecodedEvidenceMessage {
  const json = open<EvidenceMessage>(message, 'EvidenceMessage');
  const exchangeId = json.text('exchangeId', EXCHANGE_ID);
  const deviceId = json.text('deviceId', DEVICE_ID);
  const quote = readSigned(json.object('quote'));
  const pcrs = json.list('pcrs', { max: MAX_PCRS }).map((one, i) => readPcr(one, `EvidenceMessage.pcrs[${i}]`));
  const storageKey = readCertifiedKey(json.object('storageKey'));
  const counter = json.has('counter') ? { counter: readCertifiedCounter(json.object('counter')) } : {};
  const residency = json.has('residency') ? { residency: readResidency(json.object('residency')) } : {};
  const eventLogs = json.has('eventLogs') ? { eventLogs: readEventLogs(json.object('eventLogs')) } : {};
  json.finish();
  return { exchangeId, deviceId, evidence: { quote, pcrs, storageKey, ...counter, ...residency, ...eventLogs } };
}

const STRUCTURE = { min: 1, max: MAX_STRUCTURE_BYTES };

/** `Message` only documents which type of messages.ts is read. */
function open<Message extends { protocol: number }>(message: unknown, name: string): JsonReader {
  const json = new JsonReader(message, name);
  json.integer('protocol' satisfies keyof Message, PROTOCOL_VERSION, PROTOCOL_VERSION);
  return json;
}

function readSigned(json: JsonReader): SignedAttestBytes {
  const signed = { attest: json.bytes('attest', STRUCTURE), signature: json.bytes('signature', STRUCTURE) };
  json.finish();
  return signed;
}

function readCertifiedKey(json: JsonReader): CertifiedKeyBytes {
  const area = json.bytes('public', STRUCTURE);
  return { public: area, ...readSigned(json) };
}

function readCertifiedCounter(json: JsonReader): CertifiedCounterBytes {
  const nvPublic = json.bytes('nvPublic', STRUCTURE);
  return { nvPublic, ...readSigned(json) };
}

function readPcr(value: unknown, path: string): PcrValue {
  const json = new JsonReader(value, path);
  const bank = json.oneOf('bank', BANK_NAMES);
  const index = json.integer('index', 0, 23);
  const bytes = json.bytes('value', { min: 20, max: 64 });
  json.finish();
  return { bank, index, value: bytes };
}

function readEventLogs(json: JsonReader): { firmware?: Buffer; ima?: Buffer } {
  const log = (name: 'firmware' | 'ima'): { [name]?: Buffer } | object =>
    json.has(name) ? { [name]: json.bytes(name, { max: MAX_LOG_BYTES }) } : {};
  const logs = { ...log('firmware'), ...log('ima') };
  json.finish();
  return logs;
}
