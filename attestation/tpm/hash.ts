/** Hash algorithms of the TPM by TPM_ALG_ID: sizes, node:crypto names, PCR bank names. */
import { createHash } from 'node:crypto';
import { UsageError } from '../../src/errors.js';
import { TPM_ALG_SHA1, TPM_ALG_SHA256, TPM_ALG_SHA384, TPM_ALG_SHA512 } from './constants.js';

export type BankName = 'sha1' | 'sha256' | 'sha384' | 'sha512';

interface HashAlg {
  id: number;
  name: BankName;
  sizeBytes: number;
  blockBytes: number;
}

const HASHES: readonly HashAlg[] = [
  { id: TPM_ALG_SHA1, name: 'sha1', sizeBytes: 20, blockBytes: 64 },
  { id: TPM_ALG_SHA256, name: 'sha256', sizeBytes: 32, blockBytes: 64 },
  { id: TPM_ALG_SHA384, name: 'sha384', sizeBytes: 48, blockBytes: 128 },
  { id: TPM_ALG_SHA512, name: 'sha512', sizeBytes: 64, blockBytes: 128 },
];

/** undefined for what is no hash algorithm, and for SM3 and SHA-3, which this project does not compute. */
export function hashById(id: number): HashAlg | undefined {
  return HASHES.find((hash) => hash.id === id);
}

export function hashByName(name: string): HashAlg | undefined {
  return HASHES.find((hash) => hash.name === name);
}

/** @throws UsageError for an algorithm {@link hashById} does not know: parsers check first. */
export function requireHash(id: number): HashAlg {
  const hash = hashById(id);
  if (hash === undefined) {
    throw new UsageError('ERR_OPTION_INVALID', `hash algorithm 0x${id.toString(16).padStart(4, '0')} is not supported`);
  }
  return hash;
}

export function digest(id: number, ...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash(requireHash(id).name);
  for (const part of parts) hash.update(part);
  return hash.digest();
}
