/** The vector files of tests/vectors (SPEC.md "Vectors"): text header, empty line, bytes of a sealed file. */
import { readdirSync, readFileSync } from 'node:fs';

export interface SealedVector {
  name: string;
  comment: string;
  /** `success`, or an error code: with the key. */
  expect: string;
  /** The same without the key. */
  expectKeyless: string;
  keyPayload: Buffer;
  layouts: number[];
  /** SHA-256 of each segment's plaintext, hex. */
  plaintext: string[];
  bytes: Buffer;
}

export const VECTOR_DIRECTORY = new URL('../vectors/', import.meta.url);
const SUFFIX = '.sealed-vector';

export function formatVector(vector: SealedVector): Buffer {
  const lines = [`comment: ${vector.comment}`, `expect: ${vector.expect}`];
  if (vector.expectKeyless !== vector.expect) lines.push(`expect-keyless: ${vector.expectKeyless}`);
  lines.push(`key-payload: ${vector.keyPayload.toString('hex')}`, `layouts: ${vector.layouts.join(' ')}`);
  if (vector.expect === 'success') lines.push(`plaintext: ${vector.plaintext.join(' ')}`);
  return Buffer.concat([Buffer.from(`${lines.join('\n')}\n\n`, 'utf8'), vector.bytes]);
}

function parseVector(name: string, file: Buffer): SealedVector {
  const end = file.indexOf('\n\n');
  const header = new Map<string, string>();
  for (const line of file.toString('utf8', 0, end).split('\n')) {
    const colon = line.indexOf(': ');
    header.set(line.slice(0, colon), line.slice(colon + 2));
  }
  const expect = header.get('expect') ?? '';
  return {
    name,
    comment: header.get('comment') ?? '',
    expect,
    expectKeyless: header.get('expect-keyless') ?? expect,
    keyPayload: Buffer.from(header.get('key-payload') ?? '', 'hex'),
    layouts: (header.get('layouts') ?? '').split(' ').map(Number),
    plaintext: (header.get('plaintext') ?? '').split(' ').filter((digest) => digest !== ''),
    bytes: file.subarray(end + 2),
  };
}

export function readVectors(): SealedVector[] {
  return readdirSync(VECTOR_DIRECTORY)
    .filter((file) => file.endsWith(SUFFIX))
    .sort()
    .map((file) => parseVector(file.slice(0, -SUFFIX.length), readFileSync(new URL(file, VECTOR_DIRECTORY))));
}

export function vectorFileName(name: string): string {
  return `${name}${SUFFIX}`;
}
