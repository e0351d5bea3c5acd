/**
 * Gets a key released to this device (PROTOCOL.md steps 3 to 5), or a new lease for one it holds (step 7). Both begin with a
 * fresh attestation. The grant is on disk, whole, before TPM2_Import: cut after that, the import is done again from the file.
 */
import { KeyError } from '../../src/errors.js';
import { type AttestOptions, attest } from './attester.js';
import { encode } from './certify.js';
import { createPinnedStorageKey } from './device_keys.js';
import { type Grant, verifyGrant } from './grant.js';
import { type HeldKey, readHeldKey, writeKeyFile } from './key_file.js';
import type { DevicePins } from './pins.js';
import type { StateDirectory } from './state_directory.js';
import type { Tpm } from './tpm.js';

export interface FetchKeyOptions extends AttestOptions {
  directory: StateDirectory;
  model: string;
  /** The newest when absent. */
  version?: bigint;
}

export async function fetchKey(options: FetchKeyOptions): Promise<Grant> {
  const { tpm, api, pins, directory, model, version, progress = () => {} } = options;
  const result = await attest(options);
  progress(`asking for the key of model ${model}`);
  const storageKey = await tpm.withObject(createPinnedStorageKey(tpm, pins), async (key) => encode(key.publicArea));
  const asked = version === undefined ? {} : { version: version.toString() };
  const { grant: jws } = await api.release({ protocol: 1, result, model, ...asked, storageKey });
  const grant = await verifyGrant(jws, pins);
  if (grant.model !== model || (version !== undefined && grant.version !== version) || grant.wrapped === undefined)
    throw new KeyError(
      'ERR_NO_MATCHING_KEY',
      `release grant: expected model ${model}${version === undefined ? '' : ` version ${version}`}, got ${grant.model} version ${grant.version}`,
    );
  await writeKeyFile(directory, grant.keyId, { release: jws });
  progress('importing the key into the TPM');
  await importHeldKey(tpm, directory, pins, grant.keyId);
  return grant;
}

export interface RenewLeaseOptions extends AttestOptions {
  directory: StateDirectory;
  keyId: string;
}

export async function renewLease(options: RenewLeaseOptions): Promise<Grant> {
  const { api, pins, directory, keyId, progress = () => {} } = options;
  const held = await requireHeldKey(directory, keyId, pins);
  const result = await attest(options);
  progress(`asking for a new lease of key ${keyId}`);
  const { grant: jws } = await api.lease({ protocol: 1, result, keyId });
  const lease = await verifyGrant(jws, pins);
  if (lease.keyId !== keyId)
    throw new KeyError('ERR_NO_MATCHING_KEY', `lease: expected key ${keyId}, got ${lease.keyId}`);
  await writeKeyFile(directory, keyId, { ...held.file, lease: jws });
  return lease;
}

export async function requireHeldKey(directory: StateDirectory, keyId: string, pins: DevicePins): Promise<HeldKey> {
  const held = await readHeldKey(directory, keyId, pins);
  if (held === undefined)
    throw new KeyError('ERR_NO_MATCHING_KEY', `device holds no key ${keyId}`, {
      fields: { keyId, hint: 'run sealedge device fetch-key' },
    });
  return held;
}

/** TPM2_Import of the wrapped key, once; what it returned is kept, and only this TPM can load it. */
export async function importHeldKey(
  tpm: Tpm,
  directory: StateDirectory,
  pins: DevicePins,
  keyId: string,
): Promise<HeldKey & { imported: Buffer }> {
  const held = await requireHeldKey(directory, keyId, pins);
  if (held.file.imported !== undefined) return { ...held, imported: held.file.imported };
  const { wrapped } = held.release;
  const imported = await tpm.withObject(createPinnedStorageKey(tpm, pins), async (storageKey) => {
    const session = await tpm.startHmacSession({ tpmKey: { handle: storageKey.handle, name: pins.storageKey.name } });
    try {
      const { outPrivate } = await tpm.import(
        {
          parentHandle: storageKey,
          objectPublic: wrapped.public,
          duplicate: wrapped.duplicate,
          inSymSeed: wrapped.encryptedSeed,
        },
        { auth: session },
      );
      return Buffer.from(outPrivate);
    } finally {
      await session.flush();
    }
  });
  await writeKeyFile(directory, keyId, { ...held.file, imported });
  return { ...held, imported };
}
