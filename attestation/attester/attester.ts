/**
 * The Attester of RATS: takes a challenge, collects Evidence under its nonce, and gets an Attestation Result for it
 * (PROTOCOL.md steps 3 and 4).
 */
import type { EvidenceMessage } from '../protocol/messages.js';
import { type ResidencyStatement, residencyQualifyingData } from '../protocol/residency.js';
import { marshalPcrSelection, selectPcrs } from '../tpm/pcr_selection.js';
import { hashOfBank, type PcrChoice, readAttestChallenge } from './answers.js';
import { certifyCounter, certifyKey, encode } from './certify.js';
import { createPinnedAk, createPinnedStorageKey, readCounterPublic } from './device_keys.js';
import type { DevicePins } from './pins.js';
import type { Tpm } from './tpm.js';
import type { VerifierApi } from './verifier_client.js';

export interface AttestOptions {
  tpm: Tpm;
  api: VerifierApi;
  pins: DevicePins;
  /** What this process says of its own memory. */
  residency?: ResidencyStatement;
  progress?: (step: string) => void;
}

/** Returns the Attestation Result (an EAR as compact JWS) as it came: it is for the verifier, the device does not judge it. */
export async function attest(options: AttestOptions): Promise<string> {
  const { api, pins, progress = () => {} } = options;
  progress('asking for a challenge');
  const challenge = readAttestChallenge(await api.challenge({ protocol: 1, deviceId: pins.deviceId }));
  progress(`quoting PCRs ${challenge.pcrSelection.pcrs.join(', ')} of bank ${challenge.pcrSelection.bank}`);
  const evidence = await collectEvidence(options, challenge);
  progress('waiting for the appraisal');
  const { result } = await api.attest(evidence);
  return result;
}

/** Everything in it that is signed is signed by the AK over this exchange's nonce. */
async function collectEvidence(
  { tpm, pins, residency }: Pick<AttestOptions, 'tpm' | 'pins' | 'residency'>,
  challenge: { exchangeId: string; nonce: Buffer; pcrSelection: PcrChoice },
): Promise<EvidenceMessage> {
  const { exchangeId, nonce, pcrSelection } = challenge;
  return tpm.withObject(createPinnedAk(tpm, pins), async (ak) => {
    const storageKey = await tpm.withObject(createPinnedStorageKey(tpm, pins), (key) =>
      certifyKey(tpm, ak, key, nonce),
    );
    const counter = await readCounterPublic(tpm, pins.counter.nvIndex);
    // Read-locked after `unsealOncePerBoot`, or gone: the verifier then decides without its value.
    const certified =
      counter === undefined || counter.readLocked
        ? {}
        : { counter: await certifyCounter(tpm, ak, pins.counter.nvIndex, counter, nonce) };
    const quoteNonce = residency === undefined ? nonce : residencyQualifyingData(nonce, residency);
    const { quote, pcrs } = await quotePcrs(tpm, ak, quoteNonce, pcrSelection);
    const said = residency === undefined ? {} : { residency };
    return { protocol: 1, exchangeId, deviceId: pins.deviceId, quote, pcrs, storageKey, ...certified, ...said };
  });
}

async function quotePcrs(
  tpm: Tpm,
  ak: Parameters<Tpm['quote']>[0]['signHandle'],
  nonce: Buffer,
  { bank, pcrs }: PcrChoice,
): Promise<Pick<EvidenceMessage, 'quote' | 'pcrs'>> {
  // Not atomic with the quote: where a PCR is extended in between, the verifier sees a digest that does not fit [V5], and a
  // new challenge is needed anyway.
  const values = await tpm.readPcrs([{ hash: bank, pcrs }]);
  const pcrSelect = marshalPcrSelection(selectPcrs(hashOfBank(bank), pcrs));
  const { quoted, signature } = await tpm.quote({ signHandle: ak, qualifyingData: nonce, pcrSelect });
  return {
    quote: { attest: encode(quoted), signature: encode(signature) },
    pcrs: values
      .map(({ pcr, digest }) => ({ bank, index: pcr, value: encode(digest) }))
      .sort((a, b) => a.index - b.index),
  };
}
