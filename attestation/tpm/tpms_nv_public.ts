/** TPMS_NV_PUBLIC (TPM 2.0 Part 2, 13.5) and the Name of an NV index (Part 1, 16). */
import { ByteReader, hex16 } from './byte_reader.js';
import { ByteWriter, u16 } from './byte_writer.js';
import { digest, hashById } from './hash.js';

export interface TpmsNvPublic {
  nvIndex: number;
  nameAlg: number;
  attributes: number;
  authPolicy: Uint8Array;
  dataSize: number;
}

const MAX_DIGEST_BYTES = 64;

/** @throws EvidenceError ERR_EVIDENCE_MALFORMED */
export function parseTpmsNvPublic(bytes: Uint8Array): TpmsNvPublic {
  const reader = new ByteReader(bytes, 'TPMS_NV_PUBLIC');
  const nvIndex = reader.u32('nvIndex');
  const nameAlg = reader.u16('nameAlg');
  const hash = hashById(nameAlg);
  if (hash === undefined) throw reader.error('nameAlg', 'a SHA-1 or SHA-2 algorithm', hex16(nameAlg));
  const attributes = reader.u32('attributes');
  const authPolicy = reader.sized('authPolicy', MAX_DIGEST_BYTES);
  if (authPolicy.length !== 0 && authPolicy.length !== hash.sizeBytes) {
    throw reader.error('authPolicy.size', `0 or ${hash.sizeBytes}`, String(authPolicy.length));
  }
  const dataSize = reader.u16('dataSize');
  reader.finish();
  return { nvIndex, nameAlg, attributes, authPolicy, dataSize };
}

export function marshalTpmsNvPublic(area: TpmsNvPublic): Buffer {
  const writer = new ByteWriter().u32(area.nvIndex).u16(area.nameAlg).u32(area.attributes);
  return writer.sized(area.authPolicy).u16(area.dataSize).finish();
}

/** Attributes count: the Name changes when the index is first written and while it is read-locked. */
export function computeNvName(area: TpmsNvPublic): Buffer {
  return Buffer.concat([u16(area.nameAlg), digest(area.nameAlg, marshalTpmsNvPublic(area))]);
}
