import type { TensorData, TensorType } from '../../src/index.js';
import { bytesOf, fieldsOf, integersOf } from './wire.js';

/** A TensorProto of a case. bfloat16 has no name in the public API: it is here so that a case can be told to need it. */
export interface CaseTensor {
  readonly name: string;
  readonly type: TensorType | 'bfloat16';
  readonly dims: readonly number[];
  readonly data: TensorData;
}

// onnx.proto, TensorProto: field numbers, and which typed field holds which data type when there is no raw_data.
const DIMS = 1;
const DATA_TYPE = 2;
const FLOAT_DATA = 4;
const INT32_DATA = 5;
const STRING_DATA = 6;
const INT64_DATA = 7;
const NAME = 8;
const RAW_DATA = 9;
const DOUBLE_DATA = 10;
const UINT64_DATA = 11;

type ArrayConstructor = { from(values: readonly unknown[]): TensorData; new (buffer: ArrayBuffer): TensorData };
const types: Record<number, [type: CaseTensor['type'], array: unknown, field: number]> = {
  1: ['float32', Float32Array, FLOAT_DATA],
  2: ['uint8', Uint8Array, INT32_DATA],
  3: ['int8', Int8Array, INT32_DATA],
  4: ['uint16', Uint16Array, INT32_DATA],
  5: ['int16', Int16Array, INT32_DATA],
  6: ['int32', Int32Array, INT32_DATA],
  7: ['int64', BigInt64Array, INT64_DATA],
  9: ['bool', Uint8Array, INT32_DATA],
  10: ['float16', Uint16Array, INT32_DATA],
  11: ['float64', Float64Array, DOUBLE_DATA],
  12: ['uint32', Uint32Array, UINT64_DATA],
  13: ['uint64', BigUint64Array, UINT64_DATA],
  16: ['bfloat16', Uint16Array, INT32_DATA],
};

export function readTensor(message: Buffer): CaseTensor {
  const name = bytesOf(message, NAME)[0]?.toString('utf8') ?? '';
  const dims = integersOf(message, DIMS).map(Number);
  const code = Number(integersOf(message, DATA_TYPE)[0] ?? 0n);
  if (code === 8) {
    return { name, type: 'string', dims, data: bytesOf(message, STRING_DATA).map((text) => text.toString('utf8')) };
  }
  const row = types[code];
  if (row === undefined) throw new Error(`tensor ${name} has data type ${code}, which has no reader`);
  const [type, array, field] = row;
  return { name, type, dims, data: elements(message, array as ArrayConstructor, field) };
}

function elements(message: Buffer, array: ArrayConstructor, field: number): TensorData {
  const raw = bytesOf(message, RAW_DATA)[0];
  if (raw !== undefined) return new array(exactly(raw));
  if (field === FLOAT_DATA || field === DOUBLE_DATA) return new array(fixedWidth(message, field));
  const values = integersOf(message, field);
  const big = field === INT64_DATA || (array as unknown) === BigUint64Array;
  return array.from(big ? values : values.map(Number));
}

/** Packed or one by one, the values lie as a typed array wants them. */
function fixedWidth(message: Buffer, number: number): ArrayBuffer {
  const parts: Buffer[] = [];
  for (const field of fieldsOf(message)) {
    if (field.number !== number) continue;
    const single = Buffer.alloc(8);
    single.writeBigUInt64LE(field.value);
    parts.push(field.bytes ?? single.subarray(0, number === FLOAT_DATA ? 4 : 8));
  }
  return exactly(Buffer.concat(parts));
}

/** A copy that begins where its buffer does: typed arrays want alignment. */
function exactly(bytes: Buffer): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return copy;
}
