/** onnxruntime's own operators in floating point, as its optimiser writes them. */
import { Tensor } from '../../../src/runtime/tensor.js';
import type { Attribute } from '../onnx_model.js';
import type { Random } from '../random.js';
import type { Generator } from './elementwise.js';
import { layerGenerators } from './layers.js';
import type { OneNode } from './one_node_model.js';

const domain = 'com.microsoft';

export function microsoft(
  opType: string,
  make: (r: Random) => Omit<OneNode, 'opType' | 'opset' | 'domain'>,
): [string, Generator] {
  return [`com.microsoft.${opType}`, (r) => ({ opType, opset: 17, domain, ...make(r) })];
}

const f32 = (r: Random, dims: readonly number[]): Tensor => r.tensor('float32', dims);
const float = (r: Random, from: number, to: number): Attribute => ({ float: r.float(from, to) });

/** What follows a product in its node. */
function activation(r: Random): { name: string; parameters: number[] } | undefined {
  return r.pick([
    undefined,
    { name: 'Relu', parameters: [] },
    { name: 'Sigmoid', parameters: [] },
    { name: 'Tanh', parameters: [] },
    { name: 'LeakyRelu', parameters: [r.float(0.01, 0.5)] },
    { name: 'HardSigmoid', parameters: [r.float(0.1, 0.5), r.float(0.1, 0.6)] },
  ]);
}

function trimmed(inputs: (Tensor | undefined)[]): (Tensor | undefined)[] {
  while (inputs.at(-1) === undefined) inputs.pop();
  return inputs;
}

/** Integers of onnxruntime's attention masks: lengths, ends and begins, or one for each key. */
function mask(r: Random, batch: number, rows: number, keys: number): Tensor | undefined {
  const count = (from: number): number[] => r.list(batch, () => r.int(from, keys));
  switch (r.pick(['none', 'lengths', 'ranges', 'keys', 'scores', 'one'])) {
    case 'lengths':
      return new Tensor('int32', count(1), [batch]);
    case 'ranges':
      return new Tensor('int32', [...count(1), ...r.list(batch, () => 0)], [2 * batch]);
    case 'keys':
      return r.tensor('int32', [batch, keys], { from: 0, to: 1 });
    case 'scores':
      return r.tensor('int32', [batch, rows, keys], { from: 0, to: 1 });
    case 'one':
      // Of one key it would say whether that takes part.
      return keys > 1 ? r.tensor('int32', [r.pick([1, batch]), 1], { from: 0, to: 1 }) : undefined;
    default:
      return undefined;
  }
}

