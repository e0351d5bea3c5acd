/** The other direction of byte_reader.ts: big-endian marshalling (TPM 2.0 Part 2, 4.2). */
import { UsageError } from '../../src/errors.js';

export const u16 = (value: number): Buffer => new ByteWriter().u16(value).finish();
export const u32 = (value: number): Buffer => new ByteWriter().u32(value).finish();
export const u64 = (value: bigint): Buffer => new ByteWriter().u64(value).finish();

export class ByteWriter {
  readonly #parts: Uint8Array[] = [];

  u8(value: number): this {
    return this.#integer(1, BigInt(value));
  }

  u16(value: number): this {
    return this.#integer(2, BigInt(value));
  }

  u32(value: number): this {
    return this.#integer(4, BigInt(value));
  }

  u64(value: bigint): this {
    return this.#integer(8, value);
  }

  bytes(value: Uint8Array): this {
    this.#parts.push(value);
    return this;
  }

  /** A TPM2B. */
  sized(value: Uint8Array): this {
    return this.u16(value.length).bytes(value);
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #integer(sizeBytes: number, value: bigint): this {
    if (value < 0n || value >= 1n << BigInt(8 * sizeBytes)) {
      throw new UsageError('ERR_OPTION_INVALID', `${value} does not fit into ${sizeBytes} bytes`);
    }
    const out = Buffer.alloc(8);
    out.writeBigUInt64BE(value);
    this.#parts.push(out.subarray(8 - sizeBytes));
    return this;
  }
}
