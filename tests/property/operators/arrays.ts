/** Operators that move, pick, count and make elements. */
import type { TensorType } from '../../../src/index.js';
import { Tensor } from '../../../src/runtime/tensor.js';
import { int64, type Random } from '../random.js';
import type { Generator } from './elementwise.js';

const moved: readonly TensorType[] = [
  'float32',
  'float32',
  'int64',
  'int32',
  'uint8',
  'bool',
  'float64',
  'float16',
  'int8',
];

function subset(r: Random, rank: number, signed = true): number[] {
  const axes = r.shuffled(r.list(rank, (i) => i)).slice(0, r.int(1, rank));
  return axes.map((axis) => (signed && r.chance(0.5) ? axis - rank : axis));
}

const constantOrNot = (r: Random, ...indices: number[]): number[] => (r.chance(0.6) ? indices : []);

/** Indices into a dimension of this size, negative ones among them. */
function indices(r: Random, size: number, dims: readonly number[], negative = true): Tensor {
  const count = dims.reduce((product, dim) => product * dim, 1);
  return new Tensor(
    r.pick(['int64', 'int32']),
    r.list(count, () => r.int(negative ? -size : 0, size - 1)),
    dims,
  );
}

function scatter(opType: string, opset: number): Generator {
  return (r) => {
    const type = r.pick(['float32', 'int64', 'float64'] as const);
    const data = r.tensor(type, r.dims(1, 3, 4, false));
    const axis = r.axis(data.dims.length);
    const dims = data.dims.map((dim) => r.int(1, dim));
    const size = data.dims.at(axis) as number;
    // Without a reduction, writing one place twice has no defined result: along the axis every index is another.
    const along = r.shuffled(r.list(size, (i) => i));
    const length = dims.at(axis) as number;
    const inner = dims.slice(axis < 0 ? axis + dims.length + 1 : axis + 1).reduce((a, b) => a * b, 1);
    const count = dims.reduce((a, b) => a * b, 1);
    const where = r.list(count, (i) => along[Math.floor(i / inner) % length] as number);
    const reduction = opset >= 16 ? r.pick(['none', 'add', 'mul', ...(opset >= 18 ? ['max', 'min'] : [])]) : undefined;
    return {
      opType,
      opset,
      attributes: { axis, reduction },
      inputs: [data, int64(where, dims), r.tensor(type, dims)],
      outputTypes: [type],
    };
  };
}

