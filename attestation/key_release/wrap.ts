/**
 * Duplicates a sealed data object to a storage key, without a TPM, in the form TPM2_Import takes (TPM 2.0 Part 1, 23.3; Part 2,
 * 12.3.2; design decision 9). The sensitive area exists in clear only in here and is wiped.
 */
import { randomBytes } from 'node:crypto';
import { UsageError } from '../../src/errors.js';
import { SEALED_OBJECT_ATTRIBUTES } from '../protocol/key_policy.js';
import { ByteWriter } from '../tpm/byte_writer.js';
import { TPM_ALG_KEYEDHASH, TPM_ALG_SHA256 } from '../tpm/constants.js';
import { digest } from '../tpm/hash.js';
import { computeName, type KeyedHashPublic, marshalTpmtPublic, parseTpmtPublic } from '../tpm/tpmt_public.js';
import { outerWrap } from './outer_wrap.js';
import { requireDecryptionKey, type SeedRandomness, shareSeed } from './seed.js';

/** MAX_SYM_DATA (Part 2, 11.1.14). */
const MAX_SEALED_BYTES = 128;
const SEED_VALUE_BYTES = 32;

/** Arguments of TPM2_Import, with an empty encryptionKey and symmetricAlg TPM_ALG_NULL. */
export interface Duplicate {
  /** TPMT_PUBLIC. */
  public: Buffer;
  /** Buffer of the TPM2B_PRIVATE. */
  duplicate: Buffer;
  /** Buffer of the TPM2B_ENCRYPTED_SECRET. */
  encryptedSeed: Buffer;
  /** Name of the object. */
  name: Buffer;
}

/** Randomness fixed by tests. */
export interface WrapRandomness extends SeedRandomness {
  seedValue?: Uint8Array;
}

/**
 * @param storageKeyPublic - TPMT_PUBLIC of the new parent; that it is a genuine storage key was decided before (release.ts).
 * @param payload - 1 to 128 bytes. The caller wipes it.
 */
export function wrapToStorageKey(
  storageKeyPublic: Uint8Array,
  authPolicy: Uint8Array,
  payload: Uint8Array,
  fixed: WrapRandomness = {},
): Duplicate {
  if (payload.length === 0 || payload.length > MAX_SEALED_BYTES) {
    throw new UsageError(
      'ERR_OPTION_INVALID',
      `payload: expected 1 to ${MAX_SEALED_BYTES} bytes, got ${payload.length}`,
    );
  }
  if (authPolicy.length !== 32) {
    // An empty policy together with adminWithPolicy would make an object nobody or anybody can open.
    throw new UsageError('ERR_OPTION_INVALID', `authPolicy: expected 32 bytes, got ${authPolicy.length}`);
  }
  const parent = parseTpmtPublic(storageKeyPublic);
  requireDecryptionKey(parent);
  const seedValue = fixed.seedValue === undefined ? randomBytes(SEED_VALUE_BYTES) : Buffer.from(fixed.seedValue);
  let sensitive: Buffer | undefined;
  let seed: Buffer | undefined;
  try {
    const object = sealedObject(authPolicy, seedValue, payload);
    const name = computeName(object);
    sensitive = marshalSensitive(seedValue, payload);
    const shared = shareSeed(parent, 'DUPLICATE', fixed);
    seed = shared.seed;
    const duplicate = outerWrap(parent, seed, name, sensitive);
    return { public: marshalTpmtPublic(object), duplicate, encryptedSeed: shared.encrypted, name };
  } finally {
    for (const secret of [seed, seedValue, sensitive]) secret?.fill(0);
  }
}

/** `unique` of a KEYEDHASH object is H_nameAlg(seedValue ‖ data) (Part 1, 27.5.3.3): the TPM recomputes it at load. */
function sealedObject(authPolicy: Uint8Array, seedValue: Uint8Array, payload: Uint8Array): KeyedHashPublic {
  return {
    type: TPM_ALG_KEYEDHASH,
    nameAlg: TPM_ALG_SHA256,
    objectAttributes: SEALED_OBJECT_ATTRIBUTES,
    authPolicy,
    unique: digest(TPM_ALG_SHA256, seedValue, payload),
  };
}

/** TPM2B_SENSITIVE of a TPMT_SENSITIVE (Part 2, 12.3.2.4), with an empty authValue. */
function marshalSensitive(seedValue: Uint8Array, payload: Uint8Array): Buffer {
  const area = new ByteWriter().u16(TPM_ALG_KEYEDHASH).sized(new Uint8Array()).sized(seedValue).sized(payload).finish();
  try {
    return new ByteWriter().sized(area).finish();
  } finally {
    area.fill(0);
  }
}
