/** Parts of an ONNX model, written by field numbers of onnx.proto. */
import type { TensorType } from '../../src/index.js';
import { dataTypes } from '../../src/runtime/data_types.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { bytes, int, message } from '../vectors/tiny_onnx.js';

export type Attribute =
  | number
  | { readonly float: number }
  | string
  | readonly number[]
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly tensor: Tensor };
export type Attributes = Readonly<Record<string, Attribute | undefined>>;

/** NodeProto; the name '' stands for an input that is not given. */
export function node(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Attributes = {},
  domain = '',
): Buffer {
  return message(
    1,
    ...inputs.map((name) => bytes(1, name)),
    ...outputs.map((name) => bytes(2, name)),
    bytes(4, opType),
    ...(domain === '' ? [] : [bytes(7, domain)]),
    ...Object.entries(attributes).flatMap(([name, value]) =>
      value === undefined ? [] : [message(5, bytes(1, name), ...attribute(value))],
    ),
  );
}

export interface ModelParts {
  readonly opset: number;
  /** Operator sets beside the standard's. */
  readonly domains?: Readonly<Record<string, number>>;
  readonly nodes: readonly Buffer[];
  readonly initializers: Readonly<Record<string, Tensor>>;
  /** Dims below 0 are free. */
  readonly inputs: readonly { readonly name: string; readonly type: TensorType; readonly dims: readonly number[] }[];
  readonly outputs: readonly { readonly name: string; readonly type: TensorType }[];
}

export function onnxModel({ opset, domains = {}, nodes, initializers, inputs, outputs }: ModelParts): Buffer {
  const graph = message(
    7,
    ...nodes,
    bytes(2, 'random'),
    ...Object.entries(initializers).map(([name, tensor]) => tensorProto(5, name, tensor)),
    ...inputs.map(({ name, type, dims }) => valueInfo(11, name, type, dims)),
    ...outputs.map(({ name, type }) => valueInfo(12, name, type, undefined)),
  );
  const opsets = Object.entries({ '': opset, ...domains });
  return Buffer.concat([
    int(1, 8),
    graph,
    ...opsets.map(([domain, version]) => message(8, bytes(1, domain), int(2, version))),
  ]);
}

function attribute(value: Attribute): Buffer[] {
  if (typeof value === 'number') return [signed(3, value), int(20, 2)];
  if (typeof value === 'string') return [bytes(4, value), int(20, 3)];
  if ('float' in value) return [float(2, value.float), int(20, 1)];
  if ('floats' in value) return [...value.floats.map((item) => float(7, item)), int(20, 6)];
  if ('tensor' in value) return [tensorProto(5, '', value.tensor), int(20, 4)];
  if ('strings' in value) return [...value.strings.map((item) => bytes(9, item)), int(20, 8)];
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

/** A TensorProto, with the elements as raw_data. */
function tensorProto(field: number, name: string, { type, dims, data }: Tensor): Buffer {
  const view = data as Uint8Array;
  const raw = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  return message(field, ...dims.map((dim) => int(1, dim)), int(2, codeOf(type)), bytes(8, name), bytes(9, raw));
}
