/** Operators as earlier operator sets wrote them, from 7 on: onnxruntime reads none before. */
import { Tensor } from '../../../src/runtime/tensor.js';
import type { Attribute } from '../onnx_model.js';
import { int64, type Random } from '../random.js';
import type { Generator } from './elementwise.js';
import { layerGenerators } from './layers.js';

/** A layer of today at an earlier operator set, where its attributes were fewer. */
function at(name: string, opset: number, without: readonly string[] = []): Generator {
  return (r) => {
    const node = (layerGenerators[name] as Generator)(r);
    const attributes = Object.fromEntries(
      Object.entries(node.attributes ?? {}).filter(([attribute]) => !without.includes(attribute)),
    );
    return { ...node, opset, attributes };
  };
}

/** Of ONNX 1.0 to 1.4, experimental there. */
function experimental(
  opType: string,
  attributes: (r: Random) => Record<string, Attribute>,
  rank: readonly [number, number] = [0, 4],
): Generator {
  return (r) => ({
    opType,
    opset: 7,
    attributes: attributes(r),
    inputs: [
      r.tensor(
        'float32',
        r.dims(rank[0], rank[1], 6, false).map((dim) => (rank[0] === 4 ? dim + 2 : dim)),
      ),
    ],
    outputTypes: ['float32'],
  });
}

const alphaBeta = (r: Random): Record<string, Attribute> => ({
  alpha: { float: r.float(0.1, 2) },
  beta: { float: r.float(0.1, 2) },
});

