// The fuzzer's seeds: every operator that the importer names has one, and the engine runs it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { InferenceSession } from '../../src/runtime/session.js';
import { Tensor } from '../../src/runtime/tensor.js';

const folder = join(import.meta.dirname, 'corpus', 'model_fuzz');
const importers = join(import.meta.dirname, '..', '..', 'native', 'onnx');

/** Constant is an attribute's matter, Gelu of a later operator set than the seeds'. */
const WITHOUT_SEED = ['Constant', 'Gelu'];

test('there is a seed for every operator', () => {
  const known = readdirSync(importers)
    .filter((name) => /^import_.*\.cc$/.test(name))
    .flatMap((name) => [...readFileSync(join(importers, name), 'utf8').matchAll(/\{"([A-Z]\w+)",/g)])
    .map((match) => match[1] as string);
  expect(known.length).toBeGreaterThan(50);
  const seeds = new Set(readdirSync(folder).map((name) => name.replace(/(_\d+)?\.onnx$/, '')));
  expect(known.filter((op) => !seeds.has(op) && !WITHOUT_SEED.includes(op))).toEqual([]);
});

describe('a seed runs', () => {
  test.each(readdirSync(folder).filter((name) => name.endsWith('.onnx')))('%s', async (name) => {
    await using session = await InferenceSession.create(readFileSync(join(folder, name)));
    const x = new Tensor(
      'float32',
      Float32Array.from({ length: 64 }, (_, i) => (i % 9) / 4),
      [1, 4, 4, 4],
    );
    expect(Object.keys(await session.run({ x }))).toEqual(session.outputNames);
  });
});
