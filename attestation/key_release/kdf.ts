/** KDFa and KDFe (TPM 2.0 Part 1, 11.4.10): key derivation of the TPM, for credentials and duplication. */
import { createHmac } from 'node:crypto';
import { u32 } from '../tpm/byte_writer.js';
import { digest, requireHash } from '../tpm/hash.js';

const ZERO = Buffer.of(0);

/**
 * KDFa: SP 800-108 in counter mode over HMAC.
 * @param label - without its terminating zero.
 */
export function kdfa(
  hashAlg: number,
  key: Uint8Array,
  label: string,
  contextU: Uint8Array,
  contextV: Uint8Array,
  bits: number,
): Buffer {
  const { name, sizeBytes } = requireHash(hashAlg);
  const tail = Buffer.concat([Buffer.from(label), ZERO, contextU, contextV, u32(bits)]);
  return expand(bits / 8, sizeBytes, (counter) => createHmac(name, key).update(u32(counter)).update(tail).digest());
}

/**
 * KDFe: SP 800-56A, 5.8.1, over the x coordinate of an ECDH secret.
 * @param z - padded to the field size, as are partyU and partyV, the x coordinates of both public keys.
 */
export function kdfe(
  hashAlg: number,
  z: Uint8Array,
  label: string,
  partyU: Uint8Array,
  partyV: Uint8Array,
  bits: number,
): Buffer {
  const tail = Buffer.concat([Buffer.from(label), ZERO, partyU, partyV]);
  return expand(bits / 8, requireHash(hashAlg).sizeBytes, (counter) => digest(hashAlg, u32(counter), z, tail));
}

function expand(sizeBytes: number, blockBytes: number, block: (counter: number) => Buffer): Buffer {
  const out = Buffer.alloc(sizeBytes);
  for (let offset = 0, counter = 1; offset < sizeBytes; offset += blockBytes, counter++) {
    const bytes = block(counter);
    bytes.copy(out, offset);
    bytes.fill(0);
  }
  return out;
}
