/** Losses: classes along axis 1, a target for each of the other places. */
import { Tensor } from '../../../src/runtime/tensor.js';
import type { Generator } from './elementwise.js';

function loss(opType: string, outputs: number): Generator {
  return (r) => {
    const [batch, classes] = [r.int(1, 4), r.int(1, 5)];
    const places = r.dims(0, 3, 3, false);
    const type = r.pick(['float32', 'float32', 'float64'] as const);
    const ignored = r.pick([undefined, undefined, 0, -1]);
    const count = [batch, ...places].reduce((a, b) => a * b, 1);
    const targets = r.list(count, () => (ignored !== undefined && r.chance(0.2) ? ignored : r.int(0, classes - 1)));
    // The mean over targets that are all ignored is 0 / 0.
    if (ignored !== undefined && targets.every((target) => target === ignored)) targets[0] = classes - 1;
    const target = new Tensor(r.pick(['int64', 'int32']), targets, [batch, ...places]);
    const inputs = [r.tensor(type, [batch, classes, ...places]), target];
    if (r.chance(0.5)) inputs.push(r.tensor(type, [classes], { from: 0.1, to: 2 }));
    return {
      opType,
      opset: 13,
      attributes: { reduction: r.pick(['none', 'sum', 'mean', undefined]), ignore_index: ignored },
      inputs,
      outputTypes: r.list(r.int(1, outputs), () => type),
    };
  };
}

export const lossGenerators: Readonly<Record<string, Generator>> = {
  NegativeLogLikelihoodLoss: loss('NegativeLogLikelihoodLoss', 1),
  SoftmaxCrossEntropyLoss: loss('SoftmaxCrossEntropyLoss', 2),
};
