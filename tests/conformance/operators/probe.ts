/**
 * Which element types an operator takes, measured: random models of the property tests with nothing but that operator, the
 * main type replaced by each of the others. Operators without such models get those of the standard's cases, or one node without
 * attributes.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor, type TensorType } from '../../../src/index.js';
import { dataTypes } from '../../../src/runtime/data_types.js';
import { generators } from '../../property/operators/generators.js';
import { inputName, oneNodeModel } from '../../property/operators/one_node_model.js';
import { Random } from '../../property/random.js';
import { bytes, int, message } from '../../vectors/tiny_onnx.js';
import { type CaseTensor, readTensor } from '../tensor_proto.js';
import { fieldsOf } from '../wire.js';

export interface Probe {
  readonly domain: string;
  readonly opType: string;
  readonly minInputs: number;
  /** Folders of passing cases whose model is one node of this operator. */
  readonly cases: readonly string[];
}

/**
 * In the order of TensorProto.DataType: types that every one of the models takes, for the type parameter of the first input; where
 * that is a condition, for the one that most types fit.
 */
export async function probeTypes({ domain, opType, minInputs, cases }: Probe): Promise<TensorType[]> {
  // With weights and scales as inputs of the run, so that their types change too, where the operator allows that.
  const samples = await running(generated(domain, opType, []));
  if (samples.length === 0) samples.push(...generated(domain, opType));
  if (samples.length === 0) samples.push(...cases.map(readCase).filter((sample) => sample !== undefined));
  const real = samples.length > 0;
  if (!real) samples.push(...[1, 3].map((rank) => madeUp(opType, minInputs, rank)));
  const accepted = new Map<TensorType, TensorType[]>();
  for (const sample of samples) {
    for (const main of new Set(sample.inputs.map(({ type }) => type as TensorType))) {
      const candidates = accepted.get(main) ?? dataTypes.map(({ type }) => type);
      const taken: TensorType[] = [];
      for (const type of candidates) if (await accepts(sample, main, type)) taken.push(type);
      // A made-up model may not fit the operator at all.
      if (taken.length > 0 || real) accepted.set(main, taken);
    }
  }
  const first = new Set<string | undefined>(
    samples.map(({ inputs }) => inputs[0]?.type).filter((type) => type !== 'bool'),
  );
  const longest = (lists: Iterable<TensorType[]>): TensorType[] =>
    [...lists].sort((a, b) => b.length - a.length)[0] ?? [];
  const ofFirst = longest([...accepted].filter(([type]) => first.has(type)).map(([, types]) => types));
  return ofFirst.length > 0 ? ofFirst : longest(accepted.values());
}

interface Sample {
  readonly model: Buffer;
  readonly inputs: readonly CaseTensor[];
}

function readCase(folder: string): Sample | undefined {
  const set = join(folder, 'test_data_set_0');
  const files = readdirSync(set).filter((name) => name.startsWith('input_'));
  const inputs = files.map((_, i) => join(set, `input_${i}.pb`)).filter(existsSync);
  const tensors = inputs.map((file) => readTensor(readFileSync(file)));
  if (tensors.some(({ type }) => codeOf(type) === undefined)) return undefined;
  return { model: readFileSync(join(folder, 'model.onnx')), inputs: tensors };
}

/** Models of the property tests: a few of those that run as they are. */
function generated(domain: string, opType: string, constants?: readonly number[]): Sample[] {
  return Object.values(generators).flatMap((generate) => {
    const first = generate(new Random(0));
    if (first.opType !== opType || (first.domain ?? '') !== domain) return [];
    return [1, 2, 3, 4, 5].map((seed) => {
      const one = generate(new Random(seed));
      const node = { ...one, constants: constants ?? one.constants ?? [] };
      const inputs = node.inputs.flatMap((input, i) =>
        input && !node.constants.includes(i) ? [{ ...input, name: inputName(i) }] : [],
      );
      return { model: oneNodeModel(node), inputs };
    });
  });
}

