/**
 * The outer wrapper of protected objects (TPM 2.0 Part 1, 22.4 and 24.4): encrypt-then-MAC under keys derived from a seed, bound to
 * a Name. Credentials and duplicated objects are both this.
 */
import { createHmac } from 'node:crypto';
import { cfb } from '@noble/ciphers/aes.js';
import { UsageError } from '../../src/errors.js';
import { ByteWriter } from '../tpm/byte_writer.js';
import { TPM_ALG_AES, TPM_ALG_CFB } from '../tpm/constants.js';
import { requireHash } from '../tpm/hash.js';
import type { EccPublic, RsaPublic } from '../tpm/tpmt_public.js';
import { kdfa } from './kdf.js';

/**
 * TPM2B_DIGEST(outer HMAC) ‖ AES-CFB(plaintext), as in TPMS_ID_OBJECT and in a duplicate's TPM2B_PRIVATE.
 * @param protector - the TPM key the seed is for: its nameAlg and symmetric algorithm are used.
 */
export function outerWrap(
  protector: RsaPublic | EccPublic,
  seed: Uint8Array,
  name: Uint8Array,
  plaintext: Uint8Array,
): Buffer {
  const { nameAlg, symmetric } = protector;
  if (symmetric?.algorithm !== TPM_ALG_AES || symmetric.mode !== TPM_ALG_CFB) {
    throw new UsageError('ERR_OPTION_INVALID', 'the TPM key must be a storage key with AES-CFB');
  }
  const hash = requireHash(nameAlg);
  const none = new Uint8Array();
  const symKey = kdfa(nameAlg, seed, 'STORAGE', name, none, symmetric.keyBits);
  const hmacKey = kdfa(nameAlg, seed, 'INTEGRITY', none, none, 8 * hash.sizeBytes);
  try {
    // The iv is zero: the key is used once.
    const encrypted = cfb(symKey, new Uint8Array(16)).encrypt(plaintext);
    const integrity = createHmac(hash.name, hmacKey).update(encrypted).update(name).digest();
    return new ByteWriter().sized(integrity).bytes(encrypted).finish();
  } finally {
    symKey.fill(0);
    hmacKey.fill(0);
  }
}
