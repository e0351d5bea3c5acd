/** Layers: products, convolutions, pools, normalisations, recurrences, quantised forms. */
import type { TensorType } from '../../../src/index.js';
import { Tensor } from '../../../src/runtime/tensor.js';
import type { Attribute } from '../onnx_model.js';
import type { Random } from '../random.js';
import type { Generator } from './elementwise.js';

interface Window {
  readonly spatial: number[];
  readonly kernel: number[];
  readonly attributes: Record<string, Attribute | undefined>;
}

/** Strides, dilations and pads (or auto_pad) with which the kernel fits the image. */
function window(r: Random, rank: number, dilated = true): Window {
  const kernel = r.list(rank, () => r.int(1, 3));
  const strides = r.chance(0.6) ? kernel.map(() => r.int(1, 3)) : undefined;
  const dilations = dilated && r.chance(0.4) ? kernel.map(() => r.int(1, 2)) : undefined;
  const spatial = kernel.map((size, i) => (size - 1) * (dilations?.[i] ?? 1) + 1 + r.int(0, 5));
  const attributes: Record<string, Attribute | undefined> = {
    kernel_shape: kernel,
    strides,
    dilations,
  };
  // A stride past the kernel: onnxruntime's ConvTranspose does not make in * stride of SAME then.
  const past = kernel.some((size, i) => (strides?.[i] ?? 1) > size);
  // And its MaxPool leaves dilations out of SAME.
  if (!past && !dilations && r.chance(0.25)) attributes.auto_pad = r.pick(['SAME_UPPER', 'SAME_LOWER', 'VALID']);
  else if (r.chance(0.6)) attributes.pads = [...kernel, ...kernel].map((size) => r.int(0, size - 1));
  return { spatial, kernel, attributes };
}

function conv(opType: 'Conv' | 'ConvTranspose'): Generator {
  return (r) => {
    const { spatial, kernel, attributes } = window(r, r.pick([1, 2, 2, 2, 3]));
    const group = r.pick([1, 1, 2, 3]);
    const depthwise = r.chance(0.3);
    const channels = depthwise ? group * 4 : group * r.int(1, 5);
    const groups = depthwise ? channels : group;
    const filters = groups * r.int(1, depthwise ? 2 : 6);
    const x = r.tensor('float32', [r.int(1, 2), channels, ...spatial]);
    const forward = opType === 'Conv';
    const w = r.tensor(
      'float32',
      forward ? [filters, channels / groups, ...kernel] : [channels, filters / groups, ...kernel],
    );
    const inputs = r.chance(0.5) ? [x, w, r.tensor('float32', [filters])] : [x, w];
    if (!forward && attributes.strides && r.chance(0.3))
      attributes.output_padding = (attributes.strides as number[]).map((stride) => r.int(0, stride - 1));
    return {
      opType,
      opset: 11,
      attributes: { ...attributes, group: groups },
      inputs,
      constants: r.pick([[], [1], [1, 2]]),
      outputTypes: ['float32'],
    };
  };
}

function pool(opType: string, opset: number): Generator {
  return (r) => {
    const { spatial, attributes } = window(r, r.pick([1, 2, 2, 3]), opType === 'MaxPool');
    if (!attributes.auto_pad) attributes.ceil_mode = r.int(0, 1);
    if (opType === 'AveragePool') attributes.count_include_pad = r.int(0, 1);
    if (opType === 'LpPool') {
      attributes.p = r.int(1, 3);
      attributes.ceil_mode = undefined;
    }
    return {
      opType,
      opset,
      attributes,
      inputs: [r.tensor('float32', [r.int(1, 2), r.int(1, 20), ...spatial])],
      outputTypes: ['float32'],
    };
  };
}

function globalPool(opType: string): Generator {
  return (r) => ({
    opType,
    opset: 1,
    inputs: [r.tensor('float32', [r.int(1, 2), r.int(1, 9), ...r.dims(1, 3, 4, false)])],
    outputTypes: ['float32'],
  });
}

