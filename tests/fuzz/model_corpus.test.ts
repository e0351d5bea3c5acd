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
    .flatMap((name) => [...readFileSync(join(importers, name), 'utf8').matchAll(/\{"([A-Z]\w+)",/g)])
    .map((match) => match[1] as string);
}

/** The fuzzer starts from the standard cases too (scripts/fuzz.mjs). */
function operatorsOfStandardCases(): Set<string> {
  const models = readdirSync(caseFolder)
    .flatMap((group) => readdirSync(join(caseFolder, group)).map((name) => join(caseFolder, group, name, 'model.onnx')))
    .filter(existsSync);
  return new Set(models.flatMap((model) => outlineOf(readFileSync(model)).operators));
}

/** Of no standard case of ONNX 1.12; the mutator puts them in place of other operators. */
const WITHOUT_SEED = [
  'Affine',
  'BitwiseAnd',
  'BitwiseNot',
  'BitwiseOr',
  'BitwiseXor',
  'CenterCropPad',
  'Col2Im',
  'Crop',
  'DeformConv',
  'DynamicSlice',
  'Gelu',
  'GlobalLpPool',
  'GroupNormalization',
  'ImageScaler',
  'LpNormalization',
  'LpPool',
  'MatMulIntegerToFloat',
  'MaxRoiPool',
  'Mish',
  'ParametricSoftplus',
  'QGemm',
  'QLinearAdd',
  'QLinearAveragePool',
  'QLinearConcat',
  'QLinearGlobalAveragePool',
  'QLinearLeakyRelu',
  'QLinearMul',
  'QLinearSigmoid',
  'QLinearSoftmax',
  'RMSNormalization',
  'Scale',
  'ScaledTanh',
  'Swish',
];

test.skipIf(!existsSync(caseFolder))('there is a seed for every operator', () => {
  const known = knownOperators();
  expect(known.length).toBeGreaterThan(150);
  const seeds = new Set(readdirSync(folder).map((name) => name.replace(/(_\d+)?\.onnx$/, '')));
  const standard = operatorsOfStandardCases();
  expect([...new Set(known)].filter((op) => !seeds.has(op) && !standard.has(op)).sort()).toEqual(WITHOUT_SEED);
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
