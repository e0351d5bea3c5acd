/** Attention of the standard, its rotated heads, and the grid of an affine map. */
import { Tensor } from '../../../src/runtime/tensor.js';
import { int64 } from '../random.js';
import type { Generator } from './elementwise.js';

export const attentionGenerators: Readonly<Record<string, Generator>> = {
  Attention: (r) => {
    const opset = r.pick([23, 24]);
    const [batch, kvHeads, shared] = [r.int(1, 2), r.int(1, 3), r.int(1, 3)];
    const [rows, size, valueSize] = [r.int(1, 4), r.int(1, 5), r.int(1, 5)];
    const past = r.chance(0.3) ? r.int(1, 3) : 0;
    const causal = r.int(0, 1);
    // Queries that continue a past bring their own keys.
    const keys = (causal && past > 0) || r.chance(0.5) ? rows : r.int(1, 5);
    const heads = kvHeads * shared;
    const flat = r.chance(0.5);
    const heads4 = (count: number, length: number, width: number): Tensor =>
      r.tensor('float32', flat ? [batch, length, count * width] : [batch, count, length, width]);
    const total = past + keys;
    const maskDims = r.pick([
      [rows, total],
      [1, 1, rows, total],
      [batch, 1, rows, total],
      [batch, heads, rows, total],
    ]);
    // A row where everything is masked attends to nothing: key 0 always takes part.
    const mask = r.pick([undefined, 'bool', 'float32'] as const);
    const count = maskDims.reduce((a, b) => a * b, 1);
    const takesPart = r.list(count, (i) => i % total === 0 || r.chance(0.5));
    const maskTensor =
      mask === 'bool' ? new Tensor('bool', takesPart, maskDims) : mask && r.tensor('float32', maskDims);
    const inputs = [
      heads4(heads, rows, size),
      heads4(kvHeads, keys, size),
      heads4(kvHeads, keys, valueSize),
      maskTensor,
      past > 0 ? r.tensor('float32', [batch, kvHeads, past, size]) : undefined,
      past > 0 ? r.tensor('float32', [batch, kvHeads, past, valueSize]) : undefined,
    ];
    while (inputs.at(-1) === undefined) inputs.pop();
    const attributes = {
      is_causal: causal,
      q_num_heads: flat ? heads : undefined,
      kv_num_heads: flat ? kvHeads : undefined,
      scale: r.chance(0.3) ? { float: r.float(0.1, 1) } : undefined,
      softcap: r.chance(0.3) ? { float: r.float(1, 5) } : undefined,
      // In output 3 onnxruntime shows the lowest number in place of minus infinity.
      qk_matmul_output_mode: causal || maskTensor?.type === 'bool' ? r.pick([0, 1, 3]) : r.int(0, 3),
    };
    const outputs = past > 0 ? r.pick([3, 4]) : 1;
    return {
      opType: 'Attention',
      opset,
      attributes,
      inputs,
      outputTypes: r.list(outputs, () => 'float32' as const),
    };
  },
  RotaryEmbedding: (r) => {
    const [batch, heads, rows, half] = [r.int(1, 2), r.int(1, 3), r.int(1, 4), r.int(1, 4)];
    const rotated = r.chance(0.6) ? half : r.int(1, half);
    const flat = r.chance(0.5);
    const byPosition = r.chance(0.5);
    const cache = byPosition ? [6, rotated] : [batch, rows, rotated];
    const positions = r.list(batch * rows, () => r.int(0, 5));
    return {
      opType: 'RotaryEmbedding',
      opset: 23,
      attributes: {
        interleaved: r.int(0, 1),
        num_heads: flat ? heads : undefined,
        rotary_embedding_dim: rotated === half ? undefined : 2 * rotated,
      },
      inputs: [
        r.tensor('float32', flat ? [batch, rows, heads * half * 2] : [batch, heads, rows, half * 2]),
        r.tensor('float32', cache),
        r.tensor('float32', cache),
        ...(byPosition ? [int64(positions, [batch, rows])] : []),
      ],
      outputTypes: ['float32'],
    };
  },
  AffineGrid: (r) => {
    const type = r.pick(['float32', 'float32', 'float64'] as const);
    const rank = r.pick([2, 3]);
    const size = [r.int(1, 2), r.int(1, 3), ...r.list(rank, () => r.int(2, 4))];
    return {
      opType: 'AffineGrid',
      opset: 20,
      attributes: { align_corners: r.int(0, 1) },
      inputs: [r.tensor(type, [size[0] as number, rank, rank + 1]), int64(size)],
      constants: r.pick([[], [1]]),
      outputTypes: [type],
    };
  },
};
