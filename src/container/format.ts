/** Numbers and fixed strings of the container (SPEC.md "Header", "Segments", "Key derivation"). */
import { hkdfSync } from 'node:crypto';

export const MAGIC = Buffer.from('SEALEDGE', 'ascii');
export const CONTAINER_VERSION = 1;
export const HEADER_BYTES = 16;
export const MAX_ENVELOPE_BYTES = 1 << 20;
const SEGMENT_ALIGNMENT = 4096;
/** One AES-GCM message (NIST SP 800-38D, 5.2.1.1). */
export const MAX_SEGMENT_BYTES = 2 ** 36 - 32;
/** Weight segments are padded to a multiple of it. */
export const WEIGHT_SEGMENT_GRANULE = 64;
export const SUITE_1 = 1;
export const CONTENT_KEY_BYTES = 32;
export const KEY_PAYLOAD_BYTES = 104;

/** The layout byte of the associated data. */
export const LAYOUT_BYTES = {
  plain: 0,
  panel16: 1,
  depthwise16: 2,
  int8_panel16: 3,
  uint8_panel16: 4,
  int8_depthwise16: 5,
  uint8_depthwise16: 6,
  graph: 255,
} as const;

export function align(offset: number): number {
  return Math.ceil(offset / SEGMENT_ALIGNMENT) * SEGMENT_ALIGNMENT;
}

export function encodeHeader(envelopeLength: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32BE(CONTAINER_VERSION, 8);
  header.writeUInt32BE(envelopeLength, 12);
  return header;
}

const SEGMENT_DOMAIN = Buffer.from('sealedge/segment/1', 'ascii');
const NO_SALT = Buffer.alloc(0);

function u16(value: number): Buffer {
  const out = Buffer.alloc(2);
  out.writeUInt16BE(value);
  return out;
}

/** `key id = HKDF-SHA-256(content key, salt = empty, info = "sealedge/key-id/1", length = 32)` */
export function deriveKeyId(contentKey: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', contentKey, NO_SALT, 'sealedge/key-id/1', 32));
}

/** `segment key = HKDF-SHA-256(content key, salt = id, info = "sealedge/segment/1" ‖ u16(suite), length = 32)` */
export function deriveSegmentKey(contentKey: Uint8Array, segmentId: Uint8Array, suite: number): Buffer {
  return Buffer.from(hkdfSync('sha256', contentKey, segmentId, Buffer.concat([SEGMENT_DOMAIN, u16(suite)]), 32));
}

/** `aad = "sealedge/segment/1" ‖ u16(suite) ‖ u8(layout) ‖ id ‖ u64(length)` */
export function segmentAad(suite: number, layout: number, segmentId: Uint8Array, length: number): Buffer {
  const lengthBytes = Buffer.alloc(8);
  lengthBytes.writeBigUInt64BE(BigInt(length));
  return Buffer.concat([SEGMENT_DOMAIN, u16(suite), Buffer.of(layout), segmentId, lengthBytes]);
}
