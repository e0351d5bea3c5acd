/**
 * Random graphs of the layers that networks are made of, for what no model of one node shows: fused epilogues, formats that
 * change on the way, values with several readers, views, arena reuse.
 */
import { Tensor } from '../../src/runtime/tensor.js';
import { type Attributes, node, onnxModel } from './onnx_model.js';
import { int64, type Random } from './random.js';

export interface Value {
  readonly name: string;
  readonly dims: readonly number[];
}

export interface RandomGraph {
  readonly model: Buffer;
  /** Two runs of one session: the second finds what the first left behind. */
  readonly feeds: readonly Readonly<Record<string, Tensor>>[];
  /** One line per node. */
  readonly description: readonly string[];
}

const OPSET = 17;

export class GraphBuilder {
  readonly description: string[] = [];
  readonly nodes: Buffer[] = [];
  readonly initializers: Record<string, Tensor> = {};
  readonly feeds: Record<string, Tensor> = {};
  readonly values: Value[] = [];

  constructor(
    readonly r: Random,
    readonly innerOutputs = true,
  ) {}

  input(dims: readonly number[]): void {
    const name = `x${Object.keys(this.feeds).length}`;
    this.feeds[name] = this.r.tensor('float32', dims, { from: -1, to: 1 });
    this.values.push({ name, dims });
  }

  constant(tensor: Tensor): string {
    const name = `c${Object.keys(this.initializers).length}`;
    this.initializers[name] = tensor;
    return name;
  }

  weights(dims: readonly number[], size = 1): string {
    return this.constant(this.r.tensor('float32', dims, { from: -size, to: size }));
  }

  add(opType: string, inputs: readonly string[], dims: readonly number[], attributes: Attributes = {}): void {
    this.addAll(opType, inputs, [dims], attributes);
  }

  addAll(
    opType: string,
    inputs: readonly string[],
    outputs: readonly (readonly number[])[],
    attributes: Attributes = {},
  ): void {
    const made = outputs.map((dims, i) => ({ name: `v${this.values.length + i}`, dims }));
    this.nodes.push(
      node(
        opType,
        inputs,
        made.map(({ name }) => name),
        attributes,
      ),
    );
    this.description.push(
      `${made.map(({ name, dims }) => `${name}[${dims}]`).join(', ')} = ${opType}(${inputs.join(', ')}) ${JSON.stringify(attributes)}`,
    );
    this.values.push(...made);
  }

  build(): RandomGraph {
    const { r, nodes, initializers, feeds, description } = this;
    // The last value, and now and then one that is also read inside.
    const names = new Set([this.values.at(-1)?.name ?? '']);
    while (this.innerOutputs && r.chance(0.3)) names.add(r.pick(this.values).name);
    const made = [...names].filter((name) => name.startsWith('v'));
    const freeDims = r.chance(0.3);
    const model = onnxModel({
      opset: OPSET,
      nodes,
      initializers,
      inputs: Object.entries(feeds).map(([name, { type, dims }]) => ({
        name,
        type,
        dims: freeDims ? dims.map(() => -1) : dims,
      })),
      outputs: made.map((name) => ({ name, type: 'float32' as const })),
    });
    const again = Object.fromEntries(
      Object.entries(feeds).map(([name, { dims }]) => [name, r.tensor('float32', dims, { from: -1, to: 1 })]),
    );
    return { model, feeds: [feeds, again], description: [...description, `outputs ${made.join(', ')}`] };
  }
}

type Step = (g: GraphBuilder, x: Value) => void;

const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

const unary: Step = (g, x) => {
  const opType = g.r.pick([
    'Relu',
    'Relu',
    'Sigmoid',
    'Tanh',
    'LeakyRelu',
    'HardSwish',
    'HardSigmoid',
    'Abs',
    'Neg',
    'Elu',
    'Softplus',
    'Identity',
  ]);
  g.add(opType, [x.name], x.dims);
};

const clip: Step = (g, x) => {
  const bound = (value: number): string => g.constant(new Tensor('float32', [value], []));
  g.add('Clip', [x.name, g.r.chance(0.8) ? bound(-0.2) : '', bound(g.r.pick([0.5, 6]))], x.dims);
};

