// The independent reader: every byte changed, every length cut, anything appended. The native one: open_test.cc.
import { expect, test } from 'vitest';
import { KeylessChecker } from '../../../src/container/inspect.js';
import { IndependentReader } from '../../../src/container/reader.js';
import { SealedgeError } from '../../../src/errors.js';
import { forge, forgePayload } from '../../vectors/forge.js';
import { INLINE_GRAPH } from '../../vectors/scenarios.js';

const payload = forgePayload();
const right = forge({ segments: [{ plaintext: INLINE_GRAPH, layout: 255 }] });

function accepts(bytes: Uint8Array): boolean {
  const attempts = [
    () => {
      const reader = new IndependentReader(payload);
      reader.push(bytes);
      reader.finish();
      reader.graph();
    },
    () => {
      const checker = new KeylessChecker();
      checker.push(bytes);
      checker.finish();
    },
  ];
  return attempts.some((attempt) => {
    try {
      attempt();
      return true;
    } catch (error) {
      if (error instanceof SealedgeError) return false;
      throw error;
    }
  });
}

test('the file as it is', () => {
  expect(accepts(right)).toBe(true);
});

test('every byte changed', () => {
  const bytes = Buffer.from(right);
  for (let i = 0; i < bytes.length; i++) {
    const before = bytes[i] ?? 0;
    bytes[i] = before ^ (1 << (i % 8));
    if (accepts(bytes)) expect.unreachable(`byte ${i} was changed and the file accepted`);
    bytes[i] = before;
  }
});

test('every length cut', () => {
  for (let length = 0; length < right.length; length++) {
    if (accepts(right.subarray(0, length))) expect.unreachable(`accepted when cut to ${length} bytes`);
  }
});

test.each([1, 64, 4096])('%i bytes appended', (extra) => {
  for (const byte of [0, 255]) expect(accepts(Buffer.concat([right, Buffer.alloc(extra, byte)]))).toBe(false);
});
