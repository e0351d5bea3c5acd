/**
 * TPMS_ATTEST (TPM 2.0 Part 2, 10.12.12) for quotes, certified keys, certified NV contents and creation. The parser accepts any
 * magic value, so that "not made by a TPM" and "not parsable" stay different refusals: callers check {@link TpmsAttest.magic}.
 */
import { ByteReader, hex16 } from './byte_reader.js';
import { ByteWriter } from './byte_writer.js';
import {
  TPM_ST_ATTEST_CERTIFY,
  TPM_ST_ATTEST_CREATION,
  TPM_ST_ATTEST_NV,
  TPM_ST_ATTEST_NV_DIGEST,
  TPM_ST_ATTEST_QUOTE,
} from './constants.js';
import { hashById } from './hash.js';
import { marshalPcrSelection, type PcrSelection, readPcrSelection } from './pcr_selection.js';

/** TPMS_CLOCK_INFO, Part 2, 10.11.1. */
export interface ClockInfo {
  clock: bigint;
  resetCount: number;
  restartCount: number;
  /** Whether no greater value of clock was ever reported. */
  safe: boolean;
}

/** TPMU_ATTEST, Part 2, 10.12.11. */
export type Attested =
  | { type: typeof TPM_ST_ATTEST_QUOTE; pcrSelect: PcrSelection; pcrDigest: Uint8Array }
  | { type: typeof TPM_ST_ATTEST_CERTIFY; name: Uint8Array; qualifiedName: Uint8Array }
  | { type: typeof TPM_ST_ATTEST_CREATION; objectName: Uint8Array; creationHash: Uint8Array }
  | { type: typeof TPM_ST_ATTEST_NV; indexName: Uint8Array; offset: number; nvContents: Uint8Array }
  | { type: typeof TPM_ST_ATTEST_NV_DIGEST; indexName: Uint8Array; nvDigest: Uint8Array };

export interface TpmsAttest {
  magic: number;
  qualifiedSigner: Uint8Array;
  /** qualifyingData of the command: the nonce. */
  extraData: Uint8Array;
  clockInfo: ClockInfo;
  firmwareVersion: bigint;
  attested: Attested;
}

/** TPM2B_NAME: a handle, or nameAlg and the longest digest. */
const MAX_NAME_BYTES = 2 + 64;
/** TPM2B_DATA: sizeof(TPMT_HA). */
const MAX_DATA_BYTES = 2 + 64;
const MAX_DIGEST_BYTES = 64;
/** TPM2B_MAX_NV_BUFFER of PC Client TPMs. */
const MAX_NV_BUFFER_BYTES = 2048;

const TYPE_NAMES: Readonly<Record<number, string>> = {
  [TPM_ST_ATTEST_NV]: 'TPM_ST_ATTEST_NV',
  [TPM_ST_ATTEST_CERTIFY]: 'TPM_ST_ATTEST_CERTIFY',
  [TPM_ST_ATTEST_QUOTE]: 'TPM_ST_ATTEST_QUOTE',
  [TPM_ST_ATTEST_CREATION]: 'TPM_ST_ATTEST_CREATION',
  [TPM_ST_ATTEST_NV_DIGEST]: 'TPM_ST_ATTEST_NV_DIGEST',
};
const typeName = (type: number): string => TYPE_NAMES[type] ?? hex16(type);

/**
 * @param expectedType - refuses any other before its body is read: a certification is no quote, whatever its bytes.
 * @throws EvidenceError ERR_EVIDENCE_MALFORMED
 */
export function parseTpmsAttest(bytes: Uint8Array, expectedType?: Attested['type']): TpmsAttest {
  const reader = new ByteReader(bytes, 'TPMS_ATTEST');
  const magic = reader.u32('magic');
  const type = reader.u16('type');
  if (expectedType !== undefined && type !== expectedType) {
    throw reader.error('type', typeName(expectedType), typeName(type));
  }
  const qualifiedSigner = readName(reader, 'qualifiedSigner');
  const extraData = reader.sized('extraData', MAX_DATA_BYTES);
  const clockInfo = readClockInfo(reader);
  const firmwareVersion = reader.u64('firmwareVersion');
  const attested = readAttested(reader, type);
  reader.finish();
  return { magic, qualifiedSigner, extraData, clockInfo, firmwareVersion, attested };
}

