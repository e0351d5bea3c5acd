/**
 * PCR values as `tpm2_quote -F serialized` writes them: the C structs TPML_PCR_SELECTION (16 entries), UINT32 count, TPML_DIGEST
 * (8 entries), little-endian with the compiler's padding.
 */
import type { PcrValue } from '../../attestation/protocol/decode.js';
import { hashById } from '../../attestation/tpm/hash.js';

const SELECTION_ENTRY_BYTES = 8;
const SELECTION_BYTES = 4 + 16 * SELECTION_ENTRY_BYTES;
const DIGEST_ENTRY_BYTES = 66;
const DIGEST_LIST_BYTES = 4 + 8 * DIGEST_ENTRY_BYTES;

export function parseTpm2ToolsPcrs(file: Buffer): PcrValue[] {
  const wanted: { bank: PcrValue['bank']; index: number }[] = [];
  for (let i = 0; i < file.readUInt32LE(0); i++) {
    const entry = file.subarray(4 + i * SELECTION_ENTRY_BYTES);
    const bank = hashById(entry.readUInt16LE(0))?.name;
    for (let pcr = 0; pcr < 8 * entry.readUInt8(2); pcr++) {
      if (bank !== undefined && (entry.readUInt8(3 + (pcr >> 3)) >> (pcr & 7)) & 1) wanted.push({ bank, index: pcr });
    }
  }
  const values: Buffer[] = [];
  for (let list = 0; list < file.readUInt32LE(SELECTION_BYTES); list++) {
    const offset = SELECTION_BYTES + 4 + list * DIGEST_LIST_BYTES;
    for (let i = 0; i < file.readUInt32LE(offset); i++) {
      const entry = file.subarray(offset + 4 + i * DIGEST_ENTRY_BYTES);
      values.push(Buffer.from(entry.subarray(2, 2 + entry.readUInt16LE(0))));
    }
  }
  return wanted.map((pcr, i) => ({ ...pcr, value: values[i] ?? Buffer.alloc(0) }));
}
