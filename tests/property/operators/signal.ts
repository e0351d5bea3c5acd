/** Fourier transforms, windows, mel filters. */
import { Tensor } from '../../../src/runtime/tensor.js';
import { int64 } from '../random.js';
import type { Generator } from './elementwise.js';

const codes = { float32: 1, float64: 11, int32: 6, int64: 7 } as const;

function window(opType: string): Generator {
  return (r) => {
    const type = r.pick(['float32', 'float32', 'float64'] as const);
    return {
      opType,
      opset: 17,
      attributes: {
        periodic: r.pick([undefined, 0, 1]),
        output_datatype: type === 'float32' ? undefined : codes[type],
      },
      inputs: [r.chance(0.7) ? int64([r.int(2, 20)], []) : new Tensor('int32', [r.int(2, 20)], [])],
      constants: r.pick([[], [0]]),
      outputTypes: [type],
    };
  };
}

export const signalGenerators: Readonly<Record<string, Generator>> = {
  HannWindow: window('HannWindow'),
  HammingWindow: window('HammingWindow'),
  BlackmanWindow: window('BlackmanWindow'),
  DFT: (r) => {
    const opset = r.pick([17, 20]);
    const type = r.pick(['float32', 'float32', 'float64'] as const);
    const signal = r.dims(1, 3, 9, false);
    const inverse = r.int(0, 1);
    const onesided = inverse ? 0 : r.int(0, 1);
    const axis = r.int(1, signal.length);
    const dims = [r.int(1, 2), ...signal, onesided ? 1 : r.pick([1, 2])];
    const length = r.chance(0.4) ? int64([r.int(1, 12)], []) : undefined;
    const given = opset < 20 ? undefined : int64([r.chance(0.5) ? axis : axis - dims.length], []);
    const inputs = [r.tensor(type, dims, { from: -0.5, to: 0.5 }), length, given];
    while (inputs.at(-1) === undefined) inputs.pop();
    return {
      opType: 'DFT',
      opset,
      attributes: { inverse, onesided, axis: opset < 20 ? axis : undefined },
      inputs,
      constants: r.pick([[], [1, 2]]),
      outputTypes: [type],
    };
  },
  STFT: (r) => {
    const type = r.pick(['float32', 'float32', 'float64'] as const);
    const frame = r.int(2, 8);
    const onesided = r.int(0, 1);
    const dims = [r.int(1, 2), frame + r.int(0, 20), onesided ? 1 : r.pick([1, 2])];
    // Of a complex signal onnxruntime takes the window for complex too.
    const windowed = dims[2] === 1 && r.chance(0.6);
    const inputs = [
      r.tensor(type, dims, { from: -0.5, to: 0.5 }),
      int64([r.int(1, 5)], []),
      windowed ? r.tensor(type, [frame]) : undefined,
      !windowed || r.chance(0.5) ? int64([frame], []) : undefined,
    ];
    while (inputs.at(-1) === undefined) inputs.pop();
    return { opType: 'STFT', opset: 17, attributes: { onesided }, inputs, constants: [1, 3], outputTypes: [type] };
  },
  MelWeightMatrix: (r) => {
    const type = r.pick(['float32', 'float32', 'float64'] as const);
    const rate = r.pick([8000, 16000]);
    const low = r.float(0, 500);
    const inputs = [
      int64([r.int(1, 12)], []),
      int64([r.pick([16, 32, 64, 128])], []),
      int64([rate], []),
      new Tensor('float32', [low], []),
      new Tensor('float32', [r.float(low + 500, rate / 2)], []),
    ];
    return {
      opType: 'MelWeightMatrix',
      opset: 17,
      attributes: { output_datatype: type === 'float32' ? undefined : codes[type] },
      inputs,
      constants: r.pick([[], [0, 1, 2, 3, 4]]),
      outputTypes: [type],
    };
  },
};