export const arrayGenerators: Readonly<Record<string, Generator>> = {
  Identity: (r) => {
    const type = r.pick(moved);
    return { opType: 'Identity', opset: 16, inputs: [r.tensor(type, r.dims(0, 5))], outputTypes: [type] };
  },
  Cast: (r) => {
    const codes: readonly [TensorType, number][] = [
      ['float32', 1],
      ['uint8', 2],
      ['int8', 3],
      ['int32', 6],
      ['int64', 7],
      ['bool', 9],
      ['float16', 10],
      ['float64', 11],
      ['uint32', 12],
      ['uint64', 13],
      ['int16', 5],
      ['uint16', 4],
    ];
    const [to, code] = r.pick(codes);
    const from = r.pick(codes)[0];
    const unsigned = to.startsWith('u');
    return {
      opType: 'Cast',
      opset: 13,
      attributes: { to: code },
      inputs: [r.tensor(from, r.dims(0, 3), unsigned ? { from: 0, to: 50 } : {})],
      outputTypes: [to],
    };
  },
  Concat: (r) => {
    const type = r.pick(moved);
    const dims = r.dims(1, 4);
    const axis = r.axis(dims.length);
    const at = axis < 0 ? axis + dims.length : axis;
    const inputs = r.list(r.int(1, 4), () =>
      r.tensor(
        type,
        dims.map((dim, i) => (i === at ? r.int(0, 3) : dim)),
      ),
    );
    return {
      opType: 'Concat',
      opset: 13,
      attributes: { axis },
      inputs,
      constants: r.pick([[], [0]]),
      outputTypes: [type],
    };
  },
  Split: (r) => {
    const type = r.pick(moved);
    const dims = r.dims(1, 3, 4, false);
    const axis = r.axis(dims.length);
    const count = r.int(1, 3);
    const opset = r.pick([11, 13, 18]);
    const even = r.chance(0.4);
    const sizes = r.list(count, () => (even ? 2 : r.int(0, 3)));
    dims[axis < 0 ? axis + dims.length : axis] = sizes.reduce((a, b) => a + b, 0);
    const data = r.tensor(type, dims);
    const given = !even || r.chance(0.5);
    const attributes = {
      axis,
      split: opset < 13 && given ? sizes : undefined,
      num_outputs: opset === 18 && !given ? count : undefined,
    };
    const inputs = opset >= 13 && given ? [data, int64(sizes)] : [data];
    return {
      opType: 'Split',
      opset,
      attributes,
      inputs,
      constants: constantOrNot(r, 1),
      outputTypes: sizes.map(() => type),
    };
  },
  Slice: (r) => {
    const type = r.pick(moved);
    const data = r.tensor(type, r.dims(1, 4));
    const axes = subset(r, data.dims.length);
    // INT_MAX forward and INT_MIN backward mean "to the end"; onnxruntime takes INT_MAX for that in both directions.
    const bound = (step = 1): number => (r.chance(0.1) ? (step > 0 ? 2 ** 31 - 1 : -(2 ** 31)) : r.int(-6, 6));
    if (r.chance(0.2)) {
      const plain = axes.map((axis) => (axis < 0 ? axis + data.dims.length : axis));
      const attributes = { starts: axes.map(() => bound()), ends: axes.map(() => bound()), axes: plain };
      return { opType: 'Slice', opset: 9, attributes, inputs: [data], outputTypes: [type] };
    }
    const steps = axes.map(() => r.pick([1, 1, 2, 3, -1, -2]));
    const inputs = [data, int64(axes.map(() => r.int(-6, 6))), int64(steps.map(bound)), int64(axes), int64(steps)];
    return { opType: 'Slice', opset: 13, inputs, constants: constantOrNot(r, 1, 2, 3, 4), outputTypes: [type] };
  },
  Gather: (r) => {
    const type = r.pick(moved);
    const data = r.tensor(type, r.dims(1, 3, 4, false));
    const axis = r.axis(data.dims.length);
    return {
      opType: 'Gather',
      opset: 13,
      attributes: { axis },
      inputs: [data, indices(r, data.dims.at(axis) as number, r.dims(0, 3))],
      constants: r.pick([[], [0], [1]]),
      outputTypes: [type],
    };
  },
  GatherElements: (r) => {
    const type = r.pick(moved);
    const data = r.tensor(type, r.dims(1, 3, 4, false));
    const axis = r.axis(data.dims.length);
    const at = axis < 0 ? axis + data.dims.length : axis;
    const dims = data.dims.map((dim, i) => (i === at ? r.int(1, 4) : dim));
    return {
      opType: 'GatherElements',
      opset: 13,
      attributes: { axis },
      inputs: [data, indices(r, data.dims[at] as number, dims)],
      outputTypes: [type],
    };
  },
  GatherND: (r) => {
    const data = r.tensor('float32', r.dims(2, 4, 3, false));
    const batch_dims = r.int(0, 1);
    const depth = r.int(1, data.dims.length - batch_dims);
    const rows = [...data.dims.slice(0, batch_dims), ...r.dims(0, 2, 3, false)];
    const count = rows.reduce((a, b) => a * b, 1);
    const values = r
      .list(count, () =>
        r.list(depth, (d) => {
          const size = data.dims[batch_dims + d] as number;
          return r.int(-size, size - 1);
        }),
      )
      .flat();
    return {
      opType: 'GatherND',
      opset: 13,
      attributes: { batch_dims },
      inputs: [data, int64(values, [...rows, depth])],
      outputTypes: ['float32'],
    };
  },
  ScatterElements: scatter('ScatterElements', 18),
  'ScatterElements-11': scatter('ScatterElements', 11),
  ScatterND: (r) => {
    const data = r.tensor('float32', r.dims(1, 3, 4, false));
    const depth = r.int(1, data.dims.length);
    const places = data.dims.slice(0, depth).reduce((a, b) => a * b, 1);
    const chosen = r.shuffled(r.list(places, (i) => i)).slice(0, r.int(1, places));
    const values = chosen.flatMap((place) => {
      let rest = place;
      return data.dims
        .slice(0, depth)
        .reverse()
        .map((dim) => {
          const at = rest % dim;
          rest = Math.floor(rest / dim);
          return at;
        })
        .reverse();
    });
    const updates = r.tensor('float32', [chosen.length, ...data.dims.slice(depth)]);
    return {
      opType: 'ScatterND',
      opset: 18,
      attributes: { reduction: r.pick([undefined, 'add', 'mul', 'max', 'min']) },
      inputs: [data, int64(values, [chosen.length, depth]), updates],
      outputTypes: ['float32'],
    };
  },
  Transpose: (r) => {
    const type = r.pick(moved);
    const data = r.tensor(type, r.dims(0, 5, 3));
    const perm = r.chance(0.8) ? r.shuffled(data.dims.map((_, i) => i)) : undefined;
    return {
      opType: 'Transpose',
      opset: 13,
      attributes: { perm: perm?.length === 0 ? undefined : perm },
      inputs: [data],
      outputTypes: [type],
    };
  },
  Reshape: (r) => {
    const data = r.tensor('float32', r.dims(1, 4, 4, false));
    const count = data.dims.reduce((a, b) => a * b, 1);
    const kept = r.int(0, data.dims.length - 1);
    const rest = data.dims.slice(kept).reduce((a, b) => a * b, 1);
    const head = r.chance(0.5) ? data.dims.slice(0, kept).map((dim) => (r.chance(0.5) ? 0 : dim)) : [count / rest];
    const shape = r.chance(0.5) ? [...head, -1] : [...head, 1, rest];
    return {
      opType: 'Reshape',
      opset: 14,
      inputs: [data, int64(shape)],
      constants: constantOrNot(r, 1),
      outputTypes: ['float32'],
    };
  },
  Squeeze: (r) => {
    const dims = r.dims(1, 5, 2, false);
    const ones = dims.flatMap((dim, i) => (dim === 1 && r.chance(0.7) ? [r.chance(0.5) ? i : i - dims.length] : []));
    const data = r.tensor('float32', dims);
    const inputs = ones.length > 0 ? [data, int64(ones)] : [data];
    return { opType: 'Squeeze', opset: 13, inputs, constants: constantOrNot(r, 1), outputTypes: ['float32'] };
  },
  Unsqueeze: (r) => {
    const data = r.tensor('float32', r.dims(0, 3));
    const added = r.int(1, 3);
    const rank = data.dims.length + added;
    const axes = r
      .shuffled(r.list(rank, (i) => i))
      .slice(0, added)
      .map((axis) => (r.chance(0.5) ? axis - rank : axis));
    return {
      opType: 'Unsqueeze',
      opset: 13,
      inputs: [data, int64(axes)],
      constants: constantOrNot(r, 1),
      outputTypes: ['float32'],
    };
  },
  Flatten: (r) => {
    const data = r.tensor('float32', r.dims(0, 4));
    return {
      opType: 'Flatten',
      opset: 13,
      attributes: { axis: r.int(-data.dims.length, data.dims.length) },
      inputs: [data],
      outputTypes: ['float32'],
    };
  },
  Expand: (r) => {
    const [a, b] = r.broadcast();
    const type = r.pick(['float32', 'int64', 'bool'] as const);
    return {
      opType: 'Expand',
      opset: 13,
      inputs: [r.tensor(type, a), int64(b)],
      constants: constantOrNot(r, 1),
      outputTypes: [type],
    };
  },
  Tile: (r) => {
    const data = r.tensor('float32', r.dims(1, 4, 3));
    return {
      opType: 'Tile',
      opset: 13,
      inputs: [data, int64(data.dims.map(() => r.int(0, 3)))],
      constants: constantOrNot(r, 1),
      outputTypes: ['float32'],
    };
  },
  Pad: (r) => {
    const type = r.pick(['float32', 'float32', 'float64', 'int64', 'int32'] as const);
    const data = r.tensor(type, r.dims(1, 4, 4, false));
    const mode = r.pick(['constant', 'constant', 'reflect', 'edge', 'wrap']);
    const opset = mode === 'wrap' ? 19 : r.pick([13, 18]);
    const axes = opset >= 18 && r.chance(0.4) ? subset(r, data.dims.length) : undefined;
    const width = (dim: number): number => (mode === 'constant' ? r.int(-Math.min(1, dim - 1), 3) : r.int(0, dim - 1));
    const each = axes ?? data.dims.map((_, i) => i);
    const pads = [...each, ...each].map((axis) => width(data.dims.at(axis) as number));
    const value = mode === 'constant' && r.chance(0.6) ? r.tensor(type, []) : undefined;
    const inputs = [data, int64(pads), value, axes && int64(axes)];
    while (inputs.at(-1) === undefined) inputs.pop();
    return {
      opType: 'Pad',
      opset,
      attributes: { mode },
      inputs,
      constants: constantOrNot(r, 1, 3),
      outputTypes: [type],
    };
  },
  Shape: (r) => {
    const attributes = {
      start: r.chance(0.5) ? r.int(-5, 5) : undefined,
      end: r.chance(0.5) ? r.int(-5, 5) : undefined,
    };
    return {
      opType: 'Shape',
      opset: 15,
      attributes,
      inputs: [r.tensor('float32', r.dims(0, 4))],
      outputTypes: ['int64'],
    };
  },
  Size: (r) => ({ opType: 'Size', opset: 13, inputs: [r.tensor('float32', r.dims(0, 4))], outputTypes: ['int64'] }),
  ConstantOfShape: (r) => ({
    opType: 'ConstantOfShape',
    opset: 9,
    inputs: [int64(r.dims(0, 4))],
    constants: constantOrNot(r, 0),
    outputTypes: ['float32'],
  }),
  Range: (r) => {
    const type = r.pick(['float32', 'int64', 'int32', 'float64'] as const);
    const whole = (from: number, to: number): Tensor => new Tensor(type, [r.int(from, to)], []);
    const delta = new Tensor(type, [r.pick([-3, -1, 1, 2])], []);
    return {
      opType: 'Range',
      opset: 11,
      inputs: [whole(-5, 5), whole(-9, 9), delta],
      constants: constantOrNot(r, 0, 1, 2),
      outputTypes: [type],
    };
  },
  Trilu: (r) => {
    const type = r.pick(['float32', 'int64', 'float64'] as const);
    const data = r.tensor(type, r.dims(2, 4));
    const inputs = r.chance(0.6) ? [data, int64([r.int(-5, 5)], [])] : [data];
    return {
      opType: 'Trilu',
      opset: 14,
      attributes: { upper: r.int(0, 1) },
      inputs,
      constants: r.pick([[], [1]]),
      outputTypes: [type],
    };
  },
  OneHot: (r) => {
    const type = r.pick(['float32', 'int64'] as const);
    const data = r.tensor('int64', r.dims(0, 3, 3, false));
    const inputs = [data, new Tensor('int64', [r.int(1, 6)], []), r.tensor(type, [2])];
    return {
      opType: 'OneHot',
      opset: 11,
      attributes: { axis: r.int(-data.dims.length - 1, data.dims.length) },
      inputs,
      constants: constantOrNot(r, 1),
      outputTypes: [type],
    };
  },
  TopK: (r) => {
    const type = r.pick(['float32', 'int64', 'float64'] as const);
    const data = r.tensor(type, r.dims(1, 3, 5, false));
    const axis = r.axis(data.dims.length);
    const k = int64([r.int(0, data.dims.at(axis) as number)]);
    return {
      opType: 'TopK',
      opset: 11,
      attributes: { axis, largest: r.int(0, 1) },
      inputs: [data, k],
      constants: constantOrNot(r, 1),
      outputTypes: [type, 'int64'],
    };
  },
  NonZero: (r) => ({
    opType: 'NonZero',
    opset: 13,
    inputs: [r.tensor(r.pick(['bool', 'int64', 'float32'] as const), r.dims(1, 3), { from: -1, to: 1 })],
    outputTypes: ['int64'],
  }),
  Unique: (r) => {
    const data = r.tensor('int64', r.dims(1, 3, 4, false), { from: 0, to: 3 });
    const axis = r.chance(0.4) ? r.axis(data.dims.length) : undefined;
    return {
      opType: 'Unique',
      opset: 11,
      attributes: { axis, sorted: r.int(0, 1) },
      inputs: [data],
      outputTypes: ['int64', 'int64', 'int64', 'int64'],
    };
  },
  Compress: (r) => {
    const data = r.tensor('float32', r.dims(1, 3, 4, false));
    const axis = r.chance(0.6) ? r.axis(data.dims.length) : undefined;
    const size = axis === undefined ? data.size : (data.dims.at(axis) as number);
    return {
      opType: 'Compress',
      opset: 11,
      attributes: { axis },
      inputs: [data, r.tensor('bool', [r.int(1, size)])],
      constants: constantOrNot(r, 1),
      outputTypes: ['float32'],
    };
  },
  ReverseSequence: (r) => {
    const dims = r.dims(2, 4, 4, false);
    const batch_axis = r.int(0, 1);
    const lengths = r.list(dims[batch_axis] as number, () => r.int(1, dims[1 - batch_axis] as number));
    return {
      opType: 'ReverseSequence',
      opset: 10,
      attributes: { batch_axis, time_axis: 1 - batch_axis },
      inputs: [r.tensor('float32', dims), int64(lengths)],
      outputTypes: ['float32'],
    };
  },
  EyeLike: (r) => ({
    opType: 'EyeLike',
    opset: 9,
    attributes: { k: r.int(-3, 3) },
    inputs: [r.tensor('float32', r.dims(2, 2, 5))],
    outputTypes: ['float32'],
  }),
  DepthToSpace: (r) => {
    const block = r.int(1, 3);
    const dims = [r.int(1, 2), r.int(1, 2) * block * block, r.int(1, 3), r.int(1, 3)];
    return {
      opType: 'DepthToSpace',
      opset: 13,
      attributes: { blocksize: block, mode: r.pick(['DCR', 'CRD', undefined]) },
      inputs: [r.tensor('float32', dims)],
      outputTypes: ['float32'],
    };
  },
  SpaceToDepth: (r) => {
    const block = r.int(1, 3);
    const dims = [r.int(1, 2), r.int(1, 3), r.int(1, 3) * block, r.int(1, 3) * block];
    return {
      opType: 'SpaceToDepth',
      opset: 13,
      attributes: { blocksize: block },
      inputs: [r.tensor('float32', dims)],
      outputTypes: ['float32'],
    };
  },
  Einsum: (r) => {
    const [equation, letters] = r.pick([
      ['ij,jk->ik', ['ij', 'jk']],
      ['bij,bjk->bik', ['bij', 'bjk']],
      ['ij->ji', ['ij']],
      ['ii->i', ['ii']],
      ['ij,ij', ['ij', 'ij']],
      ['...ij,...jk->...ik', ['abij', 'bjk']],
      ['i,j->ij', ['i', 'j']],
      ['ij->', ['ij']],
      ['bhwc,hkc->bhwk', ['bhwc', 'hkc']],
      ['ij,kj', ['ij', 'kj']],
    ] as const);
    const sizes = new Map([...'abcdefghijkwh'].map((letter) => [letter, r.int(1, 4)]));
    const inputs = letters.map((word) =>
      r.tensor(
        'float32',
        [...word].map((letter) => sizes.get(letter) ?? 1),
      ),
    );
    return { opType: 'Einsum', opset: 12, attributes: { equation }, inputs, outputTypes: ['float32'] };
  },
};
