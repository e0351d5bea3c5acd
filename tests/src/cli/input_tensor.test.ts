import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readInputTensor } from '../../../src/cli/input_tensor.js';
import type { TensorType, ValueMetadata } from '../../../src/index.js';

describe('inputs from files', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sealedge-input-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  const input = (type: TensorType, shape: (number | string)[], name = 'x'): ValueMetadata => ({
    name,
    isTensor: true,
    type,
    shape,
  });
  async function file(name: string, content: string | Uint8Array): Promise<string> {
    await writeFile(join(directory, name), content);
    return join(directory, name);
  }
  function npy(descr: string, shape: string, data: Uint8Array, fortran = 'False'): Buffer {
    const header = `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': (${shape}), }`.padEnd(117, ' ');
    const length = Buffer.from([118, 0]);
    return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), length, Buffer.from(`${header}\n`), data]);
  }
  const floats = (...values: number[]) => new Uint8Array(new Float32Array(values).buffer);

  it('reads numbers as text, with comments, into a shape with a free dimension', async () => {
    const path = await file('a.csv', '# a window\n1, 2.5;-3e2\n\n4 5\t6\r\n');
    const { x } = await readInputTensor([path], [input('float32', ['N', 3])]);
    expect(x).toMatchObject({ dims: [2, 3], data: new Float32Array([1, 2.5, -300, 4, 5, 6]) });
  });

  it('reads 64-bit integers as text', async () => {
    const { x } = await readInputTensor([await file('b.csv', '7,-1')], [input('int64', [2])]);
    expect(x?.data).toEqual(new BigInt64Array([7n, -1n]));
  });

  it('reads a NumPy array with its own shape', async () => {
    const path = await file('a.npy', npy('<f4', '1, 2', floats(0.5, -1)));
    const { x } = await readInputTensor([path], [input('float32', [1, 2])]);
    expect(x).toMatchObject({ dims: [1, 2], data: new Float32Array([0.5, -1]) });
  });

  it('reads raw elements', async () => {
    const { x } = await readInputTensor([await file('a.bin', floats(1, 2, 3))], [input('float32', [3])]);
    expect(x?.data).toEqual(new Float32Array([1, 2, 3]));
  });

  it('takes several inputs by name', async () => {
    const [a, b] = [await file('c.csv', '1'), await file('d.csv', '2')];
    const feeds = await readInputTensor([`b=${b}`, `a=${a}`], [input('float32', [1], 'a'), input('float32', [1], 'b')]);
    expect([feeds.a?.data[0], feeds.b?.data[0]]).toEqual([1, 2]);
  });

  it.each<[string, string, string | Uint8Array, TensorType, (number | string)[], RegExp]>([
    ['text that is no number', 'e.csv', '1,two', 'float32', [2], /line 1: expected numbers, got two/],
    ['too few numbers', 'f.csv', '1', 'float32', [2], /expected 2 values, got 1/],
    ['an odd number of bytes', 'g.bin', new Uint8Array(5), 'float32', [1], /multiple of 4 bytes, got 5/],
    ['another extension', 'h.txt', '1', 'float32', [1], /\.csv, \.npy or \.bin, got \.txt/],
    ['a NumPy array of another type', 'i.npy', npy('<f8', '1,', new Uint8Array(8)), 'float32', [1], /got float64/],
    ['Fortran order', 'j.npy', npy('<f4', '1,', floats(1), 'True'), 'float32', [1], /expected C, got Fortran/],
    ['a cut NumPy array', 'k.npy', npy('<f4', '2,', floats(1)), 'float32', [2], /8 bytes of elements, got 4/],
    ['a NumPy array that is none', 'l.npy', 'nothing of the kind', 'float32', [1], /NumPy array/],
    ['a big-endian array', 'm.npy', npy('>f4', '1,', floats(1)), 'float32', [1], /does not parse/],
  ])('refuses %s', async (_, name, content, type, shape, message) => {
    const path = await file(name, content);
    await expect(readInputTensor([path], [input(type, shape)])).rejects.toThrow(message);
  });

  it('refuses a missing file, a missing input and an unknown one', async () => {
    const path = await file('n.csv', '1');
    const two = [input('float32', [1], 'a'), input('float32', [1], 'b')];
    await expect(readInputTensor(['/nonexistent.csv'], [input('float32', [1])])).rejects.toThrow(/cannot read/);
    await expect(readInputTensor([`a=${path}`], two)).rejects.toThrow(/input b is missing/);
    await expect(readInputTensor([`c=${path}`], two)).rejects.toThrow(/with a name of a, b/);
    await expect(readInputTensor([path], two)).rejects.toThrow(/<name>=<file>/);
  });
});
