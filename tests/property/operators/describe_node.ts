import type { Tensor } from '../../../src/index.js';
import { inputName, type OneNode } from './one_node_model.js';

/** The inputs that the model does not hold itself. */
export function feedsOf({ inputs, constants }: OneNode): Record<string, Tensor> {
  return Object.fromEntries(
    inputs.flatMap((input, i) => (input === undefined || constants?.includes(i) ? [] : [[inputName(i), input]])),
  );
}

/** A failure as a person reads it. */
export function describeNode({ opType, opset, attributes, inputs, constants }: OneNode): string {
  const shown = inputs.map((input, i) =>
    input === undefined
      ? 'none'
      : `${constants?.includes(i) ? 'constant ' : ''}${input.type}[${input.dims}]${input.size < 9 && input.type.startsWith('int') ? `{${input.data}}` : ''}`,
  );
  return `${opType}-${opset} ${JSON.stringify(attributes ?? {})} of ${shown.join(', ')}`;
}
