/**
 * Secret sharing with a TPM's decryption key (TPM 2.0 Part 1, B.10.3 for RSA, C.6.3 for ECC): a seed that only the TPM holding
 * the key can compute, for "IDENTITY" (credentials) and "DUPLICATE" (import).
 */
import { constants, createECDH, type ECDH, publicEncrypt, randomBytes } from 'node:crypto';
import { UsageError } from '../../src/errors.js';
import { ByteWriter } from '../tpm/byte_writer.js';
import { TPM_ALG_ECC, TPM_ALG_RSA, TPM_ECC_NIST_P256 } from '../tpm/constants.js';
import { requireHash } from '../tpm/hash.js';
import { type EccPublic, eccFieldBytes, publicKeyOf, type RsaPublic } from '../tpm/tpmt_public.js';
import { kdfe } from './kdf.js';

export type SeedLabel = 'IDENTITY' | 'DUPLICATE';

export interface SharedSeed {
  /** As long as a digest of the key's nameAlg. Wipe it. */
  seed: Buffer;
  /** Buffer of the TPM2B_ENCRYPTED_SECRET. */
  encrypted: Buffer;
}

/** The randomness used; given only by known-answer tests. */
export interface SeedRandomness {
  seed?: Uint8Array;
  ephemeralPrivate?: Uint8Array;
}

export function shareSeed(key: RsaPublic | EccPublic, label: SeedLabel, fixed: SeedRandomness = {}): SharedSeed {
  return key.type === TPM_ALG_RSA ? shareByOaep(key, label, fixed) : shareByEcdh(key, label, fixed);
}

/** OAEP with the hash of the key's nameAlg for label and MGF1; the label's terminating zero is part of it (B.4). */
function shareByOaep(key: RsaPublic, label: SeedLabel, fixed: SeedRandomness): SharedSeed {
  const hash = requireHash(key.nameAlg);
  const seed = fixed.seed === undefined ? randomBytes(hash.sizeBytes) : Buffer.from(fixed.seed);
  const encrypted = publicEncrypt(
    {
      key: publicKeyOf(key),
      padding: constants.RSA_PKCS1_OAEP_PADDING,
      oaepHash: hash.name,
      oaepLabel: Buffer.from(`${label}\0`),
    },
    seed,
  );
  return { seed, encrypted };
}

/** One-pass ECDH with a new ephemeral key each time (C.6.1). */
function shareByEcdh(key: EccPublic, label: SeedLabel, fixed: SeedRandomness): SharedSeed {
  const fieldBytes = eccFieldBytes(key.curve);
  const peer = pointOf(key, fieldBytes);
  const ecdh = createECDH(key.curve === TPM_ECC_NIST_P256 ? 'prime256v1' : 'secp384r1');
  if (fixed.ephemeralPrivate === undefined) ecdh.generateKeys();
  else ecdh.setPrivateKey(Buffer.from(fixed.ephemeralPrivate));
  const own = ecdh.getPublicKey();
  const x = own.subarray(1, 1 + fieldBytes);
  const z = secretX(ecdh, peer);
  try {
    const bits = 8 * requireHash(key.nameAlg).sizeBytes;
    const seed = kdfe(key.nameAlg, z, label, x, peer.subarray(1, 1 + fieldBytes), bits);
    return {
      seed,
      encrypted: new ByteWriter()
        .sized(x)
        .sized(own.subarray(1 + fieldBytes))
        .finish(),
    };
  } finally {
    z.fill(0);
  }
}

function pointOf(key: EccPublic, fieldBytes: number): Buffer {
  // Also refuses a point off the curve.
  publicKeyOf(key);
  const point = Buffer.alloc(1 + 2 * fieldBytes);
  point[0] = 4;
  point.set(key.x, 1 + fieldBytes - key.x.length);
  point.set(key.y, 1 + 2 * fieldBytes - key.y.length);
  return point;
}

function secretX(ecdh: ECDH, peer: Buffer): Buffer {
  try {
    return ecdh.computeSecret(peer);
  } catch (cause) {
    throw new UsageError('ERR_OPTION_INVALID', 'the TPM key is not a point of its curve', { cause });
  }
}

/** For callers that only accept decryption keys. */
export function requireDecryptionKey(key: { type: number }): asserts key is RsaPublic | EccPublic {
  if (key.type !== TPM_ALG_RSA && key.type !== TPM_ALG_ECC) {
    throw new UsageError('ERR_OPTION_INVALID', 'secrets are wrapped to RSA or ECC keys only');
  }
}
