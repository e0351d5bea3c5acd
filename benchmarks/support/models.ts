/** The float32 models that trials run: the test data's, with reference outputs, and the repository's own example. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface NamedArray {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array;
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
  readonly cases: readonly BenchmarkCase[];
}

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const TEST_DATA = resolve(REPOSITORY, process.env.SEALEDGE_TEST_DATA ?? '../shared');

// Ultraface's own file lists its weights as inputs, so that onnxruntime cannot fold BatchNormalization; the variant is the same
// graph without that handicap.
const MODELS: readonly { name: string; file: string }[] = [
  { name: 'mlperf_ic_resnet8_f32', file: 'model.onnx' },
  { name: 'mlperf_kws_dscnn_f32', file: 'model.onnx' },
  { name: 'mlperf_vww_mobilenet025_f32', file: 'model.onnx' },
  { name: 'mlperf_ad_autoencoder_f32', file: 'model.onnx' },
  { name: 'mnist_cntk', file: 'model.onnx' },
  { name: 'ultraface_rfb320', file: 'model_constant_weights.onnx' },
];

/** Models that are not there are named in `missing`, never left out silently. */
export function findModels(): { models: BenchmarkModel[]; missing: string[] } {
  const models = [motorModel()];
  const missing: string[] = [];
  for (const { name, file } of MODELS) {
    const folder = join(TEST_DATA, 'models', name);
    if (existsSync(join(folder, file))) models.push(readModel(name, folder, file));
    else missing.push(join(folder, file));
  }
  return { models, missing };
}

interface MetaTensor {
  readonly name: string;
  readonly shape: number[];
  readonly file: string;
}

function readModel(name: string, folder: string, file: string): BenchmarkModel {
  const meta = JSON.parse(readFileSync(join(folder, 'meta.json'), 'utf8'));
  const read = ({ name: tensor, shape, file: bytes }: MetaTensor): NamedArray => ({
    name: tensor,
    dims: shape,
    data: new Float32Array(new Uint8Array(readFileSync(join(folder, bytes))).buffer),
  });
  const cases = meta.cases.map((entry: { name: string; inputs: MetaTensor[]; outputs: MetaTensor[] }) => ({
    name: entry.name,
    inputs: entry.inputs.map(read),
    references: entry.outputs.map(read),
  }));
  return { name, path: join(folder, file), tolerance: meta.tolerance, cases };
}

function motorModel(): BenchmarkModel {
  const folder = join(REPOSITORY, 'examples', 'motor');
  const readWindow = (label: string): BenchmarkCase => {
    const lines = readFileSync(join(folder, 'windows', `${label}.csv`), 'utf8').split('\n');
    const samples = lines.filter((line) => line !== '' && !line.startsWith('#')).map(Number);
    return {
      name: label,
      inputs: [{ name: 'vibration', dims: [1, 1, samples.length], data: Float32Array.from(samples) }],
    };
  };
  const cases = ['healthy', 'inner_race', 'outer_race', 'ball', 'imbalance'].map(readWindow);
  return { name: 'motor', path: join(folder, 'motor.onnx'), tolerance: { atol: 1e-5, rtol: 1e-3 }, cases };
}