async function running(samples: readonly Sample[]): Promise<Sample[]> {
  const found: Sample[] = [];
  for (const sample of samples) {
    const type = sample.inputs[0]?.type as TensorType;
    if (await accepts(sample, type, type)) found.push(sample);
  }
  return found;
}

function madeUp(opType: string, minInputs: number, rank: number): Sample {
  const dims = [2, 2, 2].slice(0, rank);
  const count = 2 ** rank;
  const names = Array.from({ length: minInputs }, (_, i) => `x${i}`);
  const node = message(1, ...names.map((name) => bytes(1, name)), bytes(2, 'y'), bytes(4, opType));
  const graph = message(7, node, bytes(2, 'probe'), ...names.map((name) => value(11, name, dims)), value(12, 'y', []));
  const inputs = names.map((name) => ({ name, type: 'float32' as const, dims, data: new Float32Array(count).fill(1) }));
  return { model: Buffer.concat([int(1, 8), graph, message(8, int(2, 20))]), inputs };
}

function value(field: number, name: string, dims: readonly number[]): Buffer {
  const shape = message(2, ...dims.map((dim) => message(1, int(1, dim))));
  return message(field, bytes(1, name), message(2, message(1, int(1, 1), ...(dims.length > 0 ? [shape] : []))));
}

/** Whether the sample still runs with `type` in place of `main`. */
async function accepts({ model, inputs }: Sample, main: TensorType, type: TensorType): Promise<boolean> {
  let session: InferenceSession | undefined;
  try {
    session = await InferenceSession.create(retyped(model, main, type));
    const names = session.inputNames;
    const feeds = inputs.map((input, i) => [names[i], input.type === main ? converted(input, type) : tensor(input)]);
    await session.run(Object.fromEntries(feeds));
    return true;
  } catch {
    return false;
  } finally {
    await session?.release();
  }
}

function tensor({ type, data, dims }: CaseTensor): Tensor {
  return new Tensor(type as TensorType, data, dims);
}

/** Small whole numbers: every type holds them, and they are in range where they are sizes or indices. */
function converted({ type, data, dims }: CaseTensor, to: TensorType): Tensor {
  const numbers = Array.from(tensor({ name: '', type, data, dims }).data as ArrayLike<number | bigint>, Number);
  const whole = numbers.map((number) => (to.startsWith('u') || to === 'bool' ? Math.abs(number) : number) % 100);
  const elements = whole.map((number) =>
    Number.isNaN(number) ? 0 : to.startsWith('float') ? number : Math.trunc(number),
  );
  return new Tensor(to, to === 'bool' ? elements.map((element) => element !== 0) : elements, dims);
}

function codeOf(type: string): number | undefined {
  return dataTypes.find((row) => row.type === type)?.code;
}

// onnx.proto: ModelProto.graph, GraphProto.{input, output, value_info}, ValueInfoProto.type, TypeProto.tensor_type.elem_type
const valueInfos = [[7], [11, 12, 13], [2], [1]];

/** The model with `from` replaced by `to` wherever a value is declared. */
function retyped(model: Buffer, from: TensorType, to: TensorType): Buffer {
  return rewritten(model, valueInfos, codeOf(from) ?? 0, codeOf(to) ?? 0);
}

function rewritten(proto: Buffer, path: readonly (readonly number[])[], from: number, to: number): Buffer {
  const [fields, ...rest] = path;
  const parts: Buffer[] = [];
  for (const field of fieldsOf(proto)) {
    if (field.bytes !== undefined) {
      const inner = fields?.includes(field.number) ? rewritten(field.bytes, rest, from, to) : field.bytes;
      parts.push(bytes(field.number, inner));
    } else {
      const elementType = fields === undefined && field.number === 1 && field.value === BigInt(from);
      parts.push(int(field.number, elementType ? to : Number(field.value)));
    }
  }
  return Buffer.concat(parts);
}
