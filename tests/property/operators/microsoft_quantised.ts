/** onnxruntime's own operators on 8 and 16 bits, as its quantisation tool and its optimiser write them. */
import type { TensorType } from '../../../src/index.js';
import { Tensor } from '../../../src/runtime/tensor.js';
import type { Random } from '../random.js';
import type { Generator } from './elementwise.js';
import { layerGenerators } from './layers.js';
import { microsoft } from './microsoft.js';

type EightBit = 'uint8' | 'int8';
const eightBit = (r: Random): EightBit => r.pick(['uint8', 'int8'] as const);
const wide = { from: -60, to: 60 };
const data = (r: Random, type: TensorType, dims: readonly number[]): Tensor => r.tensor(type, dims, wide);
const scale = (r: Random, dims: readonly number[] = []): Tensor => r.tensor('float32', dims, { from: 0.01, to: 0.1 });
/** Scale and zero point. */
const step = (r: Random, type: TensorType): [Tensor, Tensor] => [scale(r), r.tensor(type, [])];

/** Scales and zero points are constants, as the tool writes them, or of the run. */
const parameters = (r: Random, ...indices: number[]): number[] => (r.chance(0.7) ? indices : []);

/** onnxruntime reads past the end of tensors without elements here. */
const filled = (dims: readonly number[]): number[] => dims.map((dim) => Math.max(dim, 1));

/** Channels from place 1 to the end. */
const last = (dims: readonly number[]): number[] => [dims[0] as number, ...dims.slice(2), dims[1] as number];

