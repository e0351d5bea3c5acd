/** Builders of the marshalled structures that commands take. Parsing of answers is left to the caller, save what is trivial. */

import { createHash } from 'node:crypto';
import { type HashName, hashAlgorithms, hashName, TPM_ALG } from './constants.js';
import { UsageError } from './errors.js';

export function u16(value: number): Buffer {
  const out = Buffer.alloc(2);
  out.writeUInt16BE(value);
  return out;
}

export function u32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value);
  return out;
}

/** A TPM2B: its size, then its bytes. */
export function tpm2b(bytes: Uint8Array): Buffer {
  return Buffer.concat([u16(bytes.length), bytes]);
}

/** Which PCRs of a bank. */
export interface PcrBankSelection {
  hash: HashName;
  pcrs: readonly number[];
}

/** TPML_PCR_SELECTION (Part 2, 10.9.7): one TPMS_PCR_SELECTION of three octets for each bank, in the order given. */
export function pcrSelection(banks: readonly PcrBankSelection[]): Buffer {
  const parts = [u32(banks.length)];
  for (const { hash, pcrs } of banks) {
    const select = Buffer.alloc(3);
    for (const pcr of pcrs) {
      if (!Number.isInteger(pcr) || pcr < 0 || pcr > 23) {
        throw new UsageError('ERR_OPTION_INVALID', `pcr must be 0 to 23, got ${pcr}`);
      }
      select[pcr >> 3] = (select[pcr >> 3] as number) | (1 << (pcr & 7));
    }
    parts.push(u16(hashAlgorithms[hash]), Buffer.from([3]), select);
  }
  return Buffer.concat(parts);
}

/** The inverse of {@link pcrSelection}, for what TPM2_PCR_Read answers; algorithms without a name here are left out. */
export function readPcrSelection(bytes: Uint8Array): PcrBankSelection[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const banks: PcrBankSelection[] = [];
  let at = 4;
  for (let bank = view.getUint32(0); bank > 0; bank--) {
    const hash = hashName(view.getUint16(at));
    const size = view.getUint8(at + 2);
    const pcrs: number[] = [];
    for (let pcr = 0; pcr < size * 8; pcr++) {
      if (view.getUint8(at + 3 + (pcr >> 3)) & (1 << (pcr & 7))) pcrs.push(pcr);
    }
    if (hash) banks.push({ hash, pcrs });
    at += 3 + size;
  }
  return banks;
}

/** TPML_DIGEST_VALUES (Part 2, 10.9.4): one digest for each bank. */
export function digestValues(digests: Readonly<Partial<Record<HashName, Uint8Array>>>): Buffer {
  const entries = Object.entries(digests) as [HashName, Uint8Array][];
  return Buffer.concat([
    u32(entries.length),
    ...entries.flatMap(([hash, digest]) => [u16(hashAlgorithms[hash]), digest]),
  ]);
}

export interface NvPublic {
  nvIndex: number;
  nameAlg?: HashName;
  /** TPMA_NV bits. */
  attributes: number;
  authPolicy?: Uint8Array;
  dataSize: number;
}

/** TPMS_NV_PUBLIC (Part 2, 13.6). */
export function nvPublic({ nvIndex, nameAlg = 'sha256', attributes, authPolicy, dataSize }: NvPublic): Buffer {
  return Buffer.concat([
    u32(nvIndex),
    u16(hashAlgorithms[nameAlg]),
    u32(attributes >>> 0),
    tpm2b(authPolicy ?? new Uint8Array()),
    u16(dataSize),
  ]);
}

export type SignatureScheme = { scheme: 'ecdsa' | 'rsassa' | 'rsapss'; hash: HashName } | 'null';

/** TPMT_SIG_SCHEME (Part 2, 11.2.1.5); `'null'` leaves the choice to the key's own scheme. */
export function signatureScheme(scheme: SignatureScheme): Buffer {
  if (scheme === 'null') return u16(TPM_ALG.NULL);
  const algorithms = { ecdsa: TPM_ALG.ECDSA, rsassa: TPM_ALG.RSASSA, rsapss: TPM_ALG.RSAPSS };
  return Buffer.concat([u16(algorithms[scheme.scheme]), u16(hashAlgorithms[scheme.hash])]);
}

/** TPMT_SIGNATURE of an ECDSA signature r || s (Part 2, 11.3.4), for TPM2_VerifySignature. */
export function ecdsaSignature(hash: HashName, rs: Uint8Array): Buffer {
  const half = rs.length / 2;
  return Buffer.concat([
    u16(TPM_ALG.ECDSA),
    u16(hashAlgorithms[hash]),
    tpm2b(rs.subarray(0, half)),
    tpm2b(rs.subarray(half)),
  ]);
}

/**
 * The Name of an object: nameAlg and the digest of its TPMT_PUBLIC (Part 1, 16). Also the Name of an NV index, from its
 * TPMS_NV_PUBLIC: in both structures the hash algorithm is at a known place.
 */
export function objectName(publicArea: Uint8Array): Buffer {
  return nameOf(publicArea, 2);
}

/** The Name of an NV index, of its TPMS_NV_PUBLIC; it changes when the index is first written. */
export function nvName(nvPublicArea: Uint8Array): Buffer {
  return nameOf(nvPublicArea, 4);
}

function nameOf(area: Uint8Array, algorithmAt: number): Buffer {
  const algorithm = area.length < algorithmAt + 2 ? 0 : Buffer.from(area).readUInt16BE(algorithmAt);
  const hash = hashName(algorithm);
  if (!hash)
    throw new UsageError('ERR_OPTION_INVALID', `name algorithm 0x${algorithm.toString(16)} is not a known hash`);
  return Buffer.concat([u16(algorithm), createHash(hash).update(area).digest()]);
}
