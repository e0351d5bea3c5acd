/**
 * What the device keeps of a released key, one file per key id: the grant as it was signed, a newer lease where there is one, and
 * what TPM2_Import made of the wrapped key. None of it opens a model without this TPM in an approved state. Grants are
 * checked every time they are read; what fails counts as absent (PROTOCOL.md "Crash and resume").
 */
import { SealedgeError } from '../../src/errors.js';
import { JsonReader } from '../protocol/json_reader.js';
import { encode } from './certify.js';
import { type Grant, verifyGrant } from './grant.js';
import type { DevicePins } from './pins.js';
import type { StateDirectory } from './state_directory.js';

const FORMAT = 'sealedge-device-key/1';
const JWS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
const MAX_PRIVATE_BYTES = 4096;

export interface KeyFile {
  /** Compact JWS of the grant that carries the wrapped key. */
  release: string;
  /** Compact JWS of a later grant, for its lease and approvals. */
  lease?: string;
  /** Buffer of the TPM2B_PRIVATE that TPM2_Import returned. */
  imported?: Buffer;
}

export interface HeldKey {
  file: KeyFile;
  /** With `wrapped`. */
  release: Grant & { wrapped: NonNullable<Grant['wrapped']> };
  /** The newer of release and lease: whose terms and approvals hold now. */
  terms: Grant;
}

export async function writeKeyFile(directory: StateDirectory, keyId: string, file: KeyFile): Promise<void> {
  await directory.write(fileName(keyId), {
    format: FORMAT,
    release: file.release,
    ...(file.lease === undefined ? {} : { lease: file.lease }),
    ...(file.imported === undefined ? {} : { imported: encode(file.imported) }),
  });
}

export async function readHeldKey(
  directory: StateDirectory,
  keyId: string,
  pins: DevicePins,
): Promise<HeldKey | undefined> {
  const value = await directory.read(fileName(keyId));
  if (value === undefined) return undefined;
  try {
    const file = parse(value);
    const release = await verifyGrant(file.release, pins);
    if (release.keyId !== keyId || release.wrapped === undefined) return undefined;
    const lease = file.lease === undefined ? undefined : await readLease(file.lease, keyId, pins);
    const terms = lease !== undefined && lease.issuedAt >= release.issuedAt ? lease : release;
    return { file, release: { ...release, wrapped: release.wrapped }, terms };
  } catch (cause) {
    if (cause instanceof SealedgeError) return undefined;
    throw cause;
  }
}

/** A damaged lease does not cost the key: the terms of the release then hold. */
async function readLease(jws: string, keyId: string, pins: DevicePins): Promise<Grant | undefined> {
  try {
    const lease = await verifyGrant(jws, pins);
    return lease.keyId === keyId ? lease : undefined;
  } catch (cause) {
    if (cause instanceof SealedgeError) return undefined;
    throw cause;
  }
}

function parse(value: unknown): KeyFile {
  const json = new JsonReader(value, 'key file', 'usage');
  json.oneOf('format', [FORMAT]);
  const file = {
    release: json.text('release', JWS),
    ...(json.has('lease') ? { lease: json.text('lease', JWS) } : {}),
    ...(json.has('imported') ? { imported: json.bytes('imported', { min: 1, max: MAX_PRIVATE_BYTES }) } : {}),
  };
  json.finish();
  return file;
}

function fileName(keyId: string): string {
  return `keys/${keyId}.json`;
}