export const earlierGenerators: Readonly<Record<string, Generator>> = {
  Affine: experimental('Affine', alphaBeta),
  ParametricSoftplus: experimental('ParametricSoftplus', alphaBeta),
  ScaledTanh: experimental('ScaledTanh', alphaBeta),
  Scale: experimental('Scale', (r) => ({ scale: { float: r.float(-2, 2) } })),
  Crop: experimental('Crop', (r) => ({ border: r.list(4, () => r.int(0, 1)) }), [4, 4]),
  ImageScaler: (r) => {
    const x = r.tensor('float32', [r.int(1, 2), r.int(1, 3), r.int(1, 4), r.int(1, 4)]);
    const bias = { floats: r.list(x.dims[1] as number, () => r.float(-1, 1)) };
    const attributes = { scale: { float: r.float(0.1, 2) }, bias };
    return { opType: 'ImageScaler', opset: 7, attributes, inputs: [x], outputTypes: ['float32'] };
  },
  DynamicSlice: (r) => {
    const data = r.tensor('float32', r.dims(1, 3, 5, false));
    const axes = r.shuffled(data.dims.map((_, i) => i));
    const starts = axes.map((axis) => r.int(0, (data.dims[axis] as number) - 1));
    const ends = axes.map((axis) => r.int(1, data.dims[axis] as number));
    const inputs = [data, int64(starts), int64(ends), int64(axes)];
    return { opType: 'DynamicSlice', opset: 7, inputs, constants: r.pick([[], [1, 2, 3]]), outputTypes: ['float32'] };
  },
  'Pad-2': (r) => {
    const data = r.tensor('float32', r.dims(1, 4, 4, false));
    const mode = r.pick(['constant', 'reflect', 'edge']);
    const pads = [...data.dims, ...data.dims].map((dim) =>
      mode === 'constant' ? r.int(-Math.min(1, dim - 1), 3) : r.int(0, dim - 1),
    );
    const value = mode === 'constant' && r.chance(0.5) ? { float: r.float(-2, 2) } : undefined;
    return { opType: 'Pad', opset: 10, attributes: { mode, pads, value }, inputs: [data], outputTypes: ['float32'] };
  },
  'Clip-6': (r) => {
    const attributes = {
      min: r.chance(0.6) ? { float: r.float(-2, 0) } : undefined,
      max: r.chance(0.6) ? { float: r.float(0, 2) } : undefined,
    };
    const inputs = [r.tensor('float32', r.dims(0, 3))];
    return { opType: 'Clip', opset: 10, attributes, inputs, outputTypes: ['float32'] };
  },
  'Squeeze-1': (r) => {
    const dims = r.dims(1, 5, 2, false);
    const axes = dims.flatMap((dim, i) => (dim === 1 && r.chance(0.7) ? [i] : []));
    const attributes = { axes: axes.length > 0 ? axes : undefined };
    return { opType: 'Squeeze', opset: 10, attributes, inputs: [r.tensor('float32', dims)], outputTypes: ['float32'] };
  },
  'Unsqueeze-1': (r) => {
    const data = r.tensor('float32', r.dims(0, 3));
    const added = r.int(1, 3);
    const axes = r.shuffled(r.list(data.dims.length + added, (i) => i)).slice(0, added);
    return { opType: 'Unsqueeze', opset: 10, attributes: { axes }, inputs: [data], outputTypes: ['float32'] };
  },
  'TopK-1': (r) => {
    const data = r.tensor('float32', r.dims(1, 3, 5, false));
    const axis = r.int(0, data.dims.length - 1);
    const attributes = { axis, k: r.int(1, data.dims[axis] as number) };
    return { opType: 'TopK', opset: 9, attributes, inputs: [data], outputTypes: ['float32', 'int64'] };
  },
  'TopK-10': (r) => {
    const data = r.tensor('float32', r.dims(1, 3, 5, false));
    const axis = r.int(0, data.dims.length - 1);
    const inputs = [data, int64([r.int(1, data.dims[axis] as number)])];
    return { opType: 'TopK', opset: 10, attributes: { axis }, inputs, outputTypes: ['float32', 'int64'] };
  },
  'Upsample-7': (r) => {
    const x = r.tensor('float32', [1, r.int(1, 3), r.int(1, 5), r.int(1, 5)]);
    const mode = r.pick(['nearest', 'linear']);
    const scales = { floats: [1, 1, r.pick([1, 1.5, 2, 3]), r.pick([1, 1.5, 2, 3])] };
    return { opType: 'Upsample', opset: 8, attributes: { mode, scales }, inputs: [x], outputTypes: ['float32'] };
  },
  'Upsample-9': (r) => {
    const x = r.tensor('float32', [1, r.int(1, 3), r.int(1, 5), r.int(1, 5)]);
    const scales = new Tensor('float32', [1, 1, r.pick([1, 1.5, 2, 3]), r.pick([1, 1.5, 2, 3])]);
    const attributes = { mode: r.pick(['nearest', 'linear']) };
    return { opType: 'Upsample', opset: 9, attributes, inputs: [x, scales], constants: [1], outputTypes: ['float32'] };
  },
  'Resize-10': (r) => {
    const x = r.tensor('float32', [1, r.int(1, 3), r.int(2, 6), r.int(2, 6)]);
    const scales = new Tensor('float32', [1, 1, r.pick([0.5, 1, 1.5, 2, 3]), r.pick([0.5, 1, 1.5, 2, 3])]);
    const attributes = { mode: r.pick(['nearest', 'linear']) };
    return { opType: 'Resize', opset: 10, attributes, inputs: [x, scales], constants: [1], outputTypes: ['float32'] };
  },
  'Dropout-7': (r) => ({
    opType: 'Dropout',
    opset: r.pick([7, 10, 12]),
    attributes: {},
    inputs: [r.tensor('float32', r.dims(0, 3))],
    outputTypes: ['float32'],
  }),
  'Scatter-9': (r) => {
    const data = r.tensor('float32', r.dims(1, 3, 4, false));
    const dims = data.dims.map(() => 1);
    const inputs = [data, int64([0], dims), r.tensor('float32', dims)];
    return { opType: 'Scatter', opset: 10, attributes: { axis: 0 }, inputs, outputTypes: ['float32'] };
  },
  'OneHot-9': (r) => {
    const indices = r.tensor('int64', r.dims(1, 2, 3, false), { from: 0, to: 3 });
    const inputs = [indices, new Tensor('int64', [r.int(4, 6)], [1]), r.tensor('float32', [2])];
    return { opType: 'OneHot', opset: 9, inputs, constants: [1], outputTypes: ['float32'] };
  },
  'CenterCropPad-18': (r) => {
    const data = r.tensor('float32', r.dims(1, 4, 5, false));
    const axes = r.chance(0.5)
      ? r.shuffled(data.dims.map((_, i) => i)).slice(0, r.int(1, data.dims.length))
      : undefined;
    const shape = int64((axes ?? data.dims).map(() => r.int(1, 7)));
    const inputs = [data, shape];
    return {
      opType: 'CenterCropPad',
      opset: 18,
      attributes: { axes },
      inputs,
      constants: [1],
      outputTypes: ['float32'],
    };
  },
  'BatchNormalization-7': at('BatchNormalization', 7),
  'BatchNormalization-9': at('BatchNormalization', 9),
  'Gemm-7': (r) => {
    const node = (layerGenerators.Gemm as Generator)(r);
    const inputs = node.inputs.length > 2 ? node.inputs : [...node.inputs, r.tensor('float32', [])];
    return { ...node, opset: r.pick([7, 9]), inputs };
  },
  'MaxPool-8': at('MaxPool', 8, ['ceil_mode', 'dilations']),
  'MaxPool-10': at('MaxPool', 10),
  'AveragePool-7': at('AveragePool', 7, ['ceil_mode']),
  'AveragePool-10': at('AveragePool', 10),
  'RNN-7': at('RNN', 7),
  'GRU-7': at('GRU', 7),
  'LSTM-7': at('LSTM', 7),
  'Conv-1': at('Conv', 7),
  'LRN-1': at('LRN', 7),
};
