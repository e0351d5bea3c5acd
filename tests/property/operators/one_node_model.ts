/** A model of one node, written by field numbers of onnx.proto. */
import type { TensorType } from '../../../src/index.js';
import { dataTypes } from '../../../src/runtime/data_types.js';
import type { Tensor } from '../../../src/runtime/tensor.js';
import { bytes, int, message } from '../../vectors/tiny_onnx.js';

export type Attribute =
  | number
  | { readonly float: number }
  | string
  | readonly number[]
  | { readonly floats: readonly number[] };

export interface OneNode {
  readonly opType: string;
  readonly opset: number;
  readonly attributes?: Readonly<Record<string, Attribute | undefined>>;
  /** undefined: an optional input that is not given. */
  readonly inputs: readonly (Tensor | undefined)[];
  /** Inputs that are initializers instead of inputs of the run. */
  readonly constants?: readonly number[];
  readonly outputTypes: readonly TensorType[];
  readonly domain?: string;
  /** Inputs of the run declare no dims. */
  readonly freeDims?: boolean;
}

export function inputName(index: number): string {
  return `x${index}`;
}

export function oneNodeModel(node: OneNode): Buffer {
  const { outputTypes } = node;
  const isConstant = (i: number): boolean => node.constants?.includes(i) ?? false;
  const outputs = outputTypes.map((_, i) => `y${i}`);
  const nodeProto = message(
    1,
    ...node.inputs.map((input, i) => bytes(1, input === undefined ? '' : inputName(i))),
    ...outputs.map((name) => bytes(2, name)),
    bytes(4, node.opType),
    ...Object.entries(node.attributes ?? {}).flatMap(([name, value]) =>
      value === undefined ? [] : [message(5, bytes(1, name), ...attribute(value))],
    ),
    bytes(7, node.domain ?? ''),
  );
  const values = node.inputs.flatMap((input, i) => {
    if (input === undefined) return [];
    return isConstant(i)
      ? [initializer(inputName(i), input)]
      : [valueInfo(11, inputName(i), input.type, node.freeDims ? input.dims.map(() => -1) : input.dims)];
  });
  const graph = message(
    7,
    nodeProto,
    bytes(2, 'one_node'),
    ...values,
    ...outputs.map((name, i) => valueInfo(12, name, outputTypes[i] as TensorType, undefined)),
  );
  const opset = message(8, bytes(1, node.domain ?? ''), int(2, node.opset));
  const standard = node.domain ? [message(8, bytes(1, ''), int(2, 17))] : [];
  return Buffer.concat([int(1, 8), graph, opset, ...standard]);
}

function attribute(value: Attribute): Buffer[] {
  if (typeof value === 'number') return [signed(3, value), int(20, 2)];
  if (typeof value === 'string') return [bytes(4, value), int(20, 3)];
  if ('float' in value) return [float(2, value.float), int(20, 1)];
  if ('floats' in value) return [...value.floats.map((item) => float(7, item)), int(20, 6)];
  return [...value.map((item) => signed(8, item)), int(20, 7)];
}

/** Two's complement of 64 bits, as int64 fields hold negative numbers. */
function signed(field: number, value: number): Buffer {
  if (value >= 0) return int(field, value);
  const parts: number[] = [];
  for (let rest = BigInt.asUintN(64, BigInt(value)); ; rest >>= 7n) {
    if (rest < 0x80n) {
      parts.push(Number(rest));
      return Buffer.concat([Buffer.of(field * 8), Buffer.from(parts)]);
    }
    parts.push(Number(rest & 0x7fn) | 0x80);
  }
}

function float(field: number, value: number): Buffer {
  const encoded = Buffer.alloc(5);
  encoded.writeUInt8(field * 8 + 5);
  encoded.writeFloatLE(value, 1);
  return encoded;
}

function codeOf(type: string): number {
  return dataTypes.find((row) => row.type === type)?.code ?? 0;
}

function valueInfo(field: number, name: string, type: TensorType, dims: readonly number[] | undefined): Buffer {
  const shape = dims?.map((dim, i) => message(1, dim < 0 ? bytes(2, `${name}_${i}`) : int(1, dim)));
  const tensor = message(1, int(1, codeOf(type)), ...(shape ? [message(2, ...shape)] : []));
  return message(field, bytes(1, name), message(2, tensor));
}

function initializer(name: string, { type, dims, data }: Tensor): Buffer {
  const view = data as Uint8Array;
  const raw = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  return message(5, ...dims.map((dim) => int(1, dim)), int(2, codeOf(type)), bytes(8, name), bytes(9, raw));
}
