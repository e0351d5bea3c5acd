// Sealing streams: what it keeps in memory does not grow with the model, whether weights are in the file or beside it.
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { matMulChain, type TinyWeight } from '../../vectors/tiny_onnx.js';
import { temporaryFolder } from './temporary_folder.js';

const MIB = 1 << 20;
const WEIGHT_BYTES = 2 * MIB;
/** Rows and columns of a float32 weight of that size; they alternate along the chain. */
const [ROWS, COLUMNS] = [1024, 512];
const ROOT = join(import.meta.dirname, '..', '..', '..');

/** In a process of its own, the compiled package: how much it had resident at most, by the kernel's word (VmHWM). */
const PROGRAM = `
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
const [root, model, folder] = process.argv.slice(1);
const { sealModel } = await import(join(root, 'dist/src/container/seal.js'));
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const names = { publisherKey: privateKey, name: 'big', version: 1, keyPath: join(folder, 'big.key'), threads: 2 };
await sealModel(model, join(folder, 'big.sealed'), names);
console.log(/VmHWM:\\s+(\\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
`;

function weights(count: number, data: (index: number) => TinyWeight['data']): TinyWeight[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `w${i}`,
    dims: i % 2 === 0 ? [ROWS, COLUMNS] : [COLUMNS, ROWS],
    data: data(i),
  }));
}

function inTheFile(folder: string, count: number): string {
  const path = join(folder, 'model.onnx');
  writeFileSync(path, matMulChain(weights(count, (i) => Buffer.alloc(WEIGHT_BYTES, i + 1))));
  return path;
}

function besideIt(folder: string, count: number): string {
  const path = join(folder, 'model.onnx');
  const entries = (i: number): [string, string][] => [
    ['location', 'weights.bin'],
    ['offset', String(i * WEIGHT_BYTES)],
    ['length', String(WEIGHT_BYTES)],
  ];
  writeFileSync(path, matMulChain(weights(count, entries)));
  const file = openSync(join(folder, 'weights.bin'), 'w');
  for (let i = 0; i < count; i++) writeSync(file, Buffer.alloc(WEIGHT_BYTES, i + 1));
  closeSync(file);
  return path;
}

function peakBytes(make: (folder: string, count: number) => string, mebibytes: number): number {
  const folder = temporaryFolder();
  const model = make(folder, (mebibytes * MIB) / WEIGHT_BYTES);
  const args = ['--input-type=module', '-e', PROGRAM, ROOT, model, folder];
  const peak = Number(execFileSync(process.execPath, args, { encoding: 'utf8' })) * 1024;
  // It did seal all of it.
  expect(statSync(join(folder, 'big.sealed')).size).toBeGreaterThan(mebibytes * MIB);
  return peak;
}

describe('peak memory of sealing', () => {
  it.each([
    ['in the file', inTheFile, 8, 64],
    ['beside it', besideIt, 8, 128],
  ] as const)('is bounded: weights %s', (_, make, small, large) => {
    const growth = peakBytes(make, large) - peakBytes(make, small);
    // Well below what there is more to seal, and above the noise of a heap.
    expect(growth / MIB).toBeLessThan(8);
  });
});
