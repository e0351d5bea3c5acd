// The seeds of the model fuzzers: every operator that the importer names has one, and the engine runs the committed ones.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { InferenceSession } from '../../src/runtime/session.js';
import { Tensor } from '../../src/runtime/tensor.js';
import { caseFolder } from '../conformance/cases.js';
import { outlineOf } from '../conformance/model_proto.js';

const folder = join(import.meta.dirname, 'corpus', 'model_fuzz');
const importers = join(import.meta.dirname, '..', '..', 'native', 'onnx');

/** Operator names in the tables of the importers; those of import_refused.cc are there to be refused. */
function knownOperators(): string[] {
  return readdirSync(importers)
    .filter((name) => /^import_.*\.cc$/.test(name) && name !== 'import_refused.cc')
    .flatMap((name) => [...readFileSync(join(importers, name), 'utf8').matchAll(/\{"([A-Z]\w+)", \d/g)])
    .map((match) => match[1] as string);
}

/** The fuzzer starts from the standard cases too (scripts/fuzz.mjs). */
function operatorsOfStandardCases(): Set<string> {
  const models = readdirSync(caseFolder)
    .flatMap((group) => readdirSync(join(caseFolder, group)).map((name) => join(caseFolder, group, name, 'model.onnx')))
    .filter(existsSync);
  return new Set(models.flatMap((model) => outlineOf(readFileSync(model)).operators));
}

test.skipIf(!existsSync(caseFolder))('there is a seed for every operator', () => {
  const known = knownOperators();
  expect(known.length).toBeGreaterThan(150);
  const seeds = new Set(readdirSync(folder).map((name) => name.replace(/(_\d+)?\.onnx$/, '')));
  const standard = operatorsOfStandardCases();
  expect([...new Set(known)].filter((op) => !seeds.has(op) && !standard.has(op)).sort()).toEqual([]);
});

describe('a seed runs', () => {
  test.each(readdirSync(folder).filter((name) => name.endsWith('.onnx')))('%s', async (name) => {
    await using session = await InferenceSession.create(readFileSync(join(folder, name)));
    const feeds = session.inputMetadata.map(({ name, type, shape }) => {
      const dims = shape.map((dim) => (typeof dim === 'number' ? dim : 1));
      // Small enough to be an index or an axis.
      const count = dims.reduce((product, dim) => product * dim, 1);
      const whole = type.includes('int') || type === 'bool';
      const values = Array.from({ length: count }, (_, i) => (whole ? i % 2 : (i % 9) / 4));
      return [name, new Tensor(type, values, dims)];
    });
    expect(Object.keys(await session.run(Object.fromEntries(feeds)))).toEqual(session.outputNames);
  });
});