function readClockInfo(reader: ByteReader): ClockInfo {
  const clock = reader.u64('clockInfo.clock');
  const resetCount = reader.u32('clockInfo.resetCount');
  const restartCount = reader.u32('clockInfo.restartCount');
  const safe = reader.u8('clockInfo.safe');
  if (safe > 1) throw reader.error('clockInfo.safe', 'YES or NO', String(safe));
  return { clock, resetCount, restartCount, safe: safe === 1 };
}

function readAttested(reader: ByteReader, type: number): Attested {
  switch (type) {
    case TPM_ST_ATTEST_QUOTE: {
      const pcrSelect = readPcrSelection(reader);
      return { type, pcrSelect, pcrDigest: reader.sized('attested.pcrDigest', MAX_DIGEST_BYTES) };
    }
    case TPM_ST_ATTEST_CERTIFY: {
      const name = readName(reader, 'attested.name');
      return { type, name, qualifiedName: readName(reader, 'attested.qualifiedName') };
    }
    case TPM_ST_ATTEST_CREATION: {
      const objectName = readName(reader, 'attested.objectName');
      return { type, objectName, creationHash: reader.sized('attested.creationHash', MAX_DIGEST_BYTES) };
    }
    case TPM_ST_ATTEST_NV: {
      const indexName = readName(reader, 'attested.indexName');
      const offset = reader.u16('attested.offset');
      return { type, indexName, offset, nvContents: reader.sized('attested.nvContents', MAX_NV_BUFFER_BYTES) };
    }
    case TPM_ST_ATTEST_NV_DIGEST: {
      const indexName = readName(reader, 'attested.indexName');
      return { type, indexName, nvDigest: reader.sized('attested.nvDigest', MAX_DIGEST_BYTES) };
    }
    default:
      throw reader.error('type', 'a quote, certify, creation or NV attestation', typeName(type));
  }
}

/** TPM2B_NAME, Part 2, 10.5.3: empty, a handle of 4 bytes, or nameAlg with its digest. */
function readName(reader: ByteReader, field: string): Buffer {
  const name = reader.sized(field, MAX_NAME_BYTES);
  if (name.length === 0 || name.length === 4) return name;
  const nameAlg = name.length < 2 ? 0 : name.readUInt16BE(0);
  const hash = hashById(nameAlg);
  if (hash === undefined) throw reader.error(field, 'a Name with a SHA-1 or SHA-2 nameAlg', hex16(nameAlg));
  if (name.length !== 2 + hash.sizeBytes) {
    throw reader.error(`${field}.size`, String(2 + hash.sizeBytes), String(name.length));
  }
  return name;
}

export function marshalTpmsAttest(attest: TpmsAttest): Buffer {
  const { clockInfo, attested } = attest;
  const writer = new ByteWriter().u32(attest.magic).u16(attested.type);
  writer.sized(attest.qualifiedSigner).sized(attest.extraData);
  writer
    .u64(clockInfo.clock)
    .u32(clockInfo.resetCount)
    .u32(clockInfo.restartCount)
    .u8(clockInfo.safe ? 1 : 0);
  writer.u64(attest.firmwareVersion);
  switch (attested.type) {
    case TPM_ST_ATTEST_QUOTE:
      return writer.bytes(marshalPcrSelection(attested.pcrSelect)).sized(attested.pcrDigest).finish();
    case TPM_ST_ATTEST_CERTIFY:
      return writer.sized(attested.name).sized(attested.qualifiedName).finish();
    case TPM_ST_ATTEST_CREATION:
      return writer.sized(attested.objectName).sized(attested.creationHash).finish();
    case TPM_ST_ATTEST_NV:
      return writer.sized(attested.indexName).u16(attested.offset).sized(attested.nvContents).finish();
    case TPM_ST_ATTEST_NV_DIGEST:
      return writer.sized(attested.indexName).sized(attested.nvDigest).finish();
  }
}
