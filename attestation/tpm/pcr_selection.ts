/**
 * TPML_PCR_SELECTION (TPM 2.0 Part 2, 10.9.7) and TPMS_PCR_SELECTION (10.6.2).
 *
 * Which PCRs a digest covers is decided here and nowhere else: values are always looked up by bank and number, never by
 * their place in a list.
 */
import { ByteReader, hex16 } from './byte_reader.js';
import { ByteWriter } from './byte_writer.js';
import { type BankName, digest, hashById, requireHash } from './hash.js';

/** Part 2, Table: implementations have 16 banks at most (TPML_PCR_SELECTION's size is bounded by HASH_COUNT). */
const MAX_BANKS = 16;
/** PC Client platforms have 24 PCRs: three select bytes; four is what reserved-PCR implementations go to. */
const MAX_SELECT_BYTES = 4;
const DEFAULT_SELECT_BYTES = 3;

interface PcrBankSelection {
  /** TPM_ALG_ID. */
  hash: number;
  /** Ascending. */
  pcrs: readonly number[];
  /** sizeofSelect, kept because it is part of the signed encoding. */
  selectBytes: number;
}

/** In the order of the encoding: banks are not sorted, a TPM digests them in this order. */
export type PcrSelection = readonly PcrBankSelection[];

/** Values by bank and PCR number. */
export type PcrValues = ReadonlyMap<number, ReadonlyMap<number, Uint8Array>>;

export function readPcrSelection(reader: ByteReader): PcrSelection {
  const count = reader.u32('pcrSelect.count');
  if (count > MAX_BANKS) throw reader.error('pcrSelect.count', `at most ${MAX_BANKS}`, String(count));
  const banks: PcrBankSelection[] = [];
  for (let i = 0; i < count; i++) banks.push(readBank(reader, banks));
  return banks;
}

function readBank(reader: ByteReader, earlier: readonly PcrBankSelection[]): PcrBankSelection {
  const hash = reader.u16('pcrSelect.hash');
  // A bank named twice would make "the values of bank X" ambiguous.
  if (earlier.some((bank) => bank.hash === hash)) throw reader.error('pcrSelect.hash', 'each bank once', hex16(hash));
  const selectBytes = reader.u8('pcrSelect.sizeofSelect');
  if (selectBytes === 0 || selectBytes > MAX_SELECT_BYTES) {
    throw reader.error('pcrSelect.sizeofSelect', `1 to ${MAX_SELECT_BYTES}`, String(selectBytes));
  }
  const bitmap = reader.bytes(selectBytes, 'pcrSelect.pcrSelect');
  const pcrs: number[] = [];
  for (let pcr = 0; pcr < selectBytes * 8; pcr++) {
    if (((bitmap[pcr >> 3] ?? 0) >> (pcr & 7)) & 1) pcrs.push(pcr);
  }
  return { hash, pcrs, selectBytes };
}

export function parsePcrSelection(bytes: Uint8Array): PcrSelection {
  const reader = new ByteReader(bytes, 'TPML_PCR_SELECTION');
  const selection = readPcrSelection(reader);
  reader.finish();
  return selection;
}

export function marshalPcrSelection(selection: PcrSelection): Buffer {
  const writer = new ByteWriter().u32(selection.length);
  for (const bank of selection) {
    const bitmap = Buffer.alloc(bank.selectBytes);
    for (const pcr of bank.pcrs) bitmap.writeUInt8(bitmap.readUInt8(pcr >> 3) | (1 << (pcr & 7)), pcr >> 3);
    writer.u16(bank.hash).u8(bank.selectBytes).bytes(bitmap);
  }
  return writer.finish();
}

/** One bank, three select bytes: what this project asks a TPM for. */
export function selectPcrs(hash: number, pcrs: readonly number[]): PcrSelection {
  return [{ hash, pcrs: [...new Set(pcrs)].sort((a, b) => a - b), selectBytes: DEFAULT_SELECT_BYTES }];
}

/**
 * Whether both select the same PCRs in the same banks. Banks without PCRs and unused select bytes do not count; order of
 * banks does not count either, since each side's digest is taken in its own signed order.
 */
export function samePcrs(a: PcrSelection, b: PcrSelection): boolean {
  return describeSelection(a) === describeSelection(b);
}

/** "sha256:0,1,7" with banks by algorithm id; "none" when nothing is selected. For messages, and to compare. */
export function describeSelection(selection: PcrSelection): string {
  const banks = selection.filter((bank) => bank.pcrs.length > 0).sort((a, b) => a.hash - b.hash);
  return banks.map((bank) => `${bankName(bank.hash)}:${bank.pcrs.join(',')}`).join('+') || 'none';
}

export function bankName(hash: number): BankName | string {
  return hashById(hash)?.name ?? hex16(hash);
}

/**
 * The digest a TPM takes over selected PCRs (Part 3, 18.4 and 23.7), or the first PCR that has no value.
 * @param digestAlg - hash of the signing scheme for a quote, of the session for PolicyPCR; not of the bank.
 */
export function pcrDigest(
  digestAlg: number,
  selection: PcrSelection,
  values: PcrValues,
): { digest: Buffer } | { missing: { hash: number; pcr: number } } {
  const parts: Uint8Array[] = [];
  for (const { hash, pcrs } of selection) {
    for (const pcr of pcrs) {
      const value = values.get(hash)?.get(pcr);
      if (value === undefined || value.length !== requireHash(hash).sizeBytes) return { missing: { hash, pcr } };
      parts.push(value);
    }
  }
  return { digest: digest(digestAlg, ...parts) };
}
