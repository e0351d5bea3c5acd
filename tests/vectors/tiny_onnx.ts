/** Just enough of a protobuf writer for the graphs of the vectors (onnx.proto field numbers in comments). */

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

export function int(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

export function bytes(field: number, value: Uint8Array | string): Buffer {
  const data = Buffer.from(value as string);
  return Buffer.concat([varint(field * 8 + 2), varint(data.length), data]);
}

export function message(field: number, ...parts: Uint8Array[]): Buffer {
  return bytes(field, Buffer.concat(parts));
}

/** A float value of any shape: ValueInfoProto{1 name, 2 type}. */
function valueInfo(field: number, name: string, dims: number[]): Buffer {
  const shape = dims.map((dim) => message(1, int(1, dim)));
  return message(field, bytes(1, name), message(2, message(1, int(1, 1), message(2, ...shape))));
}

export interface TinyWeight {
  name: string;
  dims: number[];
  /** Row-major raw data, or external_data entries. */
  data: Buffer | [string, string][];
}

/** A FLOAT TensorProto, as an initializer of GraphProto: 1 dims, 2 data_type, 8 name, 9 raw_data, 13 external_data, 14 data_location. */
function initializer(weight: TinyWeight): Buffer {
  const head = [...weight.dims.map((dim) => int(1, dim)), int(2, 1), bytes(8, weight.name)];
  if (Buffer.isBuffer(weight.data)) return message(5, ...head, bytes(9, weight.data));
  const entries = weight.data.map(([key, value]) => message(13, bytes(1, key), bytes(2, value)));
  return message(5, ...head, ...entries, int(14, 1));
}

/** x (1, K) through MatMul nodes with each of `weights` in turn: ModelProto{1 ir_version, 7 graph, 8 opset_import}. */
export function matMulChain(weights: TinyWeight[]): Buffer {
  const nodes = weights.map((weight, i) =>
    message(1, bytes(1, i === 0 ? 'x' : `h${i}`), bytes(1, weight.name), bytes(2, `h${i + 1}`), bytes(4, 'MatMul')),
  );
  const first = weights[0]?.dims[0] ?? 1;
  const last = weights.at(-1)?.dims[1] ?? 1;
  const graph = message(
    7,
    ...nodes,
    bytes(2, 'tiny'),
    ...weights.map(initializer),
    valueInfo(11, 'x', [1, first]),
    valueInfo(12, `h${weights.length}`, [1, last]),
  );
  return Buffer.concat([int(1, 8), graph, message(8, int(2, 17))]);
}
