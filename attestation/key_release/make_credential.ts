/**
 * TPM2_MakeCredential without a TPM (TPM 2.0 Part 1, 24): a secret that only the TPM holding this EK gives out, and only to the
 * owner of an object with this Name. The hash is that of the EK's nameAlg throughout.
 */
import { UsageError } from '../../src/errors.js';
import { ByteWriter } from '../tpm/byte_writer.js';
import { requireHash } from '../tpm/hash.js';
import type { EccPublic, RsaPublic } from '../tpm/tpmt_public.js';
import { outerWrap } from './outer_wrap.js';
import { type SeedRandomness, shareSeed } from './seed.js';

export interface Credential {
  /** TPMS_ID_OBJECT: buffer of the TPM2B_ID_OBJECT. */
  credentialBlob: Buffer;
  /** Buffer of the TPM2B_ENCRYPTED_SECRET. */
  encryptedSecret: Buffer;
}

/**
 * @param akName - computed by the caller from the AK's public area, never taken from a message.
 * @param secret - at most as long as a digest of the EK's nameAlg.
 */
export function makeCredential(
  ek: RsaPublic | EccPublic,
  akName: Uint8Array,
  secret: Uint8Array,
  fixed: SeedRandomness = {},
): Credential {
  const { sizeBytes } = requireHash(ek.nameAlg);
  if (secret.length > sizeBytes) {
    throw new UsageError('ERR_OPTION_INVALID', `credential: expected at most ${sizeBytes} bytes, got ${secret.length}`);
  }
  const { seed, encrypted } = shareSeed(ek, 'IDENTITY', fixed);
  const plaintext = new ByteWriter().sized(secret).finish();
  try {
    return { credentialBlob: outerWrap(ek, seed, akName, plaintext), encryptedSecret: encrypted };
  } finally {
    seed.fill(0);
    plaintext.fill(0);
  }
}
