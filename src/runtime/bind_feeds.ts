import { types } from 'node:util';
import { ModelError } from '../errors.js';
import type { Feeds, TensorLike, ValueMetadata } from '../types.js';
import type { BoundInput } from './backend.js';
import { dataTypeOf } from './data_types.js';
import { describe, elementCount } from './tensor.js';

/** Checks feeds against the model's inputs, whatever the backend: names, types, ranks, fixed dimensions, sizes. */
export function bindFeeds(inputs: readonly ValueMetadata[], feeds: Feeds): BoundInput[] {
  if (feeds === null || typeof feeds !== 'object') {
    throw invalid(`feeds: expected an object of tensors by input name, got ${describe(feeds)}`);
  }
  const names = inputs.map((input) => input.name);
  for (const name of Object.keys(feeds)) {
    if (!names.includes(name)) {
      throw invalid(`feeds: expected ${names.join(', ')}, got ${name}`, { input: name, expected: names, got: name });
    }
  }
  return inputs.map((input) => bindOne(input, feeds[input.name]));
}

function bindOne(expected: ValueMetadata, tensor: TensorLike | undefined): BoundInput {
  const { name } = expected;
  if (tensor === undefined) throw invalid(`input ${name}: expected a tensor, got none`, { input: name });
  if (tensor === null || typeof tensor !== 'object' || !Array.isArray(tensor.dims)) {
    throw invalid(`input ${name}: expected a tensor, got ${describe(tensor)}`, { input: name });
  }
  if (tensor.type !== expected.type) {
    throw invalid(`input ${name}: expected ${expected.type}, got ${tensor.type}`, {
      input: name,
      expected: expected.type,
      got: tensor.type,
    });
  }
  checkShape(expected, tensor.dims);
  return { name, type: expected.type, dims: tensor.dims, data: checkedData(expected, tensor) };
}

function checkShape({ name, shape }: ValueMetadata, dims: readonly number[]): void {
  const fits =
    dims.length === shape.length &&
    dims.every((dim, i) => typeof shape[i] === 'string' || shape[i] === -1 || shape[i] === dim);
  // A scalar input and one whose shape the model does not declare look alike here: the engine knows which it is.
  if (fits || shape.length === 0) return;
  throw new ModelError(
    'ERR_SHAPE_MISMATCH',
    `input ${name}: expected [${shape.join(', ')}], got [${dims.join(', ')}]`,
    { fields: { input: name, expected: shape, got: dims } },
  );
}

function checkedData({ name, type }: ValueMetadata, tensor: TensorLike): BoundInput['data'] {
  const elements = elementCount(tensor.dims);
  const data = tensor.data;
  const row = dataTypeOf(type);
  const bits = type === 'float16' && data instanceof Uint16Array;
  const fits = row === undefined ? Array.isArray(data) : data instanceof row.array || bits;
  if (!fits) {
    throw invalid(`input ${name}: expected ${row?.array.name ?? 'an array of strings'}, got ${describe(data)}`, {
      input: name,
    });
  }
  const array = data as Exclude<BoundInput['data'], readonly string[]>;
  if (array.length !== elements) {
    throw invalid(`input ${name}: expected ${elements} elements, got ${array.length}`, {
      input: name,
      expected: elements,
      got: array.length,
    });
  }
  // Another thread may write to shared memory between our checks and the computation. Not instanceof: a vm context has its own.
  const own = types.isSharedArrayBuffer(array.buffer) ? array.slice() : array;
  // Backends take float16 as its bits: Node-API has no name for a Float16Array.
  return type === 'float16' ? new Uint16Array(own.buffer, own.byteOffset, own.length) : own;
}

function invalid(message: string, fields: Record<string, unknown> = {}): ModelError {
  return new ModelError('ERR_INPUT_INVALID', message, { fields });
}
