import type { TensorType } from '../../../src/index.js';
import type { Tensor } from '../../../src/runtime/tensor.js';
import type { Tolerance } from '../../conformance/compare.js';
import { type Attributes, node, onnxModel } from '../onnx_model.js';

export interface OneNode {
  readonly opType: string;
  /** Of the standard's operator set; of the operator's own one, `domainVersion`. */
  readonly opset: number;
  readonly domain?: string;
  readonly domainVersion?: number;
  readonly attributes?: Attributes;
  /** undefined: an optional input that is not given. */
  readonly inputs: readonly (Tensor | undefined)[];
  /** Inputs that are initializers instead of inputs of the run. */
  readonly constants?: readonly number[];
  readonly outputTypes: readonly TensorType[];
  /** Where onnxruntime itself only approximates. */
  readonly tolerance?: Tolerance;
}

export function inputName(index: number): string {
  return `x${index}`;
}

export function oneNodeModel(one: OneNode): Buffer {
  const { opType, opset, domain = '', domainVersion = 1, attributes = {}, inputs, constants = [], outputTypes } = one;
  const names = inputs.map((input, i) => (input === undefined ? '' : inputName(i)));
  const outputs = outputTypes.map((type, i) => ({ name: `y${i}`, type }));
  const given = inputs.flatMap((tensor, i) =>
    tensor ? [{ name: inputName(i), tensor, constant: constants.includes(i) }] : [],
  );
  return onnxModel({
    opset,
    domains: domain === '' ? {} : { [domain]: domainVersion },
    nodes: [
      node(
        opType,
        names,
        outputs.map(({ name }) => name),
        attributes,
        domain,
      ),
    ],
    initializers: Object.fromEntries(
      given.filter(({ constant }) => constant).map(({ name, tensor }) => [name, tensor]),
    ),
    inputs: given
      .filter(({ constant }) => !constant)
      .map(({ name, tensor }) => ({ name, type: tensor.type, dims: tensor.dims })),
    outputs,
  });
}