export const microsoftGenerators: Readonly<Record<string, Generator>> = Object.fromEntries([
  microsoft('FusedConv', (r) => {
    const { attributes, inputs } = (layerGenerators.Conv as Generator)(r);
    const after = activation(r) ?? { name: 'Relu', parameters: [] };
    const parameters = after.parameters.length > 0 ? { floats: after.parameters } : undefined;
    return {
      attributes: { ...attributes, activation: after.name, activation_params: parameters },
      inputs,
      constants: [1, 2],
      outputTypes: ['float32'],
    };
  }),
  microsoft('FusedGemm', (r) => {
    const { attributes, inputs } = (layerGenerators.Gemm as Generator)(r);
    const after = activation(r) ?? { name: 'Relu', parameters: [] };
    const [alpha, beta] = after.parameters;
    return {
      attributes: {
        ...attributes,
        activation: after.name,
        activation_alpha: alpha === undefined ? undefined : { float: alpha },
        activation_beta: beta === undefined ? undefined : { float: beta },
      },
      inputs,
      constants: r.pick([[], [1, 2]]),
      outputTypes: ['float32'],
    };
  }),
  ...['FusedMatMul', 'TransposeMatMul'].map((opType) =>
    microsoft(opType, (r) => {
      const [m, k, n] = [r.int(1, 5), r.int(1, 9), r.int(1, 20)];
      const [transA, transB] = [r.int(0, 1), r.int(0, 1)];
      const batch = r.dims(0, 2, 3, false);
      const left = transA ? [k, m] : [m, k];
      const right = transB ? [n, k] : [k, n];
      return {
        attributes: { transA, transB, alpha: r.chance(0.5) ? float(r, 0.1, 2) : undefined },
        inputs: [f32(r, [...batch, ...left]), f32(r, [...(r.chance(0.5) ? batch : []), ...right])],
        constants: r.pick([[], [1]]),
        outputTypes: ['float32'],
      };
    }),
  ),
  microsoft('Gelu', (r) => ({ inputs: [f32(r, r.dims(1, 4))], outputTypes: ['float32'] })),
  microsoft('QuickGelu', (r) => ({
    attributes: { alpha: r.chance(0.5) ? float(r, 0.5, 2) : undefined },
    inputs: [f32(r, r.dims(1, 4, 4, false))],
    outputTypes: ['float32'],
  })),
  ...['BiasGelu', 'FastGelu'].map((opType) =>
    microsoft(opType, (r) => {
      const x = f32(r, r.dims(1, 4, 5, false));
      const biased = opType === 'BiasGelu' || r.chance(0.6);
      return { inputs: biased ? [x, f32(r, [x.dims.at(-1) as number])] : [x], outputTypes: ['float32'] };
    }),
  ),
  microsoft('SkipLayerNormalization', (r) => {
    const [batch, rows, size] = [r.int(1, 3), r.int(1, 3), r.int(2, 9)];
    const given = (): Tensor | undefined => (r.chance(0.6) ? f32(r, [size]) : undefined);
    return {
      attributes: { epsilon: r.chance(0.5) ? { float: 0.01 } : undefined },
      inputs: trimmed([f32(r, [batch, rows, size]), f32(r, [batch, rows, size]), f32(r, [size]), given(), given()]),
      outputTypes: ['float32'],
    };
  }),
  microsoft('SkipSimplifiedLayerNormalization', (r) => {
    const dims = [r.int(1, 3), r.int(1, 3), r.int(2, 9)];
    const size = dims.slice(2);
    return {
      attributes: { epsilon: { float: 0.001 } },
      inputs: [f32(r, dims), f32(r, dims), f32(r, size), ...(r.chance(0.5) ? [f32(r, size)] : [])],
      outputTypes: ['float32'],
    };
  }),
  microsoft('EmbedLayerNormalization', (r) => {
    const [batch, words, size] = [r.int(1, 3), r.int(1, 5), r.int(2, 8)];
    const ids = (most: number): Tensor => r.tensor('int32', [batch, words], { from: 0, to: most });
    const segments = r.chance(0.6);
    // onnxruntime counts a mask up to its first 0.
    const counted = r.list(batch, () => r.int(0, words)).flatMap((n) => r.list(words, (i) => (i < n ? 1 : 0)));
    const inputs = [
      ids(6),
      segments ? ids(1) : undefined,
      f32(r, [7, size]),
      f32(r, [words + 2, size]),
      segments ? f32(r, [2, size]) : undefined,
      f32(r, [size]),
      f32(r, [size]),
      r.chance(0.5) ? new Tensor('int32', counted, [batch, words]) : undefined,
      r.chance(0.3) ? ids(words) : undefined,
    ];
    return {
      attributes: { epsilon: { float: 0.001 } },
      inputs: trimmed(inputs),
      constants: r.pick([[], [2, 3, 4, 5, 6]]),
      outputTypes: ['float32', 'int32'],
    };
  }),
  microsoft('Attention', (r) => {
    const [batch, rows, heads, size, width] = [r.int(1, 2), r.int(1, 4), r.int(1, 3), r.int(1, 3), r.int(1, 5)];
    const hidden = heads * size;
    const valueHidden = r.chance(0.3) ? heads * r.int(1, 3) : hidden;
    const past = valueHidden === hidden && r.chance(0.3) ? r.int(1, 3) : 0;
    const keys = past + rows;
    const inputs = [
      f32(r, [batch, rows, width]),
      f32(r, [width, 2 * hidden + valueHidden]),
      f32(r, [2 * hidden + valueHidden]),
      mask(r, batch, rows, keys),
      past > 0 ? f32(r, [2, batch, heads, past, size]) : undefined,
      past === 0 && r.chance(0.3) ? f32(r, [r.pick([1, batch]), r.pick([1, heads]), rows, keys]) : undefined,
    ];
    return {
      attributes: {
        num_heads: heads,
        unidirectional: r.int(0, 1),
        qkv_hidden_sizes: valueHidden === hidden ? undefined : [hidden, hidden, valueHidden],
        scale: r.chance(0.3) ? float(r, 0.1, 1) : undefined,
      },
      inputs: trimmed(inputs),
      constants: r.pick([[], [1, 2]]),
      outputTypes: past > 0 ? ['float32', 'float32'] : ['float32'],
    };
  }),
  microsoft('MultiHeadAttention', (r) => {
    const [batch, heads, size] = [r.int(1, 2), r.int(1, 3), r.int(1, 4)];
    const [rows, keys] = [r.int(1, 4), r.int(1, 5)];
    const past = r.chance(0.25) ? r.int(1, 3) : 0;
    const valueSize = past > 0 ? size : r.int(1, 4);
    // Key 0 takes part: with -10000 added to every score there are few digits left.
    const keep = r.list(batch * (past + keys), (i) => (i % (past + keys) === 0 ? 1 : r.int(0, 1)));
    const padding = r.chance(0.4) ? new Tensor('int32', keep, [batch, past + keys]) : undefined;
    const inputs = [
      f32(r, [batch, rows, heads * size]),
      f32(r, [batch, keys, heads * size]),
      f32(r, [batch, keys, heads * valueSize]),
      r.chance(0.4) ? f32(r, [heads * (2 * size + valueSize)]) : undefined,
      padding,
      r.chance(0.4) ? f32(r, [r.pick([1, batch]), r.pick([1, heads]), rows, past + keys]) : undefined,
      past > 0 ? f32(r, [batch, heads, past, size]) : undefined,
      past > 0 ? f32(r, [batch, heads, past, valueSize]) : undefined,
    ];
    return {
      attributes: { num_heads: heads, scale: r.chance(0.3) ? float(r, 0.1, 1) : undefined },
      inputs: trimmed(inputs),
      outputTypes: past > 0 ? ['float32', 'float32', 'float32'] : ['float32'],
    };
  }),
]);