export const microsoftQuantisedGenerators: Readonly<Record<string, Generator>> = Object.fromEntries([
  ...['QLinearAdd', 'QLinearMul'].map((opType) =>
    microsoft(opType, (r) => {
      const type = eightBit(r);
      const [a, b] = r.broadcast().map(filled) as [number[], number[]];
      const inputs = [data(r, type, a), ...step(r, type), data(r, type, b), ...step(r, type), ...step(r, type)];
      return { inputs, constants: parameters(r, 1, 2, 4, 5, 6, 7), outputTypes: [type] };
    }),
  ),
  ...['QLinearSigmoid', 'QLinearLeakyRelu'].map((opType) =>
    microsoft(opType, (r) => {
      const type = eightBit(r);
      const inputs = [data(r, type, r.dims(1, 4, 4, false)), ...step(r, type), ...step(r, type)];
      const attributes = { alpha: opType === 'QLinearLeakyRelu' ? { float: r.float(0, 0.5) } : undefined };
      return { attributes, inputs, constants: parameters(r, 1, 2, 3, 4), outputTypes: [type] };
    }),
  ),
  ...['QuantizeLinear', 'DequantizeLinear'].map((opType) =>
    microsoft(opType, (r) => {
      const { attributes, inputs, constants, outputTypes } = (layerGenerators[opType] as Generator)(r);
      return { attributes: attributes ?? {}, inputs, constants: constants ?? [], outputTypes };
    }),
  ),
  microsoft('QLinearSoftmax', (r) => {
    const type = eightBit(r);
    // Shares of 1 in steps of 1/256; of the whole onnxruntime makes 0, so no element may have it all.
    const x = r.tensor(
      type,
      r.dims(2, 4, 5, false).map((dim) => dim + 1),
    );
    const attributes = { axis: r.axis(x.dims.length), opset: 13 };
    const shares = [new Tensor('float32', [1 / 256], []), new Tensor(type, [type === 'int8' ? -128 : 0], [])];
    const inputs = [x, ...step(r, type), ...shares];
    return { attributes, inputs, constants: [1, 2, 3, 4], outputTypes: [type] };
  }),
  microsoft('QLinearAveragePool', (r) => {
    const type = eightBit(r);
    const node = (layerGenerators.AveragePool as Generator)(r);
    const inputs = [data(r, type, node.inputs[0]?.dims ?? []), ...step(r, type), ...step(r, type)];
    // Where the last window leaves the image onnxruntime divides by its whole size here, and not so in AveragePool.
    const attributes = { ...node.attributes, ceil_mode: 0 };
    return { attributes, inputs, constants: [1, 2, 3, 4], outputTypes: [type] };
  }),
  microsoft('QLinearGlobalAveragePool', (r) => {
    const type = eightBit(r);
    const inputs = [
      data(r, type, [r.int(1, 2), r.int(1, 9), r.int(1, 5), r.int(1, 5)]),
      ...step(r, type),
      ...step(r, type),
    ];
    return { attributes: { channels_last: 0 }, inputs, constants: [1, 2, 3, 4], outputTypes: [type] };
  }),
  microsoft('QLinearConcat', (r) => {
    const type = eightBit(r);
    const dims = r.dims(1, 4, 4, false);
    const axis = r.axis(dims.length);
    const at = axis < 0 ? axis + dims.length : axis;
    const parts = r.list(r.int(1, 3), () => [
      data(
        r,
        type,
        dims.map((dim, i) => (i === at ? r.int(1, 3) : dim)),
      ),
      ...step(r, type),
    ]);
    const inputs = [...step(r, type), ...parts.flat()];
    const constants = inputs.flatMap((input, i) => (input.dims.length === 0 ? [i] : []));
    return { attributes: { axis }, inputs, constants, outputTypes: [type] };
  }),
  microsoft('QLinearWhere', (r) => {
    const type = eightBit(r);
    const [a, b, whole] = r.broadcast().map(filled) as [number[], number[], number[]];
    const inputs = [r.tensor('bool', whole), data(r, type, a), ...step(r, type), data(r, type, b), ...step(r, type)];
    return { inputs: [...inputs, ...step(r, type)], constants: [2, 3, 5, 6, 7, 8], outputTypes: [type] };
  }),
  microsoft('QLinearConv', (r) => {
    const node = (layerGenerators.QLinearConv as Generator)(r);
    const channels_last = r.int(0, 1);
    const [x, ...rest] = node.inputs as Tensor[];
    const image = x as Tensor;
    const inputs = [data(r, 'uint8', channels_last ? last(image.dims) : image.dims), ...rest];
    return { ...node, attributes: { ...node.attributes, channels_last }, inputs, opset: 17 };
  }),
  microsoft('NhwcMaxPool', (r) => {
    const type = eightBit(r);
    const node = (layerGenerators.MaxPool as Generator)(r);
    const inputs = [data(r, type, last(node.inputs[0]?.dims ?? []))];
    return { attributes: node.attributes ?? {}, inputs, outputTypes: [type] };
  }),
  microsoft('QGemm', (r) => {
    const [m, k, n] = [r.int(1, 5), r.int(1, 20), r.int(1, 20)];
    const transB = r.int(0, 1);
    const type = eightBit(r);
    const inputs = [
      data(r, type, [m, k]),
      ...step(r, type),
      data(r, 'int8', transB ? [n, k] : [k, n]),
      scale(r),
      r.tensor('int8', []),
      r.chance(0.6) ? r.tensor('int32', [n], wide) : undefined,
      ...(r.chance(0.6) ? step(r, type) : []),
    ];
    while (inputs.at(-1) === undefined) inputs.pop();
    const outputTypes = inputs.length > 7 ? ([type] as const) : (['float32'] as const);
    return { attributes: { transB }, inputs, constants: [1, 2, 3, 4, 5, 6, 7, 8], outputTypes };
  }),
  microsoft('MatMulIntegerToFloat', (r) => {
    const [m, k, n] = [r.int(1, 5), r.int(1, 20), r.int(1, 20)];
    const [a, b] = [eightBit(r), eightBit(r)];
    const columns = r.chance(0.5) ? [n] : [];
    const inputs = [
      data(r, a, [m, k]),
      data(r, b, [k, n]),
      scale(r),
      scale(r, columns),
      r.tensor(a, []),
      r.tensor(b, columns),
    ];
    if (r.chance(0.5)) inputs.push(r.tensor('float32', [n]));
    return { inputs, constants: r.pick([[], [1, 3, 5, 6]]), outputTypes: ['float32'] };
  }),
  microsoft('DynamicQuantizeMatMul', (r) => {
    const [m, k, n] = [r.int(1, 5), r.int(1, 20), r.int(1, 20)];
    const type = eightBit(r);
    const columns = r.chance(0.5) ? [n] : [];
    const inputs = [
      r.tensor('float32', [m, k]),
      data(r, type, [k, n]),
      scale(r, columns),
      r.chance(0.7) ? r.tensor(type, columns) : undefined,
      r.chance(0.5) ? r.tensor('float32', [n]) : undefined,
    ];
    while (inputs.at(-1) === undefined) inputs.pop();
    return { inputs, constants: [1, 2, 3, 4], outputTypes: ['float32'] };
  }),
  microsoft('DynamicQuantizeLSTM', (r) => {
    const [steps, batch, size, hidden] = [r.int(1, 3), r.int(1, 2), r.int(1, 4), r.int(1, 4)];
    const direction = r.pick(['forward', 'reverse', 'bidirectional']);
    const directions = direction === 'bidirectional' ? 2 : 1;
    const type = eightBit(r);
    const each = r.chance(0.5) ? [directions] : [directions, 4 * hidden];
    const steps8 = (): Tensor => r.tensor('float32', each, { from: 0.002, to: 0.01 });
    // Zero points of columns: onnxruntime wants them all 0.
    const zeros = new Tensor(
      type,
      r.list(
        each.reduce((a, b) => a * b, 1),
        () => 0,
      ),
      each,
    );
    const inputs = [
      r.tensor('float32', [steps, batch, size], { from: -1, to: 1 }),
      data(r, type, [directions, size, 4 * hidden]),
      data(r, type, [directions, hidden, 4 * hidden]),
      r.tensor('float32', [directions, 8 * hidden], { from: -1, to: 1 }),
      undefined,
      undefined,
      undefined,
      undefined,
      steps8(),
      zeros,
      steps8(),
      zeros,
    ];
    return {
      attributes: { hidden_size: hidden, direction },
      inputs,
      constants: [1, 2, 3, 8, 9, 10, 11],
      outputTypes: ['float32', 'float32', 'float32'],
      // X and h in 255 steps.
      tolerance: { rtol: 0.02, atol: 0.02 },
    };
  }),
  microsoft('MatMulInteger16', (r) => {
    const [m, k, n] = [r.int(1, 5), r.int(1, 9), r.int(1, 9)];
    const inputs = [r.tensor('int16', [m, k], wide), r.tensor('int16', [k, n], wide)];
    return { inputs, outputTypes: ['int32'] };
  }),
  microsoft('QAttention', (r) => {
    const [batch, rows, heads, size, width] = [r.int(1, 2), r.int(1, 4), r.int(1, 3), r.int(1, 3), r.int(1, 6)];
    const hidden = heads * size;
    const inputs = [
      data(r, 'uint8', [batch, rows, width]),
      data(r, 'int8', [width, 3 * hidden]),
      r.tensor('float32', [3 * hidden]),
      scale(r),
      scale(r),
      r.chance(0.5) ? r.tensor('int32', [batch, rows], { from: 0, to: 1 }) : undefined,
      r.tensor('uint8', []),
      r.tensor('int8', []),
    ];
    const attributes = { num_heads: heads, unidirectional: r.int(0, 1) };
    return { attributes, inputs, constants: [1, 2, 3, 4, 6, 7], outputTypes: ['float32'] };
  }),
]);
