import type { TensorType } from '../types.js';
import { float16Array } from './float16.js';

interface DataTypeRow {
  readonly type: TensorType;
  /** onnx.TensorProto.DataType */
  readonly code: number;
  readonly array: NumericArrayConstructor;
}

export type NumericArrayConstructor = {
  new (buffer: ArrayBuffer, byteOffset?: number, length?: number): NumericArray;
  new (length: number): NumericArray;
  readonly BYTES_PER_ELEMENT: number;
  readonly name: string;
};

export type NumericArray =
  | Float32Array
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float64Array
  | Uint32Array
  | BigUint64Array;

/** Every type but `string`, which has no typed array and which the native engine does not store. */
export const dataTypes: readonly DataTypeRow[] = [
  { type: 'float32', code: 1, array: Float32Array },
  { type: 'uint8', code: 2, array: Uint8Array },
  { type: 'int8', code: 3, array: Int8Array },
  { type: 'uint16', code: 4, array: Uint16Array },
  { type: 'int16', code: 5, array: Int16Array },
  { type: 'int32', code: 6, array: Int32Array },
  { type: 'int64', code: 7, array: BigInt64Array },
  { type: 'bool', code: 9, array: Uint8Array },
  { type: 'float16', code: 10, array: float16Array },
  { type: 'float64', code: 11, array: Float64Array },
  { type: 'uint32', code: 12, array: Uint32Array },
  { type: 'uint64', code: 13, array: BigUint64Array },
];

const stringCode = 8;
const byType = new Map(dataTypes.map((row) => [row.type as string, row]));
const byCode = new Map(dataTypes.map((row) => [row.code, row]));

export function dataTypeOf(type: string): DataTypeRow | undefined {
  return byType.get(type);
}

export function tensorTypeOfCode(code: number): TensorType | undefined {
  return code === stringCode ? 'string' : byCode.get(code)?.type;
}

export function arrayOfCode(code: number, buffer: ArrayBuffer): NumericArray | undefined {
  const row = byCode.get(code);
  return row === undefined ? undefined : new row.array(buffer);
}
