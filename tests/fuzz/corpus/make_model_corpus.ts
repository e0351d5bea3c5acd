/**
 * Writes the seeds of native/fuzz/model_fuzz.cc: one tiny model for each operator that the engine knows, with its usual attributes;
 * for those of no standard case (which are seeds too) a random model of the property tests.
 * Run by hand when operators are added: npx tsx tests/fuzz/corpus/make_model_corpus.ts
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generators } from '../../property/operators/generators.js';
import { oneNodeModel } from '../../property/operators/one_node_model.js';
import { Random } from '../../property/random.js';
import { bytes, int, message } from '../../vectors/tiny_onnx.js';

const FLOAT = 1;
const INT64 = 7;
const BOOL = 9;

type Attribute = number | number[];
interface Constant {
  type: number;
  dims: number[];
  data: number[];
}
interface Seed {
  op: string;
  attributes?: Record<string, Attribute>;
  /** After x. */
  constants?: Constant[];
  outputs?: number;
  /** Element type that x is cast to before. */
  cast?: number;
  /** x is not an input of the operator. */
  constantsOnly?: boolean;
  /** x once more. */
  twice?: boolean;
}

const X_DIMS = [1, 4, 4, 4];

function attribute(name: string, value: Attribute): Buffer {
  // AttributeProto: 1 name, 3 i, 8 ints, 20 type (INT 2, INTS 7). -1 and the like are varints of ten bytes.
  const whole = (field: number, n: number) => {
    if (n >= 0) return int(field, n);
    const varint: number[] = [];
    for (let rest = BigInt.asUintN(64, BigInt(n)); ; rest >>= 7n) {
      varint.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
      if (rest <= 0x7fn) break;
    }
    return Buffer.concat([int(field, 0).subarray(0, -1), Buffer.from(varint)]);
  };
  if (Array.isArray(value)) return message(5, bytes(1, name), ...value.map((n) => whole(8, n)), int(20, 7));
  return message(5, bytes(1, name), whole(3, value), int(20, 2));
}

function rawData({ type, data }: Constant): Buffer {
  if (type === INT64) return Buffer.from(BigInt64Array.from(data, BigInt).buffer);
  if (type === BOOL) return Buffer.from(Uint8Array.from(data));
  return Buffer.from(Float32Array.from(data).buffer);
}

/** NodeProto: 1 input, 2 output, 4 op_type, 5 attribute. GraphProto: 1 node, 5 initializer, 11 input, 12 output. */
function model(seed: Seed): Buffer {
  const nodes: Buffer[] = [];
  let x = 'x';
  if (seed.cast !== undefined) {
    nodes.push(message(1, bytes(1, 'x'), bytes(2, 'c'), bytes(4, 'Cast'), attribute('to', seed.cast)));
    x = 'c';
  }
  const constants = seed.constants ?? [];
  const inputs = seed.constantsOnly ? [] : seed.twice ? [x, x] : [x];
  inputs.push(...constants.map((_, i) => `w${i}`));
  const outputs = Array.from({ length: seed.outputs ?? 1 }, (_, i) => `y${i}`);
  nodes.push(
    message(
      1,
      ...inputs.map((name) => bytes(1, name)),
      ...outputs.map((name) => bytes(2, name)),
      bytes(4, seed.op),
      ...Object.entries(seed.attributes ?? {}).map(([name, value]) => attribute(name, value)),
    ),
  );
  const initializers = constants.map((constant, i) =>
    message(
      5,
      ...constant.dims.map((dim) => int(1, dim)),
      int(2, constant.type),
      bytes(8, `w${i}`),
      bytes(9, rawData(constant)),
    ),
  );
  const shape = message(2, ...X_DIMS.map((dim) => message(1, int(1, dim))));
  const input = message(11, bytes(1, 'x'), message(2, message(1, int(1, FLOAT), shape)));
  const graph = message(7, ...nodes, ...initializers, input, ...outputs.map((name) => message(12, bytes(1, name))));
  return Buffer.concat([int(1, 8), graph, message(8, int(2, 17))]);
}

const floats = (dims: number[]): Constant => {
  const count = dims.reduce((product, dim) => product * dim, 1);
  return { type: FLOAT, dims, data: Array.from({ length: count }, (_, i) => (i % 7) - 2.5) };
};
const ints = (...data: number[]): Constant => ({ type: INT64, dims: [data.length], data });
const scalar = (value: number): Constant => ({ type: INT64, dims: [], data: [value] });

const UNARY =
  'Abs Atan Ceil Cos Elu Erf Exp Floor HardSigmoid HardSwish Identity IsNaN LeakyRelu Log Neg Reciprocal Relu Round Selu Shape ' +
  'Sigmoid Sign Sin Size Softplus Softsign Sqrt Tan Tanh ThresholdedRelu Dropout GlobalAveragePool GlobalMaxPool';
const BINARY = 'Add Div Mul Sub Pow PRelu Equal Greater GreaterOrEqual Less LessOrEqual Max Min Mean Sum';
const REDUCE =
  'ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSumSquare';

