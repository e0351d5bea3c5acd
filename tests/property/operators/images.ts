/** What reads an image at computed places, and columns of its pixels. */
import { Tensor } from '../../../src/runtime/tensor.js';
import { int64, type Random } from '../random.js';
import type { Generator } from './elementwise.js';

/** Corners x1, y1, x2, y2 of regions of an image. */
function regions(r: Random, count: number, height: number, width: number, whole: boolean): number[][] {
  const place = (to: number): number => (whole ? r.int(0, to) : r.float(0, to));
  return r.list(count, () => {
    const [x, y] = [place(width - 1), place(height - 1)];
    return [x, y, x + place(width - 1 - Math.floor(x)), y + place(height - 1 - Math.floor(y))];
  });
}

export const imageGenerators: Readonly<Record<string, Generator>> = {
  Col2Im: (r) => {
    // Of one dimension onnxruntime places all channels but the first wrongly.
    const rank = 2;
    const block = r.list(rank, () => r.int(1, 3));
    const strides = block.map(() => r.int(1, 2));
    const dilations = block.map(() => r.int(1, 2));
    const pads = [...block, ...block].map(() => r.int(0, 1));
    const steps = r.list(rank, () => r.int(1, 3));
    const image = block.map((size, i) => {
      const [stride, dilation] = [strides[i] as number, dilations[i] as number];
      const padded = ((steps[i] as number) - 1) * stride + (size - 1) * dilation + 1;
      return padded - (pads[i] as number) - (pads[i + rank] as number);
    });
    const fits = image.every((dim) => dim > 0);
    const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);
    const plain = block.map(
      (size, i) => ((steps[i] as number) - 1) * (strides[i] as number) + (size - 1) * (dilations[i] as number) + 1,
    );
    return {
      opType: 'Col2Im',
      opset: 18,
      attributes: { strides, dilations, pads: fits ? pads : undefined },
      inputs: [
        r.tensor('float32', [r.int(1, 2), r.int(1, 3) * product(block), product(steps)]),
        int64(fits ? image : plain),
        int64(block),
      ],
      constants: r.pick([[], [1, 2]]),
      outputTypes: ['float32'],
    };
  },
  RoiAlign: (r) => {
    const [batch, height, width, count] = [r.int(1, 2), r.int(2, 6), r.int(2, 6), r.int(1, 3)];
    const type = r.pick(['float32', 'float32', 'float64'] as const);
    const rois = regions(r, count, height, width, false).flat();
    return {
      opType: 'RoiAlign',
      opset: 16,
      attributes: {
        // Of the maximum onnxruntime takes that of weighted pixels, not of interpolated samples.
        mode: 'avg',
        output_height: r.int(1, 3),
        output_width: r.int(1, 3),
        sampling_ratio: r.int(0, 3),
        spatial_scale: { float: r.pick([1, 0.5]) },
        coordinate_transformation_mode: r.pick(['half_pixel', 'output_half_pixel', undefined]),
      },
      inputs: [
        r.tensor(type, [batch, r.int(1, 3), height, width]),
        new Tensor(type, rois, [count, 4]),
        int64(r.list(count, () => r.int(0, batch - 1))),
      ],
      outputTypes: [type],
    };
  },
  MaxRoiPool: (r) => {
    const [batch, height, width, count] = [r.int(1, 2), r.int(2, 6), r.int(2, 6), r.int(1, 3)];
    const rois = regions(r, count, height, width, true).map((corners) => [r.int(0, batch - 1), ...corners]);
    return {
      opType: 'MaxRoiPool',
      opset: 1,
      attributes: { pooled_shape: [r.int(1, 3), r.int(1, 3)], spatial_scale: { float: 1 } },
      inputs: [
        r.tensor('float32', [batch, r.int(1, 3), height, width]),
        new Tensor('float32', rois.flat(), [count, 5]),
      ],
      outputTypes: ['float32'],
    };
  },
  MaxUnpool: (r) => {
    const [planes, height, width, kernel] = [r.int(1, 2), r.int(1, 3), r.int(1, 3), r.int(1, 3)];
    const pixels = height * kernel * width * kernel;
    const places = r.list(planes, () => r.shuffled(r.list(pixels, (i) => i)).slice(0, height * width)).flat();
    return {
      opType: 'MaxUnpool',
      opset: 11,
      attributes: { kernel_shape: [kernel, kernel], strides: [kernel, kernel] },
      inputs: [
        r.tensor('float32', [1, planes, height, width]),
        int64(
          places.map((place, i) => place + Math.floor(i / (height * width)) * pixels),
          [1, planes, height, width],
        ),
      ],
      outputTypes: ['float32'],
    };
  },
  DeformConv: (r) => {
    const [batch, channels, filters, size, kernel] = [r.int(1, 2), r.int(1, 3), r.int(1, 3), r.int(3, 5), r.int(1, 2)];
    const out = size - kernel + 1;
    const pairs = 2 * kernel * kernel;
    return {
      opType: 'DeformConv',
      opset: 19,
      attributes: { kernel_shape: [kernel, kernel], pads: [0, 0, 0, 0] },
      inputs: [
        r.tensor('float32', [batch, channels, size, size]),
        r.tensor('float32', [filters, channels, kernel, kernel]),
        r.tensor('float32', [batch, pairs, out, out], { from: -1, to: 1 }),
        r.tensor('float32', [filters]),
        ...(r.chance(0.5) ? [r.tensor('float32', [batch, pairs / 2, out, out])] : []),
      ],
      constants: r.pick([[], [1, 3]]),
      outputTypes: ['float32'],
    };
  },
};
