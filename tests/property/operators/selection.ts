/** What chooses boxes, counts n-grams, takes a type or a determinant from its data. */
import type { TensorType } from '../../../src/index.js';
import { Tensor } from '../../../src/runtime/tensor.js';
import { int64 } from '../random.js';
import type { Generator } from './elementwise.js';

export const selectionGenerators: Readonly<Record<string, Generator>> = {
  NonMaxSuppression: (r) => {
    const [batch, boxes, classes] = [r.int(1, 2), r.int(1, 8), r.int(1, 3)];
    const center_point_box = r.int(0, 1);
    // Corners (y1, x1, y2, x2) in any order, or centre and size (x, y, w, h).
    const corners = r.list(batch * boxes, () => [
      ...r.list(2, () => r.float(0, 1)),
      ...r.list(2, () => (center_point_box ? r.float(0.1, 1) : r.float(0, 1.5))),
    ]);
    // Equal scores have no order that the standard fixes.
    const scores = r.shuffled(r.list(batch * classes * boxes, (i) => i / 50));
    const inputs: (Tensor | undefined)[] = [
      new Tensor('float32', corners.flat(), [batch, boxes, 4]),
      new Tensor('float32', scores, [batch, classes, boxes]),
      r.chance(0.9) ? int64([r.int(0, 4)], r.pick([[], [1]])) : undefined,
      r.chance(0.7) ? new Tensor('float32', [r.float(0, 1)], r.pick([[], [1]])) : undefined,
      r.chance(0.6) ? new Tensor('float32', [r.float(0, 0.5)], r.pick([[], [1]])) : undefined,
    ];
    while (inputs.at(-1) === undefined) inputs.pop();
    return {
      opType: 'NonMaxSuppression',
      opset: r.pick([10, 11]),
      attributes: { center_point_box },
      inputs,
      constants: r.pick([[], [2, 3, 4]]),
      outputTypes: ['int64'],
    };
  },
  CumProd: (r) => {
    const data = r.tensor(r.pick(['float32', 'int32', 'int64', 'float64'] as const), r.dims(1, 4));
    return {
      opType: 'CumProd',
      opset: 26,
      attributes: { exclusive: r.int(0, 1), reverse: r.int(0, 1) },
      inputs: [data, int64([r.axis(data.dims.length)], [])],
      constants: r.pick([[], [1]]),
      outputTypes: [data.type],
    };
  },
  TensorScatter: (r) => {
    const dims = r.dims(2, 4, 4, false);
    const axis = r.int(1, dims.length - 1);
    const rows = dims[axis] as number;
    const added = r.int(1, rows);
    const type = r.pick(['float32', 'int64', 'float16', 'bool'] as const);
    const update = r.tensor(
      type,
      dims.map((dim, i) => (i === axis ? added : dim)),
    );
    const mode = r.pick(['linear', 'circular', undefined]);
    const last = mode === 'circular' ? rows - 1 : rows - added;
    const batch = dims[0] as number;
    const indices = int64(
      r.list(batch, () => r.int(0, last)),
      [batch],
    );
    return {
      opType: 'TensorScatter',
      opset: 24,
      attributes: { axis: r.pick([axis, axis - dims.length]), mode },
      inputs: [r.tensor(type, dims), update, ...(r.chance(0.7) ? [indices] : [])],
      constants: r.pick([[], [1]]),
      outputTypes: [type],
    };
  },
  TfIdfVectorizer: (r) => {
    const type = r.pick(['int64', 'int32'] as const);
    const longest = r.int(1, 3);
    const shortest = r.int(1, longest);
    const word = (): number => r.int(0, 4);
    // The pool holds the n-grams of each length, all different, one after the other.
    const grams = r.list(longest, (i) => {
      const all = r.list(r.int(1, 4), () => r.list(i + 1, word).join(' '));
      return [...new Set(all)].map((gram) => gram.split(' ').map(Number));
    });
    const counts = grams.map((_, i) => grams.slice(0, i).reduce((sum, list, n) => sum + list.length * (n + 1), 0));
    const total = grams.reduce((sum, list) => sum + list.length, 0);
    const weights = r.chance(0.6) ? { floats: r.list(total, () => r.float(0.1, 2)) } : undefined;
    const length = r.int(1, 10);
    const dims = r.chance(0.5) ? [length] : [r.int(1, 3), length];
    const size = dims.reduce((a, b) => a * b, 1);
    return {
      opType: 'TfIdfVectorizer',
      opset: 9,
      attributes: {
        mode: r.pick(['TF', 'IDF', 'TFIDF']),
        min_gram_length: shortest,
        max_gram_length: longest,
        max_skip_count: r.int(0, 3),
        ngram_counts: counts,
        ngram_indexes: r.shuffled(r.list(total, (i) => i)),
        pool_int64s: grams.flat(2),
        weights,
      },
      inputs: [new Tensor(type, r.list(size, word), dims)],
      outputTypes: ['float32'],
    };
  },
  CastLike: (r) => {
    const types: readonly TensorType[] = ['float32', 'float64', 'float16', 'int32', 'int64', 'uint8', 'int8', 'bool'];
    const [from, to] = [r.pick(types), r.pick(types)];
    const range = to.startsWith('u') ? { from: 0, to: 50 } : {};
    const inputs = [r.tensor(from, r.dims(0, 3), range), r.tensor(to, r.dims(0, 2))];
    return { opType: 'CastLike', opset: 15, inputs, outputTypes: [to] };
  },
  Det: (r) => {
    const type = r.pick(['float32', 'float64'] as const);
    const size = r.int(1, 5);
    const inputs = [r.tensor(type, [...r.dims(0, 2, 3, false), size, size], { from: -2, to: 2 })];
    return { opType: 'Det', opset: 11, inputs, outputTypes: [type] };
  },
};