/** With a constant of any broadcast form, or with another value of the same dims. */
const arithmetic: Step = (g, x) => {
  const { r } = g;
  const others = g.values.filter(
    ({ dims }) => dims.length === x.dims.length && dims.every((dim, i) => dim === x.dims[i]),
  );
  const channel = [1, x.dims[1] ?? 1, ...x.dims.slice(2).map(() => 1)];
  const forms = [
    channel,
    channel.slice(1),
    [],
    [1],
    x.dims,
    x.dims.map((dim) => (r.chance(0.5) ? dim : 1)),
    x.dims.slice(-1),
  ];
  const other = r.chance(0.5) ? r.pick(others).name : g.weights(r.pick(forms));
  const operands = r.chance(0.7) ? [x.name, other] : [other, x.name];
  g.add(r.pick(['Add', 'Add', 'Mul', 'Sub', 'Max', 'Min']), operands, x.dims);
};

const conv: Step = (g, x) => {
  const { r } = g;
  const [n = 1, channels = 1, ...spatial] = x.dims;
  const kernel = spatial.map((dim) => Math.min(dim, r.pick([1, 3])));
  const strides = spatial.map(() => r.pick([1, 1, 2]));
  const pads = r.chance(0.7) ? kernel.map((size) => ((size - 1) / 2) | 0) : kernel.map(() => 0);
  const depthwise = r.chance(0.3);
  const group = depthwise ? channels : r.pick([1, 1, channels % 2 === 0 ? 2 : 1]);
  const filters = depthwise ? channels : group * r.pick([1, 3, 4, 8]);
  const out = spatial.map(
    (dim, i) => Math.floor((dim + 2 * (pads[i] as number) - (kernel[i] as number)) / (strides[i] as number)) + 1,
  );
  const inputs = [
    x.name,
    g.weights([filters, channels / group, ...kernel], 2 / Math.sqrt((channels / group) * product(kernel))),
  ];
  if (r.chance(0.5)) inputs.push(g.weights([filters]));
  g.add('Conv', inputs, [n, filters, ...out], { kernel_shape: kernel, strides, pads: [...pads, ...pads], group });
};

const batchNorm: Step = (g, x) => {
  const channels = [x.dims[1] as number];
  const variance = g.constant(g.r.tensor('float32', channels, { from: 0.5, to: 2 }));
  g.add(
    'BatchNormalization',
    [x.name, g.weights(channels), g.weights(channels), g.weights(channels), variance],
    x.dims,
  );
};

const pool: Step = (g, x) => {
  const [n = 1, channels = 1, ...spatial] = x.dims;
  if (g.r.chance(0.2)) return g.add('GlobalAveragePool', [x.name], [n, channels, ...spatial.map(() => 1)]);
  const kernel = spatial.map((dim) => Math.min(dim, g.r.pick([2, 3])));
  const strides = spatial.map(() => g.r.pick([1, 2]));
  const out = spatial.map((dim, i) => Math.floor((dim - (kernel[i] as number)) / (strides[i] as number)) + 1);
  g.add(g.r.pick(['MaxPool', 'AveragePool']), [x.name], [n, channels, ...out], { kernel_shape: kernel, strides });
};

const prelu: Step = (g, x) =>
  g.add('PRelu', [x.name, g.weights([x.dims[1] as number, ...x.dims.slice(2).map(() => 1)])], x.dims);

const resize: Step = (g, x) => {
  const scales = x.dims.map((_, i) => (i < 2 ? 1 : 2));
  const attributes = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
  const dims = x.dims.map((dim, i) => dim * (scales[i] as number));
  if (product(dims) < 5000) g.add('Resize', [x.name, '', g.constant(new Tensor('float32', scales))], dims, attributes);
};

const pad: Step = (g, x) => {
  const pads = [...x.dims, ...x.dims].map((_, i) => (i % x.dims.length < 2 ? 0 : g.r.int(0, 1)));
  const dims = x.dims.map((dim, i) => dim + (pads[i] as number) + (pads[i + x.dims.length] as number));
  g.add('Pad', [x.name, g.constant(int64(pads))], dims);
};

const concat: Step = (g, x) => {
  const axis = g.r.int(0, x.dims.length - 1);
  const fits = g.values.filter(
    ({ dims }) => dims.length === x.dims.length && dims.every((dim, i) => i === axis || dim === x.dims[i]),
  );
  const parts = [x, ...g.r.list(g.r.int(1, 2), () => g.r.pick(fits))];
  const dims = x.dims.map((dim, i) =>
    i === axis ? parts.reduce((sum, part) => sum + (part.dims[axis] as number), 0) : dim,
  );
  if (product(dims) < 5000)
    g.add(
      'Concat',
      g.r.shuffled(parts).map(({ name }) => name),
      dims,
      { axis },
    );
};

