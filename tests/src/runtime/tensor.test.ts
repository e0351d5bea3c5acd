import { Tensor as OrtTensor } from 'onnxruntime-common';
import { describe, expect, it } from 'vitest';
import { ModelError, UsageError } from '../../../src/errors.js';
import { Tensor } from '../../../src/runtime/tensor.js';

describe('Tensor', () => {
  it('takes type, data and dims', () => {
    const data = new Float32Array(6);
    const tensor = new Tensor('float32', data, [2, 3]);
    expect(tensor).toMatchObject({ type: 'float32', dims: [2, 3], size: 6, location: 'cpu' });
    expect(tensor.data).toBe(data);
  });

  it('takes the type from a typed array, and one dimension when none are given', () => {
    expect(new Tensor(new Float32Array(3))).toMatchObject({ type: 'float32', dims: [3] });
    expect(new Tensor(new Uint8Array(3), [3, 1])).toMatchObject({ type: 'uint8', dims: [3, 1] });
    expect(new Tensor(BigInt64Array.of(1n))).toMatchObject({ type: 'int64' });
    expect(new Tensor(['a', 'b'])).toMatchObject({ type: 'string', dims: [2] });
    expect(new Tensor([true, false]).data).toEqual(Uint8Array.of(1, 0));
  });

  it('converts arrays of numbers', () => {
    expect(new Tensor('int64', [1, 2n]).data).toEqual(BigInt64Array.of(1n, 2n));
    expect(new Tensor('float32', [1, 0.5]).data).toEqual(Float32Array.of(1, 0.5));
    expect(new Tensor('bool', [true, false]).data).toEqual(Uint8Array.of(1, 0));
    expect(new Tensor('float32', [7], []).dims).toEqual([]);
  });

  it('has the fields of onnxruntime-common for the same arguments', () => {
    const data = Float32Array.of(1, 2, 3, 4);
    const ours = new Tensor('float32', data, [2, 2]);
    const theirs = new OrtTensor('float32', data, [2, 2]);
    for (const field of ['type', 'dims', 'data', 'size', 'location'] as const)
      expect(ours[field]).toEqual(theirs[field]);
    expect(ours.reshape([4]).dims).toEqual(theirs.reshape([4]).dims);
  });

  it('refuses what does not fit, saying what was expected', () => {
    const cases: [() => unknown, string][] = [
      [() => new Tensor('float32', new Float32Array(5), [2, 3]), 'tensor of dims [2, 3]: expected 6 elements, got 5'],
      [
        () => new Tensor('float32', new Float64Array(1) as never),
        'float32 tensor: expected Float32Array, got Float64Array',
      ],
      [() => new Tensor('int64', [1.5]), 'int64 tensor: element 0: got 1.5'],
      [() => new Tensor('float32', new Float32Array(1), [-1]), 'tensor dims: expected whole numbers from 0, got -1'],
      [() => new Tensor('string', [1] as never), 'string tensor: expected an array of strings, got Array'],
      [() => new Tensor(null as never), 'tensor without a type: expected a typed array, got null'],
    ];
    for (const [make, message] of cases) {
      expect(make).toThrow(ModelError);
      expect(make).toThrow(message);
    }
    expect(() => new Tensor('complex64' as never, [])).toThrow(UsageError);
  });

  it('keeps its dims from later changes', () => {
    const dims = [2];
    const tensor = new Tensor('float32', new Float32Array(2), dims);
    dims[0] = 3;
    expect(tensor.dims).toEqual([2]);
  });
});
