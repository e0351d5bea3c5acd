/** Every element type through the public API and the engine: elements as they went in, types as they are named. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { dataTypes } from '../../../src/runtime/data_types.js';
import { elementValues } from '../../../src/runtime/float16.js';
import { InferenceSession } from '../../../src/runtime/session.js';
import { Tensor } from '../../../src/runtime/tensor.js';
import type { TensorType } from '../../../src/types.js';
import { bytes, int, message } from '../../vectors/tiny_onnx.js';

/** ValueInfoProto{1 name, 2 type}; onnx.TensorProto.DataType `code`. */
function value(field: number, name: string, code: number, dims: readonly number[]): Buffer {
  const shape = dims.map((dim) => message(1, int(1, dim)));
  return message(field, bytes(1, name), message(2, message(1, int(1, code), message(2, ...shape))));
}

/** x, and twice x one after the other: y = Concat(x, x), same = Identity(x). */
function twice(code: number, dims: readonly number[]): Buffer {
  const graph = message(
    7,
    message(
      1,
      bytes(1, 'x'),
      bytes(1, 'x'),
      bytes(2, 'y'),
      bytes(4, 'Concat'),
      message(5, bytes(1, 'axis'), int(3, 0), int(20, 2)),
    ),
    message(1, bytes(1, 'x'), bytes(2, 'same'), bytes(4, 'Identity')),
    bytes(2, 'twice'),
    value(11, 'x', code, dims),
    value(12, 'y', code, [(dims[0] ?? 0) * 2, ...dims.slice(1)]),
    value(12, 'same', code, dims),
  );
  return Buffer.concat([int(1, 8), graph, message(8, int(2, 17))]);
}

async function load(model: Buffer): Promise<InferenceSession> {
  const session = await InferenceSession.create(model);
  onTestFinished(() => session.release());
  return session;
}

const samples: Readonly<Record<string, (number | bigint | boolean)[]>> = {
  float32: [0.1, -0, 3e38],
  float64: [0.1, Number.NEGATIVE_INFINITY, 1e300],
  float16: [1, -2.5, 65504],
  int8: [-128, 0, 127],
  uint8: [0, 1, 255],
  int16: [-32768, 0, 32767],
  uint16: [0, 1, 65535],
  int32: [-(2 ** 31), 0, 2 ** 31 - 1],
  uint32: [0, 1, 2 ** 32 - 1],
  int64: [-(2n ** 63n), 0n, 2n ** 63n - 1n],
  uint64: [0n, 1n, 2n ** 64n - 1n],
  bool: [true, false, true],
};

describe('element types', () => {
  for (const { type, code } of dataTypes) {
    it(`${type} goes in and out unchanged`, async () => {
      const session = await load(twice(code, [3]));
      expect(session.inputMetadata[0]).toMatchObject({ type });
      const x = new Tensor(type, samples[type] as number[]);
      for (const { y, same } of [await session.run({ x }), session.runSync({ x })]) {
        expect(y).toMatchObject({ type, dims: [6] });
        expect(elementValues(type, (y as Tensor).data)).toEqual([1, 2].flatMap(() => elementValues(type, x.data)));
        expect(same).toMatchObject({ type, dims: [3] });
        expect((same as Tensor).data).toEqual(x.data);
      }
    });

    it(`${type} without elements`, async () => {
      const session = await load(twice(code, [0, 2]));
      const { y, same } = await session.run({ x: new Tensor(type, [], [0, 2]) });
      expect(y).toMatchObject({ type, dims: [0, 2], size: 0 });
      expect(same).toMatchObject({ type, dims: [0, 2], size: 0 });
    });
  }

  it('refuses types that have no tensor, by name', async () => {
    for (const [code, name] of [
      [16, 'bfloat16'],
      [8, 'string'],
      [14, 'type 14'],
    ] as const) {
      await expect(InferenceSession.create(twice(code, [1]))).rejects.toMatchObject({
        code: 'ERR_OP_UNSUPPORTED',
        message: `input 'x': tensors of ${name} are not supported`,
      });
    }
    expect(() => new Tensor('bfloat16' as TensorType, Uint16Array.of(1))).toThrow(
      'tensor type: expected one of float32',
    );
  });
});
