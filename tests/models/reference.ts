/** The models of the test data with their recorded inputs and outputs, through the public API. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { InferenceSession, type SessionOptions, Tensor, type TensorType } from '../../src/index.js';

export const modelsFolder = resolve(
  import.meta.dirname,
  '../..',
  process.env.SEALEDGE_TEST_DATA ?? '../shared',
  'models',
);

/** What meta.json says of a tensor of a case; see the README beside the models. */
interface MetaTensor {
  readonly name: string;
  readonly dtype: TensorType;
  readonly shape: readonly number[];
  readonly file: string;
  /** One after another, for all steps of a sequence. */
  readonly per_step?: boolean;
}

interface MetaCase {
  readonly name: string;
  readonly inputs: readonly MetaTensor[];
  readonly outputs: readonly MetaTensor[];
  readonly sequence?: { readonly steps: number; readonly feed_back: Readonly<Record<string, string>> };
}

interface Tolerance {
  readonly atol: number;
  readonly rtol: number;
}

export interface ReferenceModel {
  readonly name: string;
  readonly file: string;
  readonly folder: string;
  readonly tolerance: Tolerance;
  readonly cases: readonly MetaCase[];
}

export interface CaseResult {
  readonly name: string;
  /** The largest |got - reference|. */
  readonly largestDifference: number;
  /** Empty when every element is within the tolerance. */
  readonly wrong: string;
}

/** In order of name; none where there is no test data. */
export function findReferenceModels(): ReferenceModel[] {
  if (!existsSync(modelsFolder)) return [];
  const names = readdirSync(modelsFolder).filter((name) => existsSync(join(modelsFolder, name, 'meta.json')));
  return names.sort().map((name) => {
    const folder = join(modelsFolder, name);
    const meta = JSON.parse(readFileSync(join(folder, 'meta.json'), 'utf8'));
    // Quantised models say their output's step: integers leave no room, whatever tolerance meta.json grants.
    const exact = meta.tolerance.output_lsb !== undefined;
    return {
      name,
      folder,
      file: join(folder, meta.model.file),
      tolerance: exact ? { atol: 0, rtol: 0 } : meta.tolerance,
      cases: meta.cases,
    };
  });
}

/** Runs every case of the model. */
export async function runReferenceModel(model: ReferenceModel, options: SessionOptions = {}): Promise<CaseResult[]> {
  const session = await InferenceSession.create(model.file, options);
  try {
    const results: CaseResult[] = [];
    for (const subject of model.cases) results.push(await runCase(session, model, subject));
    return results;
  } finally {
    await session.release();
  }
}

async function runCase(session: InferenceSession, model: ReferenceModel, subject: MetaCase): Promise<CaseResult> {
  const inputs = subject.inputs.map((meta) => new Recorded(model.folder, meta));
  const expected = subject.outputs.map((meta) => new Recorded(model.folder, meta));
  const steps = subject.sequence?.steps ?? 1;
  const feeds = Object.fromEntries(inputs.map((input) => [input.name, input.at(0)]));
  const result = { name: subject.name, largestDifference: 0, wrong: '' };
  for (let step = 0; step < steps; ++step) {
    for (const input of inputs) if (input.perStep) feeds[input.name] = input.at(step);
    const outputs = await session.run(feeds);
    for (const output of expected) {
      if (!output.perStep && step + 1 < steps) continue;
      const compared = difference(output.at(step), outputs[output.name], model.tolerance);
      result.largestDifference = Math.max(result.largestDifference, compared.largest);
      if (compared.wrong !== '') result.wrong ||= `${output.name}, step ${step}: ${compared.wrong}`;
    }
    for (const [from, to] of Object.entries(subject.sequence?.feed_back ?? {})) feeds[to] = outputs[from] as Tensor;
  }
  return result;
}

function difference(
  expected: Tensor,
  got: Tensor | undefined,
  tolerance: Tolerance,
): { largest: number; wrong: string } {
  const shape = (tensor: Tensor | undefined): string => `${tensor?.type} [${tensor?.dims.join(', ')}]`;
  if (shape(got) !== shape(expected)) return { largest: NaN, wrong: `expected ${shape(expected)}, got ${shape(got)}` };
  const actual = got?.data as ArrayLike<number | bigint>;
  const wanted = expected.data as ArrayLike<number | bigint>;
  let largest = 0;
  let wrong = '';
  for (let i = 0; i < wanted.length; ++i) {
    const reference = Number(wanted[i]);
    const apart = Math.abs(Number(actual[i]) - reference);
    if (apart > largest) largest = apart;
    // Written so that NaN is wrong.
    if (!(apart <= tolerance.atol + tolerance.rtol * Math.abs(reference)))
      wrong ||= `element ${i}: expected ${reference}, got ${actual[i]}`;
  }
  return { largest, wrong };
}

type ArrayOf = new (buffer: ArrayBuffer, offset: number, length: number) => Tensor['data'] & ArrayBufferView;

const ARRAYS: Partial<Record<TensorType, ArrayOf & { readonly BYTES_PER_ELEMENT: number }>> = {
  float32: Float32Array,
  float64: Float64Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
};

/** A tensor on disk: little-endian, row-major, no header. */
class Recorded {
  readonly name: string;
  readonly perStep: boolean;
  readonly #meta: MetaTensor;
  readonly #bytes: ArrayBuffer;

  constructor(folder: string, meta: MetaTensor) {
    this.name = meta.name;
    this.perStep = meta.per_step === true;
    this.#meta = meta;
    this.#bytes = new Uint8Array(readFileSync(join(folder, meta.file))).buffer;
  }

  at(step: number): Tensor {
    const { dtype, shape } = this.#meta;
    const TypedArray = ARRAYS[dtype];
    if (TypedArray === undefined) throw new Error(`${this.#meta.file}: no array for ${dtype}`);
    const size = shape.reduce((product, dim) => product * dim, 1);
    const offset = this.perStep ? step * size * TypedArray.BYTES_PER_ELEMENT : 0;
    return new Tensor(dtype, new TypedArray(this.#bytes, offset, size), shape);
  }
}
