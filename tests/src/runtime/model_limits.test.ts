/** `options.limits`: what a model may ask for. */
import { describe, expect, it } from 'vitest';
import { InferenceSession } from '../../../src/runtime/session.js';
import { Tensor } from '../../../src/runtime/tensor.js';
import type { SessionOptions } from '../../../src/types.js';
import { matMulChain } from '../../vectors/tiny_onnx.js';

const weight = Buffer.from(Float32Array.from({ length: 3 * 64 }, Math.sin).buffer);
const model = matMulChain([{ name: 'w', dims: [3, 64], data: weight }]);

const load = (options: SessionOptions) => InferenceSession.create(model, options);

describe('limits of a model', () => {
  it('let a model pass that keeps them', async () => {
    const limits = {
      maxTensorBytes: 768,
      maxConstantBytes: 4096,
      maxDerivedBytes: 0,
      maxArenaBytes: 4096,
      maxNodes: 1,
      maxGraphDepth: 0,
    };
    await using session = await load({ limits });
    const { h1 } = await session.run({ x: new Tensor('float32', [1, 1, 1], [1, 3]) });
    expect(h1?.dims).toEqual([1, 64]);
  });

  it.each([
    [{ maxTensorBytes: 767 }, 'expected at most 767 bytes, got 768'],
    [{ maxConstantBytes: 100 }, 'model constants: expected at most 100 bytes'],
    [{ maxArenaBytes: 255 }, 'activations of one run need more than 255 bytes'],
    [{ maxNodes: 0 }, 'too many nodes: at most 0'],
  ])('%j', async (limits, message) => {
    await expect(load({ limits })).rejects.toMatchObject({
      name: 'ModelError',
      code: 'ERR_LIMIT_EXCEEDED',
      message: expect.stringContaining(message),
    });
  });

  it.each([
    [{ limits: { maxTensors: 1 } }, 'got maxTensors'],
    [{ limits: { maxNodes: -1 } }, 'limits.maxNodes: expected a whole number from 0, got -1'],
    [{ limits: { maxNodes: 0.5 } }, 'got 0.5'],
    [{ limits: { maxNodes: Number.POSITIVE_INFINITY } }, 'got Infinity'],
    [{ limits: { maxNodes: '7' } }, 'got 7'],
    [{ limits: 7 }, 'limits: expected an object, got 7'],
    [{ limits: { maxNodes: 7 }, backend: 'onnxruntime', policy: { allowBackends: ['onnxruntime'] } }, 'onnxruntime'],
  ])('%j is no option', async (options, message) => {
    await expect(load(options as SessionOptions)).rejects.toMatchObject({
      name: 'UsageError',
      code: 'ERR_OPTION_INVALID',
      message: expect.stringContaining(message),
    });
  });
});
