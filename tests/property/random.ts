/** Small random tensors and arguments, the same for the same seed: a failure names its seed. */
import type { TensorData, TensorType } from '../../src/index.js';
import { Tensor } from '../../src/runtime/tensor.js';

export const floatTypes = ['float32', 'float64', 'float16'] as const;
export const integerTypes = ['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64'] as const;

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed * 2654435761 + 12345) >>> 0;
    for (let i = 0; i < 4; ++i) this.#next();
  }

  /** mulberry32 */
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** In [0, 1). */
  unit(): number {
    return this.#next() / 2 ** 32;
  }
  /** In [from, to]. */
  int(from: number, to: number): number {
    return from + Math.floor(this.unit() * (to - from + 1));
  }
  float(from: number, to: number): number {
    return from + this.unit() * (to - from);
  }
  chance(probability: number): boolean {
    return this.unit() < probability;
  }
  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)] as T;
  }
  list<T>(count: number, make: (index: number) => T): T[] {
    return Array.from({ length: count }, (_, i) => make(i));
  }
  shuffled<T>(items: readonly T[]): T[] {
    const left = [...items];
    return this.list(items.length, () => left.splice(this.int(0, left.length - 1), 1)[0] as T);
  }

  /** Dims up to `largest` each; now and then one of them is 0. */
  dims(fromRank: number, toRank: number, largest = 4, zeros = true): number[] {
    const rank = this.int(fromRank, toRank);
    const dims = this.list(rank, () => this.int(1, largest));
    if (zeros && rank > 0 && this.chance(0.06)) dims[this.int(0, rank - 1)] = 0;
    return dims;
  }
  /** In [-rank, rank). */
  axis(rank: number): number {
    return this.int(-rank, rank - 1);
  }
  /** Two dims that numpy's rule broadcasts, and what they broadcast to. */
  broadcast(maxRank = 4): [number[], number[], number[]] {
    const whole = this.dims(0, maxRank);
    const part = (): number[] => {
      const dims = whole.map((dim) => (this.chance(0.25) ? 1 : dim));
      return dims.slice(this.chance(0.3) ? this.int(0, dims.length) : 0);
    };
    const [a, b] = [part(), part()];
    const rank = Math.max(a.length, b.length);
    const at = (dims: number[], i: number): number => dims[i - rank + dims.length] ?? 1;
    const out = this.list(rank, (i) => (at(a, i) === 1 ? at(b, i) : at(a, i)));
    return [a, b, out];
  }

  /** Floats of a few magnitudes; with `special`, also NaN, infinities, zeros of both signs and denormals. */
  tensor(type: TensorType, dims: readonly number[], options: ValueOptions = {}): Tensor {
    const count = dims.reduce((product, dim) => product * dim, 1);
    return new Tensor(type, this.list(count, () => this.#value(type, options)) as unknown as TensorData, dims);
  }

  #value(type: TensorType, { from, to, special = false }: ValueOptions): number | bigint | boolean {
    if (type === 'bool') return this.chance(0.5);
    if (type.startsWith('float')) {
      if (special && this.chance(0.15)) return this.pick(type === 'float16' ? specials.slice(0, 5) : specials);
      if (from !== undefined || to !== undefined) return this.float(from ?? -3, to ?? 3);
      return this.float(-3, 3) * (this.chance(0.1) ? 10 : 1);
    }
    const value = this.int(Math.max(from ?? -9, type.startsWith('u') ? 0 : -100), to ?? 9);
    return type.endsWith('64') ? BigInt(value) : value;
  }
}

const specials = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  1e-40,
  -1e-40,
  1e30,
  -1e30,
  1e-30,
];

interface ValueOptions {
  readonly from?: number;
  readonly to?: number;
  readonly special?: boolean;
}

export function int64(values: readonly number[], dims: readonly number[] = [values.length]): Tensor {
  return new Tensor('int64', values, dims);
}
