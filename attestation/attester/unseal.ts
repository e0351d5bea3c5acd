/**
 * TPM2_Unseal of a released key under its policy (design decision 10; PROTOCOL.md "The key policy"), in a policy session salted to
 * the storage key pinned at enrolment. What comes back is a handle: the key is in secret memory and nowhere else.
 */
import { KeyError } from '../../src/errors.js';
import { createPinnedStorageKey } from './device_keys.js';
import { importHeldKey } from './fetch_key.js';
import type { Grant } from './grant.js';
import type { DevicePins } from './pins.js';
import { satisfyPolicy, step } from './policy_session.js';
import type { StateDirectory } from './state_directory.js';
import { type LoadedObject, type SecretHandle, type Tpm, tpmRefusal } from './tpm.js';

export interface UnsealOptions {
  tpm: Tpm;
  directory: StateDirectory;
  pins: DevicePins;
  keyId: string;
}

export interface Unsealed {
  /** For `InferenceSession.create`; the caller closes it. */
  key: SecretHandle;
  /** Where the counter must be brought, and whether to lock it, after the first good load: rollback.ts. */
  terms: Grant;
}

/** @throws KeyError `ERR_UNSEAL_POLICY` naming the step at which the TPM refused */
export async function unsealKey({ tpm, directory, pins, keyId }: UnsealOptions): Promise<Unsealed> {
  const { imported, release, terms } = await importHeldKey(tpm, directory, pins, keyId);
  // A TPM has few slots for objects: once the session is salted to the storage key, that one is not needed.
  const { object, session } = await tpm.withObject(createPinnedStorageKey(tpm, pins), async (storageKey) => {
    const object = await loadObject(tpm, storageKey, release.wrapped.public, imported);
    try {
      const tpmKey = { handle: storageKey.handle, name: pins.storageKey.name };
      return { object, session: await tpm.startPolicySession({ tpmKey }) };
    } catch (cause) {
      await tpm.flushObject(object);
      throw cause;
    }
  });
  try {
    await satisfyPolicy(tpm, session, pins, terms);
    const key = await step('TPM2_Unseal', terms, () => tpm.unseal({ itemHandle: object }, { auth: session }));
    return { key, terms };
  } finally {
    await session.flush();
    await tpm.flushObject(object);
  }
}

/** Response codes with which a TPM says that the private part is not one of its own under this key. */
const NOT_OURS = ['TPM_RC_INTEGRITY', 'TPM_RC_BINDING', 'TPM_RC_HASH', 'TPM_RC_SIZE'];

async function loadObject(
  tpm: Tpm,
  storageKey: LoadedObject,
  inPublic: Buffer,
  inPrivate: Buffer,
): Promise<LoadedObject> {
  const session = await tpm.startHmacSession({ tpmKey: { handle: storageKey.handle, name: storageKey.name } });
  try {
    return await tpm.load({ parentHandle: storageKey, inPrivate, inPublic }, { auth: session });
  } catch (cause) {
    if (!NOT_OURS.includes(tpmRefusal(cause) ?? '')) throw cause;
    throw new KeyError('ERR_NO_MATCHING_KEY', 'the TPM does not load this key: it was released to another TPM', {
      cause,
    });
  } finally {
    await session.flush();
  }
}
