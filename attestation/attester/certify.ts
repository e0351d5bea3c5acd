/** Certifications by the AK, in wire form: each over the nonce of one exchange. */
import type { CertifiedCounter, CertifiedKey } from '../protocol/messages.js';
import type { CounterState } from './device_keys.js';
import type { CreatedPrimary, NamedHandle, Tpm } from './tpm.js';

const COUNTER_BYTES = 8;

export async function certifyKey(
  tpm: Tpm,
  ak: NamedHandle,
  key: CreatedPrimary,
  qualifyingData: Uint8Array,
): Promise<CertifiedKey> {
  const { certifyInfo, signature } = await tpm.certify({ objectHandle: key, signHandle: ak, qualifyingData });
  return { public: encode(key.publicArea), attest: encode(certifyInfo), signature: encode(signature) };
}

export async function certifyCounter(
  tpm: Tpm,
  ak: NamedHandle,
  nvIndex: number,
  counter: CounterState,
  qualifyingData: Uint8Array,
): Promise<CertifiedCounter> {
  const index = { handle: nvIndex, name: counter.name };
  const request = { signHandle: ak, nvIndex: index, qualifyingData, size: COUNTER_BYTES };
  const { certifyInfo, signature } = await tpm.nvCertify(request);
  return { nvPublic: encode(counter.nvPublic), attest: encode(certifyInfo), signature: encode(signature) };
}

export function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}
