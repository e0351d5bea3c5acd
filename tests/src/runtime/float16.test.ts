import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bindFeeds } from '../../../src/runtime/bind_feeds.js';
import { elementValues, float16Bits, float16Value, hasFloat16Array } from '../../../src/runtime/float16.js';
import { Tensor } from '../../../src/runtime/tensor.js';

const root = join(import.meta.dirname, '..', '..', '..');
const node24 = join(root, 'tests', 'node24', 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');

describe('float16', () => {
  it('comes back from every pattern of bits', () => {
    for (let bits = 0; bits < 65536; ++bits) {
      const value = float16Value(bits);
      if (Number.isNaN(value)) expect((bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0).toBe(true);
      else if (float16Bits(value) !== bits) expect(float16Bits(value)).toBe(bits);
    }
  });

  it('rounds to the nearest, and to the even one of two', () => {
    const cases: [number, number][] = [
      [1, 0x3c00],
      [-0, 0x8000],
      [65504, 0x7bff],
      [65519.99, 0x7bff],
      [65520, 0x7c00],
      [Number.NEGATIVE_INFINITY, 0xfc00],
      [Number.NaN, 0x7e00],
      [2 ** -24, 0x0001],
      [2 ** -25, 0x0000],
      [2 ** -25 * 1.0001, 0x0001],
      [2 ** -14 - 2 ** -26, 0x0400],
      [1 + 2 ** -11, 0x3c00],
      [1 + 3 * 2 ** -11, 0x3c02],
      [2047.5, 0x6800],
    ];
    for (const [value, bits] of cases) expect(float16Bits(value), String(value)).toBe(bits);
    fc.assert(
      fc.property(fc.double({ min: -65519, max: 65519, noNaN: true }), (value) => {
        const got = float16Value(float16Bits(value));
        const spacing = Math.max(2 ** (Math.floor(Math.log2(Math.abs(value) || 1)) - 10), 2 ** -24);
        expect(Math.abs(got - value)).toBeLessThanOrEqual(spacing / 2);
      }),
    );
  });

  it('makes tensors of numbers and of bits, which say the same', () => {
    const fromBits = new Tensor('float16', Uint16Array.of(0x3c00, 0xc100), [2]);
    const fromNumbers = new Tensor('float16', [1, -2.5], [2]);
    expect(elementValues('float16', fromBits.data)).toEqual([1, -2.5]);
    expect(elementValues('float16', fromNumbers.data)).toEqual([1, -2.5]);
    expect(fromBits.data instanceof Uint16Array).toBe(!hasFloat16Array);
  });

  it('reaches a backend as its bits', () => {
    const x = { name: 'x', isTensor: true, type: 'float16', shape: [2] } as const;
    const [bound] = bindFeeds([x], { x: new Tensor('float16', [1, -2.5]) });
    expect(bound?.data).toEqual(Uint16Array.of(0x3c00, 0xc100));
  });

  it.skipIf(!existsSync(node24))('is a Float16Array where the runtime has one (Node 24)', async () => {
    const program = `
      const { Tensor } = await import('./src/runtime/tensor.ts');
      const { bindFeeds } = await import('./src/runtime/bind_feeds.ts');
      const x = { name: 'x', isTensor: true, type: 'float16', shape: [2] };
      const given = [new Tensor('float16', [1, -2.5]), new Tensor('float16', Uint16Array.of(0x3c00, 0xc100)),
        new Tensor(Float16Array.of(1, -2.5))];
      const bits = given.map((tensor) => Array.from(bindFeeds([x], { x: tensor })[0].data));
      console.log(JSON.stringify(given.map(({ type, data }) => [type, data.constructor.name, ...data]).concat(bits)));`;
    const { stdout } = await promisify(execFile)(
      node24,
      ['--import', 'tsx', '--input-type=module', '--eval', program],
      { cwd: root },
    );
    const tensor = ['float16', 'Float16Array', 1, -2.5];
    const bits = [0x3c00, 0xc100];
    expect(JSON.parse(stdout)).toEqual([tensor, tensor, tensor, bits, bits, bits]);
  });
});
