/** The standard ONNX cases against the manifest, as `npm run test:onnx` runs them, and what that runner itself relies on. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Tensor } from '../../src/runtime/tensor.js';
import { bytes, int, message } from '../vectors/tiny_onnx.js';
import { type ConformanceCase, casesInstalled, findCases, selectCases } from './cases.js';
import { difference } from './compare.js';
import { departures, readManifest } from './manifest.js';
import { runCases } from './pool.js';
import type { Outcome } from './run_case.js';
import { readTensor } from './tensor_proto.js';

const folder = mkdtempSync(join(tmpdir(), 'sealedge-conformance-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!casesInstalled())('standard ONNX cases (Debian package libonnx-testdata)', () => {
  it('do on the native engine what the manifest says', async () => {
    const cases = findCases();
    expect(cases.map(({ name }) => name).sort()).toEqual(Object.keys(readManifest()));
    expect(departures(readManifest(), await runCases(cases, 'native'))).toEqual([]);
  }, 600_000);

  it('are found by a part of the name, by the operator they are about and by those they use', () => {
    const cases = findCases();
    const named = (filter: string): string[] => selectCases(cases, filter).map(({ name }) => name);
    expect(named('test_abs')).toEqual(['node/test_abs']);
    expect(named('Celu')).toEqual(['node/test_celu', 'node/test_celu_expanded']);
    expect(named('test_abs,Celu')).toHaveLength(3);
    expect(selectCases(cases, undefined)).toHaveLength(cases.length);
  });
});

describe('difference', () => {
  const tensor = (type: 'float32' | 'int32' | 'float16', values: number[], dims = [values.length]) =>
    new Tensor(type, values, dims);
  const expected = (type: 'float32' | 'int32' | 'float16', values: number[]) => ({ ...tensor(type, values), name: '' });

  it('lets floats differ by the tolerance of the standard runner, and no more', () => {
    expect(difference(expected('float32', [1, 0, -1000]), tensor('float32', [1.0009, 9e-8, -1000.9]))).toBeUndefined();
    expect(difference(expected('float32', [1]), tensor('float32', [1.0011]))).toBe(
      '1 of 1 elements differ: at 0 expected 1, got 1.001099944114685',
    );
    expect(difference(expected('float32', [0]), tensor('float32', [2e-7]))).toContain('1 of 1');
    expect(difference(expected('float16', [1]), tensor('float16', [1 + 2 ** -10]))).toBeUndefined();
  });

  it('wants NaN and infinities where they are', () => {
    const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
    expect(difference(expected('float32', [nan, inf, -inf]), tensor('float32', [nan, inf, -inf]))).toBeUndefined();
    for (const [want, got] of [
      [nan, 1],
      [1, nan],
      [inf, -inf],
      [inf, 3e38],
      [1, inf],
    ] as const) {
      expect(difference(expected('float32', [want]), tensor('float32', [got]))).toContain('1 of 1');
    }
  });

  it('wants integers, types and dims as they are', () => {
    expect(difference(expected('int32', [100000]), tensor('int32', [100001]))).toContain('expected 100000');
    expect(difference(expected('int32', [1]), tensor('float32', [1]))).toBe('type: expected int32, got float32');
    expect(difference(expected('float32', [1]), tensor('float32', [1], []))).toBe('dims: expected [1], got []');
  });
});

describe('readTensor', () => {
  const proto = (type: number, ...fields: Buffer[]): Buffer =>
    Buffer.concat([int(1, 2), int(2, type), bytes(8, 't'), ...fields]);

  it('reads raw data and the typed fields, packed or not', () => {
    const floats = Buffer.from(Float32Array.of(1, -2.5).buffer);
    const singles = Buffer.concat([
      Buffer.of(4 * 8 + 5),
      floats.subarray(0, 4),
      Buffer.of(4 * 8 + 5),
      floats.subarray(4),
    ]);
    for (const data of [bytes(9, floats), bytes(4, floats), singles]) {
      expect(readTensor(proto(1, data))).toMatchObject({
        name: 't',
        type: 'float32',
        dims: [2],
        data: Float32Array.of(1, -2.5),
      });
    }
    const minusTwo = Buffer.of(0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1);
    expect(readTensor(proto(3, bytes(5, Buffer.concat([Buffer.of(1), minusTwo])))).data).toEqual(Int8Array.of(1, -2));
    expect(readTensor(proto(7, bytes(7, Buffer.concat([Buffer.of(1), minusTwo])))).data).toEqual(
      BigInt64Array.of(1n, -2n),
    );
    expect(readTensor(proto(13, int(11, 5), int(11, 6))).data).toEqual(BigUint64Array.of(5n, 6n));
    expect(readTensor(proto(10, int(5, 0x3c00), int(5, 0))).data).toEqual(Uint16Array.of(0x3c00, 0));
    expect(readTensor(proto(8, bytes(6, 'a'), bytes(6, 'ü'))).data).toEqual(['a', 'ü']);
    expect(readTensor(message(1, int(2, 1)).subarray(2)).dims).toEqual([]);
  });

  it('refuses what is cut short', () => {
    const whole = proto(1, bytes(9, Buffer.alloc(8)));
    expect(() => readTensor(whole.subarray(0, whole.length - 1))).toThrow('cut short');
  });
});

describe('runCases', () => {
  const subject = (name: string): ConformanceCase => ({
    name,
    folder,
    group: 'Test',
    outline: { operators: [], nodes: [], opsetVersion: 1, otherThanTensor: undefined },
  });

  it('goes on when a case takes its process down, or never ends', async () => {
    const worker = join(folder, 'worker.mjs');
    writeFileSync(
      worker,
      `process.on('message', ({ subject: { name } }) => {
         if (name === 'crash') process.kill(process.pid, 'SIGSEGV');
         else if (name === 'exit') process.exit(3);
         else if (name !== 'hang') process.send({ result: 'passed', detail: '' });
       });
       process.on('disconnect', () => process.exit());`,
    );
    const names = ['a', 'crash', 'b', 'hang', 'c', 'exit', 'd'];
    const outcomes = await runCases(names.map(subject), 'native', { jobs: 2, limitMs: 3000, worker });
    const failed = (detail: string): Outcome => ({ result: 'failed', detail });
    const passed: Outcome = { result: 'passed', detail: '' };
    expect([...outcomes]).toEqual([
      ['a', passed],
      ['crash', failed('ended its process: SIGSEGV')],
      ['b', passed],
      ['hang', failed('not done after 3 s')],
      ['c', passed],
      ['exit', failed('ended its process: exit code 3')],
      ['d', passed],
    ]);
  });
});

describe('departures', () => {
  it('names what stopped passing, what passes now, and what nobody listed', () => {
    const outcomes = new Map<string, Outcome>([
      ['kept', { result: 'passed', detail: '' }],
      ['lost', { result: 'failed', detail: 'dims' }],
      ['won', { result: 'passed', detail: '' }],
      ['known', { result: 'unsupported', detail: 'strings' }],
      ['new', { result: 'passed', detail: '' }],
    ]);
    expect(departures({ kept: 'pass', lost: 'pass', won: 'strings', known: 'strings' }, outcomes)).toEqual([
      'lost: does not pass any more: dims',
      'won: passes now, listed as: strings',
      'new: is not in the manifest',
    ]);
  });
});
