import { ModelError, UsageError } from '../errors.js';
import type { TensorData, TensorLike, TensorType } from '../types.js';
import { dataTypeOf, dataTypes, type NumericArray } from './data_types.js';
import { float16Bits, hasFloat16Array } from './float16.js';

/**
 * A tensor in CPU memory, shaped like `Tensor` of onnxruntime-common:
 * `new Tensor('float32', data, [1, 3, 32, 32])`, or `new Tensor(float32Array, dims)` with the type taken from the array.
 */
export class Tensor implements TensorLike {
  readonly type: TensorType;
  readonly data: TensorData;
  readonly dims: readonly number[];
  /** Number of elements. */
  readonly size: number;
  readonly location = 'cpu';

  constructor(type: TensorType, data: TensorData | readonly (number | bigint | boolean)[], dims?: readonly number[]);
  constructor(data: TensorData | readonly boolean[], dims?: readonly number[]);
  constructor(
    first: TensorType | TensorData | readonly boolean[],
    second?: TensorData | readonly (number | bigint | boolean)[] | readonly number[],
    third?: readonly number[],
  ) {
    if (typeof first === 'string') {
      this.type = first;
      this.data = elementsOf(first, second);
      this.dims = checkedDims(third ?? [this.data.length]);
    } else {
      const [type, data] = inferred(first);
      this.type = type;
      this.data = data;
      this.dims = checkedDims((second as readonly number[] | undefined) ?? [data.length]);
    }
    this.size = elementCount(this.dims);
    if (this.size !== this.data.length) {
      throw new ModelError(
        'ERR_INPUT_INVALID',
        `tensor of dims [${this.dims.join(', ')}]: expected ${this.size} elements, got ${this.data.length}`,
        { fields: { expected: this.size, got: this.data.length } },
      );
    }
  }

  /** As in onnxruntime-common, where data may still be on a device. */
  getData(): Promise<TensorData> {
    return Promise.resolve(this.data);
  }

  /** The same data under other dims. */
  reshape(dims: readonly number[]): Tensor {
    return new Tensor(this.type, this.data, dims);
  }

  /** Nothing to free: data is an ordinary typed array. */
  dispose(): void {}
}

function elementsOf(type: string, data: unknown): TensorData {
  if (type === 'string') {
    if (Array.isArray(data) && data.every((item) => typeof item === 'string')) return data;
    throw invalid(`string tensor: expected an array of strings, got ${describe(data)}`);
  }
  const row = dataTypeOf(type);
  if (row === undefined) {
    const known = [...dataTypes.map((known) => known.type), 'string'].join(', ');
    throw new UsageError('ERR_OPTION_INVALID', `tensor type: expected one of ${known}, got ${String(type)}`);
  }
  if (Array.isArray(data)) return fromNumbers(type as TensorType, row.array, data);
  if (type === 'float16' && hasFloat16Array && data instanceof Uint16Array) {
    return new row.array(data.buffer as ArrayBuffer, data.byteOffset, data.length);
  }
  // Uint8ClampedArray and Buffer hold bytes as Uint8Array does.
  const fits = data instanceof row.array || (row.array === Uint8Array && data instanceof Uint8ClampedArray);
  if (!fits) throw invalid(`${type} tensor: expected ${row.array.name}, got ${describe(data)}`);
  return data as NumericArray;
}

function fromNumbers(
  type: TensorType,
  array: { new (length: number): NumericArray },
  values: readonly unknown[],
): TensorData {
  const result = new array(values.length);
  const big = result instanceof BigInt64Array || result instanceof BigUint64Array;
  const bits = type === 'float16' && !hasFloat16Array;
  for (const [i, value] of values.entries()) {
    if (big && (typeof value === 'bigint' || Number.isSafeInteger(value))) result[i] = BigInt(value as bigint | number);
    else if (type === 'bool' && typeof value === 'boolean') result[i] = value ? 1 : 0;
    else if (!big && typeof value === 'number') result[i] = bits ? float16Bits(value) : value;
    else throw invalid(`${type} tensor: element ${i}: got ${describe(value)}`);
  }
  return result;
}

function inferred(data: unknown): [TensorType, TensorData] {
  if (Array.isArray(data)) {
    if (data.every((item) => typeof item === 'string')) return ['string', data];
    if (data.every((item) => typeof item === 'boolean')) return ['bool', Uint8Array.from(data, Number)];
    throw invalid('tensor without a type: expected a typed array, strings or booleans');
  }
  for (const row of dataTypes) {
    // The first row of an array type is the one it stands for: Uint8Array is uint8, not bool.
    if (data instanceof row.array) return [row.type, data];
  }
  throw invalid(`tensor without a type: expected a typed array, got ${describe(data)}`);
}

function checkedDims(dims: readonly number[]): readonly number[] {
  if (!Array.isArray(dims)) throw invalid(`tensor dims: expected an array, got ${describe(dims)}`);
  for (const dim of dims) {
    if (!Number.isSafeInteger(dim) || dim < 0)
      throw invalid(`tensor dims: expected whole numbers from 0, got ${String(dim)}`);
  }
  return Object.freeze([...dims]);
}

export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

export function describe(value: unknown): string {
  if (value === null || typeof value !== 'object') return typeof value === 'string' ? 'string' : String(value);
  return value.constructor?.name ?? 'object';
}

function invalid(message: string): ModelError {
  return new ModelError('ERR_INPUT_INVALID', message);
}
