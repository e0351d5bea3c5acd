/**
 * Random graphs as quantising tools write them: every tensor goes through QuantizeLinear and DequantizeLinear, weights are
 * stored in 8 bits, biases in 32. An engine may compute them on integers.
 */

import { Tensor } from '../../src/runtime/tensor.js';
import type { Tolerance } from '../conformance/compare.js';
import type { Random } from './random.js';
import { GraphBuilder, type RandomGraph, type Value } from './random_graph.js';

interface Quantised extends Value {
  readonly scale: number;
}

const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

/** What a chain is made of; `unsigned` activations with a zero point, or symmetric signed ones. */
class QuantisedBuilder {
  readonly g: GraphBuilder;
  readonly quantised: Quantised[] = [];
  readonly #unsigned: boolean;

  constructor(r: Random) {
    this.g = new GraphBuilder(r, false);
    this.#unsigned = r.chance(0.5);
  }

  get #last(): Value {
    return this.g.values.at(-1) as Value;
  }

  #scalar(type: 'float32' | 'uint8' | 'int8', value: number): string {
    return this.g.constant(new Tensor(type, [value], []));
  }

  /**
   * The newest value through a pair of nodes; `range` is what it may hold, about: with scales in simple ratios, as of averages
   * of four, ties would be everywhere.
   */
  quantise(range: number, always?: { readonly scale: string; readonly zero: string; readonly value: number }): void {
    const { g } = this;
    const { name, dims } = this.#last;
    const positive = this.#unsigned && g.r.chance(0.3);
    const value = always?.value ?? Math.fround(((positive ? range : 2 * range) / 255) * g.r.float(0.9, 1.1));
    const scale = always?.scale ?? this.#scalar('float32', value);
    const zero =
      always?.zero ??
      (this.#unsigned
        ? this.#scalar('uint8', positive ? 3 : g.r.int(120, 136))
        : this.#scalar('int8', g.r.pick([0, 0, -7])));
    g.add('QuantizeLinear', [name, scale, zero], dims);
    g.add('DequantizeLinear', [this.#last.name, scale, zero], dims);
    this.quantised.push({ ...this.#last, scale: value });
  }

  /** 8-bit weights of `filters` filters along `axis`, one scale for all or one each; how large a product with them may get. */
  weights(dims: readonly number[], axis: number, perChannel: boolean): { name: string; scales: number[] } {
    const { g } = this;
    const filters = dims[axis] as number;
    const scales = g.r.list(perChannel ? filters : 1, () => Math.fround(g.r.float(0.002, 0.01)));
    const stored = g.constant(g.r.tensor('int8', dims, { from: -100, to: 100 }));
    const scale = g.constant(new Tensor('float32', scales, perChannel ? [filters] : []));
    const zero = g.constant(
      new Tensor(
        'int8',
        scales.map(() => 0),
        perChannel ? [filters] : [],
      ),
    );
    g.add('DequantizeLinear', [stored, scale, zero], dims, perChannel ? { axis } : {});
    return { name: this.#last.name, scales };
  }

  bias(filters: number, input: number, scales: readonly number[]): string {
    const { g } = this;
    const all = scales.map((scale) => Math.fround(input * scale));
    const perChannel = scales.length > 1;
    const stored = g.constant(g.r.tensor('int32', [filters], { from: -90, to: 900 }));
    const scale = g.constant(new Tensor('float32', all, perChannel ? [filters] : []));
    const zero = g.constant(
      new Tensor(
        'int32',
        all.map(() => 0),
        perChannel ? [filters] : [],
      ),
    );
    g.add('DequantizeLinear', [stored, scale, zero], [filters], perChannel ? { axis: 0 } : {});
    return this.#last.name;
  }

  conv(x: Quantised): void {
    const { r } = this.g;
    const [n = 1, channels = 1, ...spatial] = x.dims;
    const kernel = spatial.map((dim) => Math.min(dim, r.pick([1, 3])));
    const strides = spatial.map(() => r.pick([1, 1, 2]));
    const pads = kernel.map((size) => Math.floor((size - 1) / 2));
    const depthwise = r.chance(0.35);
    const filters = depthwise ? channels : r.pick([1, 4, 8, 17]);
    const group = depthwise ? channels : 1;
    const { name, scales } = this.weights([filters, channels / group, ...kernel], 0, r.chance(0.5));
    const inputs = [x.name, name];
    if (r.chance(0.7)) inputs.push(this.bias(filters, x.scale, scales));
    const out = spatial.map(
      (dim, i) => Math.floor((dim + 2 * (pads[i] as number) - (kernel[i] as number)) / (strides[i] as number)) + 1,
    );
    this.g.add('Conv', inputs, [n, filters, ...out], {
      kernel_shape: kernel,
      strides,
      pads: [...pads, ...pads],
      group,
    });
    this.activation();
    this.quantise(0.2 * Math.sqrt((channels / group) * product(kernel)) + 0.1);
  }

  activation(): void {
    const { g } = this;
    const { name, dims } = this.#last;
    if (g.r.chance(0.4)) g.add('Relu', [name], dims);
    else if (g.r.chance(0.2)) g.add('Clip', [name, this.#scalar('float32', 0), this.#scalar('float32', 6)], dims);
  }

  gemm(x: Quantised): void {
    const { r } = this.g;
    const [m = 1, k = 1] = [x.dims[0], product(x.dims.slice(1))];
    if (x.dims.length > 2) {
      this.g.add('Flatten', [x.name], [m, k]);
      this.quantise(1.5);
    }
    const input = this.quantised.at(-1) as Quantised;
    const source = x.dims.length > 2 ? input : x;
    const n = r.pick([1, 10, 16, 33]);
    const { name, scales } = this.weights([n, k], 0, r.chance(0.5));
    this.g.add('Gemm', [source.name, name, this.bias(n, source.scale, scales)], [m, n], { transB: 1 });
    this.activation();
    this.quantise(0.2 * Math.sqrt(k) + 0.1);
  }

  add(x: Quantised): void {
    const others = this.quantised.filter(
      ({ dims }) => dims.length === x.dims.length && dims.every((dim, i) => dim === x.dims[i]),
    );
    this.g.add('Add', this.g.r.shuffled([x.name, this.g.r.pick(others).name]), x.dims);
    this.activation();
    this.quantise(2);
  }

  pool(x: Quantised): void {
    const { r } = this.g;
    const [n = 1, channels = 1, ...spatial] = x.dims;
    if (r.chance(0.3)) {
      this.g.add('GlobalAveragePool', [x.name], [n, channels, ...spatial.map(() => 1)]);
    } else {
      const kernel = spatial.map((dim) => Math.min(dim, 2));
      const out = spatial.map((dim, i) => dim - (kernel[i] as number) + 1);
      this.g.add(r.pick(['MaxPool', 'AveragePool']), [x.name], [n, channels, ...out], { kernel_shape: kernel });
    }
    this.quantise(1);
  }

  table(x: Quantised): void {
    this.g.add(this.g.r.pick(['Sigmoid', 'LeakyRelu', 'Tanh', 'HardSwish']), [x.name], x.dims);
    this.quantise(1);
  }

  move(x: Quantised): void {
    const { r } = this.g;
    const fits = this.quantised.filter(
      ({ dims }) => dims.length === x.dims.length && dims.every((dim, i) => i === 1 || dim === x.dims[i]),
    );
    const other = r.pick(fits);
    const channels = (x.dims[1] as number) + (other.dims[1] as number);
    this.g.add(
      'Concat',
      [x.name, other.name],
      x.dims.map((dim, i) => (i === 1 ? channels : dim)),
      { axis: 1 },
    );
    this.quantise(1.5);
  }
}

/** With what an output may differ: a tie that rounds otherwise is one step of its layer, which later layers carry on. */
export function randomQuantisedGraph(r: Random): RandomGraph & { readonly tolerance: Tolerance } {
  const builder = new QuantisedBuilder(r);
  builder.g.input([1, r.pick([1, 3, 4, 16]), r.int(4, 9), r.int(4, 9)]);
  builder.quantise(1);
  const length = r.int(1, 6);
  for (let i = 0; i < length; ++i) {
    const x = r.chance(0.8) ? (builder.quantised.at(-1) as Quantised) : r.pick(builder.quantised);
    const image = x.dims.length === 4;
    const steps = [
      builder.gemm,
      builder.add,
      builder.table,
      ...(image ? [builder.conv, builder.conv, builder.conv, builder.pool, builder.move] : []),
    ];
    r.pick(steps).call(builder, x);
  }
  const steps = builder.quantised.map(({ scale }) => scale);
  return { ...builder.g.build(), tolerance: { rtol: 0, atol: 2 * Math.max(...steps) } };
}
