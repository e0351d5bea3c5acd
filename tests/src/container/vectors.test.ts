// Both ways to read a sealed file in TypeScript, with the key and without, against every vector, whole and in odd pieces.
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { KeylessChecker } from '../../../src/container/inspect.js';
import { IndependentReader } from '../../../src/container/reader.js';
import { SealedgeError } from '../../../src/errors.js';
import { readVectors, type SealedVector } from '../../support/sealed_vector.js';

const vectors = readVectors();

function* pieces(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** `success` or the error's code; anything else than our own error is a defect. */
function outcome(read: () => void): string {
  try {
    read();
    return 'success';
  } catch (error) {
    if (error instanceof SealedgeError) return error.code;
    throw error;
  }
}

function readWithKey(vector: SealedVector, pieceSize: number): string[] {
  const reader = new IndependentReader(vector.keyPayload);
  for (const piece of pieces(vector.bytes, pieceSize)) reader.push(piece);
  const manifest = reader.finish();
  return manifest.segments.map((_, index) => {
    const plaintext = index === 0 ? reader.graph() : reader.segment(index, vector.layouts[index] ?? 0);
    return createHash('sha256').update(plaintext).digest('hex');
  });
}

function readWithoutKey(vector: SealedVector, pieceSize: number): void {
  const checker = new KeylessChecker();
  for (const piece of pieces(vector.bytes, pieceSize)) checker.push(piece);
  checker.finish();
}

test('there are vectors', () => {
  expect(vectors.length).toBeGreaterThan(150);
});

describe.each([1, 7, 4093, 1 << 30])('in pieces of %i bytes', (pieceSize) => {
  test.each(vectors)('$name: $comment', (vector) => {
    let digests: string[] = [];
    expect(
      outcome(() => {
        digests = readWithKey(vector, pieceSize);
      }),
    ).toBe(vector.expect);
    expect(digests).toEqual(vector.plaintext);
    expect(outcome(() => readWithoutKey(vector, pieceSize))).toBe(vector.expectKeyless);
  });
});
