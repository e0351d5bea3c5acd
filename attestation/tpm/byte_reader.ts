/**
 * A bounds-checked cursor over bytes an attacker may have chosen. Every read is checked, and finish() refuses what is left
 * over; whatever is wrong becomes ERR_EVIDENCE_MALFORMED with the name of the field, what was expected and what was got.
 */
import { EvidenceError } from '../../src/errors.js';

export function malformed(what: string, expected: string, got: string, cause?: unknown): EvidenceError {
  const options = { fields: { what, expected, got }, ...(cause === undefined ? {} : { cause }) };
  return new EvidenceError('ERR_EVIDENCE_MALFORMED', `${what}: expected ${expected}, got ${got}`, options);
}

export const hex16 = (value: number): string => `0x${value.toString(16).padStart(4, '0')}`;
export const hex32 = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;

export class ByteReader {
  readonly #bytes: Buffer;
  #offset = 0;

  /** @param structure - named in errors, for example "TPMS_ATTEST". */
  constructor(
    bytes: Uint8Array,
    readonly structure: string,
  ) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(field: string): number {
    return this.#take(1, field).readUInt8(0);
  }

  u16(field: string): number {
    return this.#take(2, field).readUInt16BE(0);
  }

  u32(field: string): number {
    return this.#take(4, field).readUInt32BE(0);
  }

  u64(field: string): bigint {
    return this.#take(8, field).readBigUInt64BE(0);
  }

  /** A copy: what is parsed stays what it was when the caller's buffer changes. */
  bytes(length: number, field: string): Buffer {
    return Buffer.from(this.#take(length, field));
  }

  /** A TPM2B: UINT16 size, then that many bytes, at most `maxBytes`. */
  sized(field: string, maxBytes: number): Buffer {
    const size = this.u16(`${field}.size`);
    if (size > maxBytes) throw this.error(`${field}.size`, `at most ${maxBytes}`, String(size));
    return this.bytes(size, field);
  }

  /** The rest belongs to nobody: a structure that parses has exactly one encoding. */
  finish(): void {
    if (this.remaining !== 0) throw this.error('end', 'no trailing bytes', `${this.remaining}`);
  }

  error(field: string, expected: string, got: string): EvidenceError {
    return malformed(`${this.structure} ${field}`, expected, got);
  }

  #take(length: number, field: string): Buffer {
    if (length > this.remaining) {
      throw this.error(field, `${length} bytes at offset ${this.#offset}`, `${this.remaining}`);
    }
    const out = this.#bytes.subarray(this.#offset, this.#offset + length);
    this.#offset += length;
    return out;
  }
}