const split: Step = (g, x) => {
  const axis = g.r.int(0, x.dims.length - 1);
  const size = x.dims[axis] as number;
  const first = g.r.int(1, size);
  if (first === size) return;
  const outputs = [first, size - first].map((part) => x.dims.map((dim, i) => (i === axis ? part : dim)));
  g.addAll('Split', [x.name, g.constant(int64([first, size - first]))], outputs, { axis });
};

const slice: Step = (g, x) => {
  const axis = g.r.int(0, x.dims.length - 1);
  const size = x.dims[axis] as number;
  const start = g.r.int(0, size - 1);
  const step = g.r.pick([1, 2]);
  const dims = x.dims.map((dim, i) => (i === axis ? Math.ceil((size - start) / step) : dim));
  g.add('Slice', [x.name, ...[start, 2 ** 31 - 1, axis, step].map((value) => g.constant(int64([value])))], dims);
};

const transpose: Step = (g, x) => {
  const perm = g.r.shuffled(x.dims.map((_, i) => i));
  g.add(
    'Transpose',
    [x.name],
    perm.map((from) => x.dims[from] as number),
    { perm },
  );
};

const reshape: Step = (g, x) => {
  const total = product(x.dims);
  const head = g.r.pick([
    x.dims[0] as number,
    1,
    x.dims.length > 1 ? (x.dims[0] as number) * (x.dims[1] as number) : 1,
  ]);
  const factor = [4, 3, 2, 1].find((candidate) => (total / head) % candidate === 0) ?? 1;
  const dims = g.r.pick([
    [head, total / head],
    [head, factor, total / head / factor],
    [1, head, factor, total / head / factor],
  ]);
  g.add('Reshape', [x.name, g.constant(int64(dims.map((dim, i) => (i === dims.length - 1 ? -1 : dim))))], dims);
};

const reduce: Step = (g, x) => {
  const axes = g.r.shuffled(x.dims.map((_, i) => i)).slice(0, g.r.int(1, x.dims.length - 1));
  const dims = x.dims.map((dim, i) => (axes.includes(i) ? 1 : dim));
  g.add(g.r.pick(['ReduceMean', 'ReduceMax']), [x.name], dims, { axes, keepdims: 1 });
};

const softmax: Step = (g, x) => g.add('Softmax', [x.name], x.dims, { axis: g.r.axis(x.dims.length) });

const matmul: Step = (g, x) => {
  const k = x.dims.at(-1) as number;
  const n = g.r.pick([1, 5, 16, 20]);
  g.add('MatMul', [x.name, g.weights([k, n], 1 / Math.sqrt(k))], [...x.dims.slice(0, -1), n]);
};

const gemm: Step = (g, x) => {
  const [m = 1, k = 1] = x.dims;
  const n = g.r.pick([1, 7, 16]);
  const transB = g.r.int(0, 1);
  g.add('Gemm', [x.name, g.weights(transB ? [n, k] : [k, n], 1 / Math.sqrt(k)), g.weights([n])], [m, n], { transB });
};

const layerNorm: Step = (g, x) => {
  const last = [x.dims.at(-1) as number];
  if ((last[0] as number) > 1)
    g.add('LayerNormalization', [x.name, g.weights(last), g.weights(last)], x.dims, { epsilon: { float: 0.01 } });
};

const anywhere: readonly Step[] = [
  unary,
  unary,
  arithmetic,
  arithmetic,
  clip,
  transpose,
  reshape,
  concat,
  slice,
  split,
  softmax,
];
const images: readonly Step[] = [conv, conv, conv, batchNorm, batchNorm, pool, prelu, resize, pad, reduce];

export function randomGraph(r: Random): RandomGraph {
  const g = new GraphBuilder(r);
  g.input([r.int(1, 2), r.pick([1, 3, 4, 8, 16]), ...r.list(r.pick([1, 2, 2, 2]), () => r.int(4, 9))]);
  if (r.chance(0.2)) g.input(g.values[0]?.dims ?? []);
  const length = r.int(3, 14);
  while (g.nodes.length < length) {
    // The newest value mostly, so that chains form; an older one now and then, so that values have several readers.
    const x = r.chance(0.75) ? (g.values.at(-1) as Value) : r.pick(g.values);
    const rank = x.dims.length;
    const fitting = [
      ...anywhere,
      ...(rank >= 3 && rank <= 4 ? images : []),
      ...(rank === 2 ? [gemm, gemm] : []),
      ...(rank >= 2 ? [matmul, layerNorm] : []),
    ];
    r.pick(fitting)(g, x);
  }
  return g.build();
}