function recurrent(opType: 'RNN' | 'GRU' | 'LSTM', gates: number): Generator {
  return (r) => {
    const direction = r.pick(['forward', 'reverse', 'bidirectional']);
    const [directions, steps, batch, size, hidden] = [
      direction === 'bidirectional' ? 2 : 1,
      r.int(1, 4),
      r.int(1, 3),
      r.int(1, 5),
      r.int(1, 5),
    ];
    const state = (): Tensor | undefined =>
      r.chance(0.5) ? r.tensor('float32', [directions, batch, hidden]) : undefined;
    const inputs = [
      r.tensor('float32', [steps, batch, size]),
      r.tensor('float32', [directions, gates * hidden, size], { from: -1, to: 1 }),
      r.tensor('float32', [directions, gates * hidden, hidden], { from: -1, to: 1 }),
      r.chance(0.5) ? r.tensor('float32', [directions, 2 * gates * hidden], { from: -1, to: 1 }) : undefined,
      r.chance(0.4)
        ? new Tensor(
            'int32',
            r.list(batch, () => r.int(1, steps)),
          )
        : undefined,
      state(),
      ...(opType === 'LSTM'
        ? [state(), r.chance(0.4) ? r.tensor('float32', [directions, 3 * hidden]) : undefined]
        : []),
    ];
    while (inputs.at(-1) === undefined) inputs.pop();
    const attributes = {
      hidden_size: hidden,
      direction,
      linear_before_reset: opType === 'GRU' ? r.int(0, 1) : undefined,
      // onnxruntime's LSTM clips the gates, not the cell state on its way into the last activation.
      clip: opType !== 'LSTM' && r.chance(0.2) ? { float: 0.8 } : undefined,
    };
    const outputs = opType === 'LSTM' ? 3 : 2;
    return {
      opType,
      opset: 14,
      attributes,
      inputs,
      constants: r.chance(0.6) ? [1, 2, 3] : [],
      outputTypes: r.list(outputs, () => 'float32' as const),
    };
  };
}

function normalisation(
  opType: string,
  opset: number,
  parameters: number,
  extra: (r: Random) => Record<string, Attribute | undefined>,
): Generator {
  return (r) => {
    const channels = r.int(1, 5);
    const x = r.tensor('float32', [r.int(1, 3), channels, r.int(2, 4), ...r.dims(0, 2, 4, false)]);
    const inputs = [
      x,
      ...r.list(parameters, (i) => r.tensor('float32', [channels], i === 3 ? { from: 0.1, to: 2 } : {})),
    ];
    return {
      opType,
      opset,
      attributes: extra(r),
      inputs,
      constants: r.pick([[], r.list(parameters, (i) => i + 1)]),
      outputTypes: ['float32'],
    };
  };
}

const eightBit = (r: Random): TensorType => r.pick(['uint8', 'int8'] as const);
const scale = (r: Random, dims: readonly number[] = []): Tensor => r.tensor('float32', dims, { from: 0.01, to: 0.2 });

