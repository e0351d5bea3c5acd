/** Protobuf's wire format, as far as ONNX files use it: what the cases' own files are read with, apart from the engine under test. */
export interface Field {
  readonly number: number;
  /** A varint, or the bits of a fixed32 or fixed64; 0n for length-delimited fields. */
  readonly value: bigint;
  /** Of a length-delimited field; undefined for the others. */
  readonly bytes: Buffer | undefined;
}

export function* fieldsOf(message: Buffer): Generator<Field> {
  for (let at = 0; at < message.length; ) {
    const key = readVarint(message, at);
    const number = Number(key.value >> 3n);
    at = key.next;
    switch (Number(key.value & 7n)) {
      case 0: {
        const { value, next } = readVarint(message, at);
        yield { number, value, bytes: undefined };
        at = next;
        break;
      }
      case 1:
        yield { number, value: message.readBigUInt64LE(at), bytes: undefined };
        at += 8;
        break;
      case 2: {
        const { value, next } = readVarint(message, at);
        at = next + Number(value);
        if (at > message.length) throw new Error('protobuf message is cut short');
        yield { number, value: 0n, bytes: message.subarray(next, at) };
        break;
      }
      case 5:
        yield { number, value: BigInt(message.readUInt32LE(at)), bytes: undefined };
        at += 4;
        break;
      default:
        throw new Error(`protobuf field ${number} has an unknown wire type`);
    }
  }
}

/** The messages, strings or bytes in the fields of this number. */
export function bytesOf(message: Buffer, number: number): Buffer[] {
  return [...fieldsOf(message)].flatMap((field) => (field.number === number && field.bytes ? [field.bytes] : []));
}

/** Repeated integers, packed or one by one, as two's complement of 64 bits. */
export function integersOf(message: Buffer, number: number): bigint[] {
  const values: bigint[] = [];
  for (const field of fieldsOf(message)) {
    if (field.number !== number) continue;
    if (field.bytes === undefined) values.push(BigInt.asIntN(64, field.value));
    else
      for (let at = 0; at < field.bytes.length; ) {
        const { value, next } = readVarint(field.bytes, at);
        values.push(BigInt.asIntN(64, value));
        at = next;
      }
  }
  return values;
}

function readVarint(message: Buffer, at: number): { value: bigint; next: number } {
  let value = 0n;
  for (let shift = 0n, next = at; shift < 70n; shift += 7n) {
    const byte = message[next++];
    if (byte === undefined) throw new Error('protobuf message is cut short');
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return { value: BigInt.asUintN(64, value), next };
  }
  throw new Error('protobuf varint is too long');
}