export const seeds: Seed[] = [
  ...UNARY.split(' ').map((op) => ({ op })),
  ...BINARY.split(' ').map((op) => ({ op, constants: [floats([4, 1, 4])] })),
  ...REDUCE.split(' ').map((op) => ({ op, attributes: { axes: [-1, 1], keepdims: 0 } })),
  ...['And', 'Or', 'Xor'].map((op) => ({ op, cast: BOOL, twice: true })),
  { op: 'Not', cast: BOOL },
  { op: 'Where', cast: BOOL, constants: [floats([4]), floats([4, 1])] },
  { op: 'Mod', cast: INT64, constants: [scalar(3)] },
  { op: 'Cast', attributes: { to: INT64 } },
  { op: 'ReduceSum', constants: [ints(2, 3)] },
  { op: 'ArgMax', attributes: { axis: -1 } },
  { op: 'ArgMin', attributes: { axis: 1, keepdims: 0 } },
  { op: 'Conv', attributes: { pads: [1, 1, 1, 1], strides: [2, 2] }, constants: [floats([5, 4, 3, 3]), floats([5])] },
  { op: 'Conv', attributes: { group: 4, dilations: [2, 1] }, constants: [floats([4, 1, 2, 2])] },
  { op: 'AveragePool', attributes: { kernel_shape: [2, 3], pads: [1, 0, 1, 0] } },
  { op: 'MaxPool', attributes: { kernel_shape: [2, 2], ceil_mode: 1, strides: [3, 3] } },
  {
    op: 'BatchNormalization',
    constants: [floats([4]), floats([4]), floats([4]), { ...floats([4]), data: [1, 2, 3, 4] }],
  },
  { op: 'MatMul', constants: [floats([4, 5])] },
  {
    op: 'Gemm',
    constantsOnly: true,
    attributes: { transB: 1 },
    constants: [floats([3, 4]), floats([5, 4]), floats([5])],
  },
  { op: 'Softmax', attributes: { axis: 1 } },
  { op: 'LogSoftmax', attributes: { axis: -1 } },
  {
    op: 'Clip',
    constants: [
      { ...floats([]), data: [0] },
      { ...floats([]), data: [6] },
    ],
  },
  { op: 'Concat', attributes: { axis: 1 }, twice: true },
  { op: 'ConstantOfShape', constantsOnly: true, constants: [ints(2, 3)] },
  { op: 'Expand', constants: [ints(2, 4, 4, 4)] },
  { op: 'Flatten', attributes: { axis: 2 } },
  { op: 'Gather', attributes: { axis: 2 }, constants: [ints(0, -1)] },
  { op: 'Pad', constants: [ints(0, 0, 1, 1, 0, 0, 1, 2)] },
  { op: 'Range', constantsOnly: true, constants: [scalar(0), scalar(9), scalar(2)] },
  { op: 'Reshape', constants: [ints(0, -1)] },
  { op: 'Slice', constants: [ints(-1, 1), ints(0, 3), ints(2, 3), ints(-1, 1)] },
  { op: 'Split', attributes: { axis: 1 }, constants: [ints(1, 3)], outputs: 2 },
  { op: 'Squeeze', constants: [ints(0)] },
  { op: 'Unsqueeze', constants: [ints(0, -1)] },
  { op: 'Tile', constants: [ints(1, 2, 1, 3)] },
  { op: 'Transpose', attributes: { perm: [0, 2, 3, 1] } },
];

const WITHOUT_CASE =
  'Affine AffineGrid Attention BitCast BitwiseAnd BitwiseNot BitwiseOr BitwiseXor CenterCropPad Col2Im Crop CumProd DeformConv DynamicSlice Gelu ' +
  'GlobalLpPool GroupNormalization ImageScaler LpNormalization LpPool MaxRoiPool Mish ParametricSoftplus RMSNormalization ' +
  'RotaryEmbedding Scale ScaledTanh SimplifiedLayerNormalization SwiGLU Swish TensorScatter';

/** Models of one node of these, and of every operator of another domain; shapes and indices are in the model. */
function randomSeeds(): [op: string, model: Buffer][] {
  const wanted = new Set(WITHOUT_CASE.split(' '));
  const models = Object.values(generators).map((generate) => generate(new Random(1)));
  return models
    .filter(({ opType, domain }) => domain !== undefined || wanted.has(opType))
    .map((one) => {
      const indices = one.inputs.flatMap((input, i) => (i > 0 && input?.type === 'int64' ? [i] : []));
      return [one.opType, oneNodeModel({ ...one, constants: [...(one.constants ?? []), ...indices] })];
    });
}

if (process.argv[1] === import.meta.filename) {
  const folder = join(import.meta.dirname, 'model_fuzz');
  mkdirSync(folder, { recursive: true });
  const counts = new Map<string, number>();
  const models = seeds.map((seed): [string, Buffer] => [seed.op, model(seed)]);
  for (const [op, bytes] of [...models, ...randomSeeds()]) {
    const nth = (counts.get(op) ?? 0) + 1;
    counts.set(op, nth);
    const name = nth === 1 ? op : `${op}_${nth}`;
    writeFileSync(join(folder, `${name}.onnx`), bytes);
  }
}
