/**
 * The verifier's own keys, in a directory of mode 0700: made once, then only read. Several service processes may share it.
 * The operator's state key is not among them: its private half never comes to this host (design decision 10).
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UsageError } from '../../src/errors.js';
import { readMasterKey } from '../key_release/key_store.js';
import { readOperatorToken } from './operator_auth.js';
import { readPrivateFile } from './private_file.js';

export interface VerifierIdentity {
  /** Signs Attestation Results and release grants (ECDSA P-256); devices pin it at enrolment. */
  resultKey: KeyObject;
  /** Signs lease approvals (ECDSA P-256). */
  leaseKey: KeyObject;
  /** 32 bytes: content keys rest under AES-256-GCM-SIV with this key. */
  masterKey: Buffer;
  operatorToken: string;
}

/** @public loaded on demand by src/cli/verifier_start.ts, as are the next */
export const OPERATOR_TOKEN_FILE = 'operator-token';
/** @public */
export const DATABASE_FILE = 'verifier.db';
const MASTER_KEY_BYTES = 32;

export async function loadOrCreateIdentity(directory: string): Promise<VerifierIdentity> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  const at = (name: string) => join(directory, name);
  await createOnce(at('result-key.pem'), newSigningKey);
  await createOnce(at('lease-key.pem'), newSigningKey);
  await createOnce(at('master-key'), () => `${randomBytes(MASTER_KEY_BYTES).toString('hex')}\n`);
  await createOnce(at(OPERATOR_TOKEN_FILE), () => `${randomBytes(32).toString('base64url')}\n`);
  return {
    resultKey: await readSigningKey(at('result-key.pem')),
    leaseKey: await readSigningKey(at('lease-key.pem')),
    masterKey: await readMasterKeyFile(at('master-key')),
    operatorToken: await readOperatorToken(at(OPERATOR_TOKEN_FILE)),
  };
}

/** Written beside, synced, then linked to its name: a crash leaves no half key, and of two processes one wins. */
async function createOnce(path: string, make: () => string): Promise<void> {
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`;
  if (await readFile(path).catch(() => undefined)) return;
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(make());
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(temporary, path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
  } finally {
    await unlink(temporary);
  }
  // Devices pin these keys: they must not vanish with a power cut after the first enrolment.
  await syncDirectory(dirname(path));
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/**
 * PKCS #8 PEM. As text from the generator: a KeyObject that it hands out shares a lock with the generator's own object, and where
 * Node 20 collects that object in the middle of a use of the key (export, asymmetricKeyDetails), it waits for itself for ever.
 * @public loaded on demand, as the others
 */
export function newSigningKey(): string {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey;
}

async function readSigningKey(path: string): Promise<KeyObject> {
  const pem = await readPrivateFile(path, 'signing key');
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw new UsageError('ERR_FILE_UNREADABLE', `cannot read signing key ${path}`, { cause });
  }
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new UsageError('ERR_OPTION_INVALID', `signing key ${path}: expected an ECDSA P-256 key`);
  return key;
}

async function readMasterKeyFile(path: string): Promise<Buffer> {
  return readMasterKey(await readPrivateFile(path, 'master key'));
}
