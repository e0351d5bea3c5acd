/** The models that trials run: all of the test data's, with reference outputs, and the repository's own example. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dataTypeOf, type NumericArray } from '../../src/runtime/data_types.js';
import type { TensorType } from '../../src/types.js';

export interface NamedArray {
  readonly name: string;
  readonly type: TensorType;
  readonly dims: readonly number[];
  readonly data: NumericArray;
}

export interface BenchmarkCase {
  readonly name: string;
  readonly inputs: readonly NamedArray[];
  /** Absent: the trial compares with onnxruntime's outputs instead. */
  readonly references?: readonly NamedArray[];
}

export interface BenchmarkModel {
  readonly name: string;
  readonly path: string;
  readonly tolerance: { readonly atol: number; readonly rtol: number };
  /** Integer arithmetic: onnxruntime is told to be exact too, where its fast way is not. */
  readonly quantised: boolean;
  readonly cases: readonly BenchmarkCase[];
}

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const TEST_DATA = resolve(REPOSITORY, process.env.SEALEDGE_TEST_DATA ?? '../shared');

/** A folder that is not there is named in `missing`, never left out silently. */
export function findModels(): { models: BenchmarkModel[]; missing: string[] } {
  const folder = join(TEST_DATA, 'models');
  if (!existsSync(folder)) return { models: [motorModel()], missing: [folder] };
  const names = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'meta.json')));
  return { models: [motorModel(), ...names.sort().map((name) => readModel(name, join(folder, name)))], missing: [] };
}

interface MetaTensor {
  readonly name: string;
  readonly dtype: TensorType;
  readonly shape: number[];
  readonly file: string;
  readonly per_step?: boolean;
  readonly final_state?: boolean;
}

interface MetaCase {
  readonly name: string;
  readonly inputs: MetaTensor[];
  readonly outputs: MetaTensor[];
  readonly sequence?: { readonly steps: number };
}

function readModel(name: string, folder: string): BenchmarkModel {
  const meta = JSON.parse(readFileSync(join(folder, 'meta.json'), 'utf8'));
  // The same graph whose weights are not inputs too, where there is one: onnxruntime can fold BatchNormalization then.
  const variant = join(folder, 'model_constant_weights.onnx');
  const cases = (meta.cases as MetaCase[]).map((entry) => ({
    name: entry.name,
    inputs: entry.inputs.map((tensor) => readTensor(folder, tensor)),
    // Of a sequence the first step alone is run, so what is stored for the last step only is not known.
    references: entry.outputs.filter((tensor) => !tensor.final_state).map((tensor) => readTensor(folder, tensor)),
  }));
  const quantised = name.endsWith('_int8');
  return {
    name,
    path: existsSync(variant) ? variant : join(folder, meta.model.file),
    tolerance: quantised ? { atol: 0, rtol: 0 } : meta.tolerance,
    quantised,
    cases,
  };
}

/** Tensors of a sequence hold all its steps, one after another: the first is taken. */
function readTensor(folder: string, { name, dtype, shape, file }: MetaTensor): NamedArray {
  const row = dataTypeOf(dtype);
  if (row === undefined) throw new Error(`${join(folder, file)}: type ${dtype} is not known`);
  const size = shape.reduce((product, dim) => product * dim, 1);
  const bytes = new Uint8Array(readFileSync(join(folder, file)));
  return { name, type: dtype, dims: shape, data: new row.array(bytes.buffer, 0, size) };
}

function motorModel(): BenchmarkModel {
  const folder = join(REPOSITORY, 'examples', 'motor');
  const readWindow = (label: string): BenchmarkCase => {
    const lines = readFileSync(join(folder, 'windows', `${label}.csv`), 'utf8').split('\n');
    const samples = lines.filter((line) => line !== '' && !line.startsWith('#')).map(Number);
    return {
      name: label,
      inputs: [{ name: 'vibration', type: 'float32', dims: [1, 1, samples.length], data: Float32Array.from(samples) }],
    };
  };
  const cases = ['healthy', 'inner_race', 'outer_race', 'ball', 'imbalance'].map(readWindow);
  return {
    name: 'motor',
    path: join(folder, 'motor.onnx'),
    tolerance: { atol: 1e-5, rtol: 1e-3 },
    quantised: false,
    cases,
  };
}