export const layerGenerators: Readonly<Record<string, Generator>> = {
  Gemm: (r) => {
    const [m, k, n] = [r.int(1, 8), r.int(1, 20), r.int(1, 40)];
    const [transA, transB] = [r.int(0, 1), r.int(0, 1)];
    const a = r.tensor('float32', transA ? [k, m] : [m, k]);
    const b = r.tensor('float32', transB ? [n, k] : [k, n]);
    const c = r.pick([undefined, [n], [m, n], [m, 1], [1, n], [1], []]);
    const attributes = {
      transA,
      transB,
      alpha: r.chance(0.4) ? { float: r.float(-2, 2) } : undefined,
      beta: r.chance(0.4) ? { float: r.float(-2, 2) } : undefined,
    };
    return {
      opType: 'Gemm',
      opset: 13,
      attributes,
      inputs: c ? [a, b, r.tensor('float32', c)] : [a, b],
      constants: r.pick([[], [1], [1, 2], [0]]),
      outputTypes: ['float32'],
    };
  },
  MatMul: (r) => {
    const [m, k, n] = [r.int(1, 8), r.int(1, 20), r.int(1, 40)];
    const [a, b] = r.broadcast(2);
    const type = r.pick(['float32', 'float32', 'float64', 'int32', 'int64'] as const);
    const vector = r.int(0, 5);
    const left = vector === 0 ? [k] : [...a, m, k];
    const right = vector === 1 ? [k] : [...(vector === 2 ? [] : b), k, n];
    return {
      opType: 'MatMul',
      opset: 13,
      inputs: [r.tensor(type, left), r.tensor(type, right)],
      constants: r.pick([[], [1], [0]]),
      outputTypes: [type],
    };
  },
  Conv: conv('Conv'),
  ConvTranspose: conv('ConvTranspose'),
  MaxPool: pool('MaxPool', 12),
  'MaxPool with Indices': (r) => {
    const node = pool('MaxPool', 12)(r);
    return {
      ...node,
      attributes: { ...node.attributes, storage_order: r.int(0, 1) },
      outputTypes: ['float32', 'int64'],
    };
  },
  AveragePool: pool('AveragePool', 11),
  LpPool: pool('LpPool', 11),
  GlobalAveragePool: globalPool('GlobalAveragePool'),
  GlobalMaxPool: globalPool('GlobalMaxPool'),
  GlobalLpPool: (r) => ({ ...globalPool('GlobalLpPool')(r), opset: 2, attributes: { p: r.int(1, 3) } }),
  RNN: recurrent('RNN', 1),
  GRU: recurrent('GRU', 3),
  LSTM: recurrent('LSTM', 4),
  BatchNormalization: normalisation('BatchNormalization', 15, 4, (r) => ({
    epsilon: r.chance(0.5) ? { float: 0.01 } : undefined,
  })),
  InstanceNormalization: normalisation('InstanceNormalization', 6, 2, (r) => ({
    epsilon: r.chance(0.5) ? { float: 0.01 } : undefined,
  })),
  LRN: normalisation('LRN', 13, 0, (r) => ({
    size: r.int(1, 5),
    alpha: { float: r.float(0.0001, 0.5) },
    bias: { float: r.float(1, 2) },
  })),
  LpNormalization: (r) => {
    const data = r.tensor('float32', r.dims(1, 3, 4, false), { from: 0.1, to: 2 });
    return {
      opType: 'LpNormalization',
      opset: 1,
      attributes: { axis: r.axis(data.dims.length), p: r.int(1, 2) },
      inputs: [data],
      outputTypes: ['float32'],
    };
  },
  // Of one element onnxruntime divides zero by zero; the standard adds an epsilon.
  MeanVarianceNormalization: (r) => ({
    opType: 'MeanVarianceNormalization',
    opset: 13,
    inputs: [r.tensor('float32', [r.int(2, 3), r.int(1, 3), r.int(2, 4), r.int(1, 4)])],
    outputTypes: ['float32'],
  }),
  LayerNormalization: (r) => {
    const x = r.tensor('float32', r.dims(1, 4, 5, false));
    const axis = r.axis(x.dims.length);
    const dims = x.dims.slice(axis);
    const inputs = [x, r.tensor('float32', dims), ...(r.chance(0.6) ? [r.tensor('float32', dims)] : [])];
    return {
      opType: 'LayerNormalization',
      opset: 17,
      attributes: { axis },
      inputs,
      constants: r.pick([[], [1, 2]]),
      outputTypes: ['float32'],
    };
  },
  ...Object.fromEntries(
    (
      [
        ['RMSNormalization', 23],
        ['SimplifiedLayerNormalization', 17],
      ] as const
    ).map(([opType, opset]): [string, Generator] => [
      opType,
      (r) => {
        const x = r.tensor('float32', r.dims(1, 4, 5, false));
        const axis = r.axis(x.dims.length);
        return {
          opType,
          opset,
          attributes: { axis, epsilon: r.chance(0.5) ? { float: 0.01 } : undefined },
          inputs: [x, r.tensor('float32', x.dims.slice(axis))],
          constants: r.pick([[], [1]]),
          outputTypes: ['float32'],
        };
      },
    ]),
  ),
  GroupNormalization: (r) => {
    const [groups, each] = [r.int(1, 3), r.int(1, 3)];
    const x = r.tensor('float32', [r.int(1, 2), groups * each, ...r.dims(1, 2, 4, false)]);
    const dims = [groups * each];
    return {
      opType: 'GroupNormalization',
      opset: 21,
      attributes: { num_groups: groups },
      inputs: [x, r.tensor('float32', dims), r.tensor('float32', dims)],
      outputTypes: ['float32'],
    };
  },
  Resize: (r) => {
    const x = r.tensor('float32', [1, r.int(1, 3), r.int(1, 6), r.int(1, 6)]);
    const mode = r.pick(['nearest', 'linear', 'cubic']);
    const bySizes = r.chance(0.5);
    const attributes: Record<string, Attribute | undefined> = {
      mode,
      coordinate_transformation_mode: r.pick([
        'half_pixel',
        'asymmetric',
        'pytorch_half_pixel',
        // Given scales, onnxruntime fails the standard's own cases of this mode.
        ...(bySizes ? ['align_corners'] : []),
      ]),
      nearest_mode:
        mode === 'nearest' ? r.pick(['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil']) : undefined,
    };
    const none = new Tensor('float32', [], [0]);
    const target = new Tensor('int64', [1, x.dims[1] as number, r.int(1, 10), r.int(1, 10)]);
    const scales = new Tensor('float32', [1, 1, r.pick([0.5, 1, 1.5, 2, 3]), r.pick([0.5, 1, 1.5, 2, 3])]);
    const inputs = bySizes ? [x, none, none, target] : [x, none, scales];
    return { opType: 'Resize', opset: 13, attributes, inputs, constants: [1, 2, 3], outputTypes: ['float32'] };
  },
  GridSample: (r) => {
    const attributes = {
      mode: r.pick(['bilinear', 'nearest', 'bicubic']),
      padding_mode: r.pick(['zeros', 'border', 'reflection']),
      align_corners: r.int(0, 1),
    };
    const batch = r.int(1, 2);
    const grid = r.tensor('float32', [batch, r.int(1, 4), r.int(1, 4), 2], { from: -1.2, to: 1.2 });
    return {
      opType: 'GridSample',
      opset: 16,
      attributes,
      inputs: [r.tensor('float32', [batch, r.int(1, 3), r.int(1, 5), r.int(1, 5)]), grid],
      outputTypes: ['float32'],
    };
  },
  QuantizeLinear: (r) => {
    const type = eightBit(r);
    const x = r.tensor('float32', r.dims(1, 4, 5, false));
    const axis = r.axis(x.dims.length);
    const dims = r.chance(0.5) ? [x.dims.at(axis) as number] : [];
    return {
      opType: 'QuantizeLinear',
      opset: 13,
      attributes: { axis },
      inputs: [x, scale(r, dims), r.tensor(type, dims)],
      constants: r.pick([[], [1, 2]]),
      outputTypes: [type],
    };
  },
  DequantizeLinear: (r) => {
    const type = eightBit(r);
    const x = r.tensor(type, r.dims(1, 4, 5, false));
    const axis = r.axis(x.dims.length);
    const dims = r.chance(0.5) ? [x.dims.at(axis) as number] : [];
    return {
      opType: 'DequantizeLinear',
      opset: 13,
      attributes: { axis },
      inputs: [x, scale(r, dims), r.tensor(type, dims)],
      constants: r.pick([[], [1, 2]]),
      outputTypes: ['float32'],
    };
  },
  'DequantizeLinear-23': (r) => {
    const node = (layerGenerators.DequantizeLinear as Generator)(r);
    // Of another type than the scale's onnxruntime makes none.
    return { ...node, opset: 23, attributes: { ...node.attributes, output_dtype: r.pick([1, undefined]) } };
  },
  DynamicQuantizeLinear: (r) => ({
    opType: 'DynamicQuantizeLinear',
    opset: 11,
    inputs: [r.tensor('float32', r.dims(1, 3, 5, false))],
    outputTypes: ['uint8', 'float32', 'uint8'],
  }),
  MatMulInteger: (r) => {
    const [m, k, n] = [r.int(1, 6), r.int(1, 30), r.int(1, 30)];
    const [a, b] = [
      r.tensor(r.pick(['uint8', 'int8'] as const), [m, k]),
      r.tensor(r.pick(['uint8', 'int8'] as const), [k, n]),
    ];
    return {
      opType: 'MatMulInteger',
      opset: 10,
      inputs: [a, b, r.tensor(a.type, []), r.tensor(b.type, [])],
      constants: r.pick([[], [1, 2, 3]]),
      outputTypes: ['int32'],
    };
  },
  QLinearMatMul: (r) => {
    const [m, k, n] = [r.int(1, 6), r.int(1, 30), r.int(1, 30)];
    const [a, b] = [r.tensor('uint8', [m, k]), r.tensor('uint8', [k, n])];
    const inputs = [
      a,
      scale(r),
      r.tensor('uint8', []),
      b,
      scale(r),
      r.tensor('uint8', []),
      scale(r),
      r.tensor('uint8', []),
    ];
    return {
      opType: 'QLinearMatMul',
      opset: 10,
      inputs,
      constants: r.pick([[], [1, 2, 3, 4, 5, 6, 7]]),
      outputTypes: ['uint8'],
    };
  },
  QLinearConv: (r) => {
    const { spatial, kernel, attributes } = window(r, 2);
    const [channels, filters] = [r.int(1, 5), r.int(1, 6)];
    const x = r.tensor('uint8', [1, channels, ...spatial]);
    const w = r.tensor('int8', [filters, channels, ...kernel]);
    const inputs = [
      x,
      scale(r),
      r.tensor('uint8', []),
      w,
      scale(r),
      new Tensor('int8', [0], []),
      scale(r),
      r.tensor('uint8', []),
    ];
    return {
      opType: 'QLinearConv',
      opset: 10,
      attributes,
      inputs,
      constants: r.pick([[], [1, 2, 3, 4, 5, 6, 7]]),
      outputTypes: ['uint8'],
    };
  },
};
