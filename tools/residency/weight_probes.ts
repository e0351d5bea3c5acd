import { createHash } from 'node:crypto';
import type { Initializer } from './onnx_initializers.js';
import { PROBE_MIN_BYTES, type Probe } from './probe_search.js';

const LANES = 16;

/** onnx.TensorProto.DataType */
const UINT8 = 2;
const INT8 = 3;

/** Where an element of the row-major tensor comes from, for each place of a blocked layout (docs/SPEC.md "Layouts"). */
interface Layout {
  name: string;
  /** Index into the row-major tensor of lane `lane`, depth `k`. */
  source(lane: number, k: number): number;
  lanes: number;
  depth: number;
}

/**
 * Every layout that a weight of these dims may have, whichever operator consumes it. Written from the specification, not
 * from the native packing, so that a mistake there does not blind the scanner.
 */
export function layoutsOf(dims: readonly number[]): Layout[] {
  const [first = 0, second = 0] = dims;
  const layouts: Layout[] = [];
  if (dims.length === 2) {
    layouts.push({ name: 'panel16 (K,N)', lanes: second, depth: first, source: (n, k) => k * second + n });
    layouts.push({ name: 'panel16 (N,K)', lanes: first, depth: second, source: (n, k) => n * second + k });
  }
  if (dims.length >= 3) {
    const taps = dims.slice(2).reduce((product, size) => product * size, 1);
    const depth = second * taps;
    const name = second === 1 ? 'depthwise16' : 'panel16 (O,I,taps)';
    // k counts taps outermost, then input channels; with one input channel this is the depthwise layout too.
    layouts.push({
      name,
      lanes: first,
      depth,
      source: (o, k) => o * depth + (k % second) * taps + Math.floor(k / second),
    });
  }
  return layouts;
}

/**
 * `count` probes for each layout, spread over the weights by size: 16 bytes (four float32, or sixteen 8-bit integers) that
 * occur in no other place of the model and are all different enough that nothing but the weight explains a hit.
 */
export function weightProbes(initializers: readonly Initializer[], count: number): Probe[] {
  const random = new Dice(initializers);
  const rowMajor = initializers.filter(({ bytes }) => bytes.length >= PROBE_MIN_BYTES);
  const floats = initializers.filter(({ dims, bytes }) => bytes.length === 4 * dims.reduce((p, d) => p * d, 1));
  const probes = new Map<string, Probe>();

  draw(count, rowMajor, (weight) => {
    const step = weight.type === INT8 || weight.type === UINT8 ? 1 : 4;
    const at = step * random.below(Math.floor((weight.bytes.length - PROBE_MIN_BYTES) / step) + 1);
    return { name: `${weight.name} row-major +${at}`, bytes: weight.bytes.subarray(at, at + PROBE_MIN_BYTES) };
  });
  const blocked = floats.filter(({ dims }) => layoutsOf(dims).some(({ lanes }) => lanes >= 4));
  for (const variant of [0, 1]) {
    draw(count, blocked, (weight) => {
      const layouts = layoutsOf(weight.dims);
      const layout = layouts[variant % layouts.length] as Layout;
      if (layout.lanes < 4) return undefined;
      const lane = random.below(layout.lanes - 3);
      const k = random.below(layout.depth);
      // The four lanes must be of one panel to lie side by side.
      if (Math.floor(lane / LANES) !== Math.floor((lane + 3) / LANES)) return undefined;
      const bytes = Buffer.concat([0, 1, 2, 3].map((i) => float(weight, layout.source(lane + i, k))));
      return { name: `${weight.name} ${layout.name} lane ${lane} k ${k}`, bytes };
    });
  }
  const quantised = initializers.filter(({ type, dims }) => (type === INT8 || type === UINT8) && dims.length >= 2);
  for (const variant of [0, 1]) draw(count, quantised, (weight) => byteProbe(weight, variant, random));
  return [...probes.values()];

  function draw(wanted: number, from: readonly Initializer[], make: (weight: Initializer) => Probe | undefined): void {
    const total = from.reduce((sum, { bytes }) => sum + bytes.length, 0);
    if (total === 0) return;
    let drawn = 0;
    for (let attempt = 0; drawn < wanted && attempt < wanted * 200; attempt += 1) {
      let at = random.below(total);
      const weight = from.find(({ bytes }) => {
        at -= bytes.length;
        return at < 0;
      });
      const probe = weight && make(weight);
      if (!probe || !(weight.type === INT8 || weight.type === UINT8 ? hasManyBytes : isDistinctive)(probe.bytes))
        continue;
      const key = Buffer.from(probe.bytes).toString('hex');
      if (probes.has(key)) continue;
      probes.set(key, probe);
      drawn += 1;
    }
  }
}

/** Sixteen bytes that lie side by side in a layout of 8-bit integers: four channels by four k, or one tap of 16 channels. */
function byteProbe(weight: Initializer, variant: number, random: Dice): Probe | undefined {
  const layouts = layoutsOf(weight.dims);
  const layout = layouts[variant % layouts.length];
  if (layout === undefined) return undefined;
  const flip = weight.type === UINT8 ? 0x80 : 0;
  const at = (lane: number, k: number) => (weight.bytes[layout.source(lane, k)] ?? 0) ^ flip;
  if (layout.name === 'depthwise16') {
    if (layout.lanes < LANES) return undefined;
    const block = LANES * random.below(Math.floor(layout.lanes / LANES));
    const tap = random.below(layout.depth);
    const bytes = Uint8Array.from({ length: LANES }, (_, lane) => at(block + lane, tap));
    return { name: `${weight.name} 8-bit depthwise16 lane ${block} tap ${tap}`, bytes };
  }
  if (layout.lanes < 4 || layout.depth < 4) return undefined;
  const lane = 4 * random.below(Math.floor(layout.lanes / 4));
  const k = 4 * random.below(Math.floor(layout.depth / 4));
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => at(lane + Math.floor(i / 4), k + (i % 4)));
  return { name: `${weight.name} 8-bit ${layout.name} lane ${lane} k ${k}`, bytes };
}

/** No run of zeros, no table of small steps: like noise, as quantised weights are. */
function hasManyBytes(bytes: Uint8Array): boolean {
  return new Set(bytes).size >= 11;
}

function float(weight: Initializer, index: number): Buffer {
  return weight.bytes.subarray(4 * index, 4 * index + 4);
}

function isDistinctive(bytes: Uint8Array): boolean {
  const words = Array.from({ length: 4 }, (_, i) => Buffer.from(bytes).readUInt32LE(4 * i));
  // Low mantissa bytes that are zero mark round constants (0.5, 2.0), which other programs hold too.
  return new Set(words).size === 4 && words.every((word) => (word & 0xffff) !== 0) && new Set(bytes).size >= 8;
}

/** Reproducible choices: the same model always gets the same probes. */
class Dice {
  #state: number;

  constructor(initializers: readonly Initializer[]) {
    const hash = createHash('sha256');
    for (const { bytes } of initializers) hash.update(bytes);
    this.#state = hash.digest().readUInt32LE(0);
  }

  /** Uniform enough in [0, limit): the mulberry32 generator. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * limit);
  }
}
