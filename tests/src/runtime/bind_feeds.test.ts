import { types } from 'node:util';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { bindFeeds } from '../../../src/runtime/bind_feeds.js';
import { Tensor } from '../../../src/runtime/tensor.js';
import type { ValueMetadata } from '../../../src/types.js';

const inputs: ValueMetadata[] = [
  { name: 'image', isTensor: true, type: 'float32', shape: ['batch', 3, -1] },
  { name: 'length', isTensor: true, type: 'int64', shape: [] },
];
const image = new Tensor('float32', new Float32Array(12), [2, 3, 2]);
const length = new Tensor('int64', [1], []);

function refusal(feeds: Record<string, unknown>): { code: string; message: string } {
  try {
    bindFeeds(inputs, feeds as never);
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error('accepted');
}

describe('bindFeeds', () => {
  it('binds in the order of the model', () => {
    expect(bindFeeds(inputs, { length, image }).map((input) => input.name)).toEqual(['image', 'length']);
  });

  it('takes anything shaped like a tensor', () => {
    const like = { type: 'float32', dims: [1, 3, 1], data: new Float32Array(3), location: 'cpu' };
    expect(bindFeeds(inputs, { image: like, length })[0]?.dims).toEqual([1, 3, 1]);
  });

  it('refuses, expected first, then got', () => {
    const cases: [Record<string, unknown>, string, string][] = [
      [{ image }, 'ERR_INPUT_INVALID', 'input length: expected a tensor, got none'],
      [{ image, length, extra: image }, 'ERR_INPUT_INVALID', 'feeds: expected image, length, got extra'],
      [{ image: length, length }, 'ERR_INPUT_INVALID', 'input image: expected float32, got int64'],
      [{ image: 3, length }, 'ERR_INPUT_INVALID', 'input image: expected a tensor, got 3'],
      [{ image: null, length }, 'ERR_INPUT_INVALID', 'input image: expected a tensor, got null'],
      [{ image: image.reshape([12]), length }, 'ERR_SHAPE_MISMATCH', 'input image: expected [batch, 3, -1], got [12]'],
      [
        { image: image.reshape([1, 6, 2]), length },
        'ERR_SHAPE_MISMATCH',
        'input image: expected [batch, 3, -1], got [1, 6, 2]',
      ],
      [
        { image: { type: 'float32', dims: [1, 3, 1], data: new Float32Array(2) }, length },
        'ERR_INPUT_INVALID',
        'input image: expected 3 elements, got 2',
      ],
      [
        { image: { type: 'float32', dims: [1, 3, 1], data: [1, 2, 3] }, length },
        'ERR_INPUT_INVALID',
        'input image: expected Float32Array, got Array',
      ],
    ];
    for (const [feeds, code, message] of cases) expect(refusal(feeds)).toMatchObject({ code, message });
    expect(() => bindFeeds(inputs, null as never)).toThrow(
      'feeds: expected an object of tensors by input name, got null',
    );
  });

  it('copies what another thread could change', () => {
    const shared = new Float32Array(new SharedArrayBuffer(12));
    const [bound] = bindFeeds(inputs, { image: new Tensor('float32', shared, [1, 3, 1]), length });
    expect(bound?.data).toMatchObject({ buffer: expect.any(ArrayBuffer) });
  });

  it('knows shared memory of another realm', () => {
    const shared: Float32Array<SharedArrayBuffer> = new Float32Array(runInNewContext('new SharedArrayBuffer(12)'));
    expect(shared.buffer).not.toBeInstanceOf(SharedArrayBuffer);
    const [bound] = bindFeeds(inputs, { image: { type: 'float32', dims: [1, 3, 1], data: shared }, length });
    const { buffer } = (bound as { data: Float32Array }).data;
    expect(types.isSharedArrayBuffer(buffer)).toBe(false);
  });
});
