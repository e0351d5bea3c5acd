/** The weights of a plain ONNX model, enough of protobuf to find them: what the scanner will look for. */
export interface Initializer {
  name: string;
  dims: number[];
  /** onnx.TensorProto.DataType */
  type: number;
  /** The tensor row-major, as the file holds it. */
  bytes: Buffer;
}

// Field numbers of onnx.proto: ModelProto.graph, GraphProto.node / initializer, NodeProto.attribute, AttributeProto.t / g / graphs, TensorProto.*
const GRAPH = 7;
const NODE = 1;
const INITIALIZER = 5;
const ATTRIBUTE = 5;
const ATTRIBUTE_TENSOR = 5;
const ATTRIBUTE_GRAPH = 6;
const ATTRIBUTE_GRAPHS = 11;
const DIMS = 1;
const DATA_TYPE = 2;
const FLOAT_DATA = 4;
const TENSOR_NAME = 8;
const RAW_DATA = 9;

export function readInitializers(model: Buffer): Initializer[] {
  const found: Initializer[] = [];
  for (const graph of fields(model, GRAPH)) readGraph(graph, found);
  return found.filter(({ bytes }) => bytes.length > 0);
}

/** Branches and loop bodies are graphs in attributes, with weights of their own. */
function readGraph(graph: Buffer, found: Initializer[]): void {
  for (const tensor of fields(graph, INITIALIZER)) found.push(readTensor(tensor));
  for (const node of fields(graph, NODE)) {
    for (const attribute of fields(node, ATTRIBUTE)) {
      for (const tensor of fields(attribute, ATTRIBUTE_TENSOR)) found.push(readTensor(tensor));
      for (const inner of fields(attribute, ATTRIBUTE_GRAPH)) readGraph(inner, found);
      for (const inner of fields(attribute, ATTRIBUTE_GRAPHS)) readGraph(inner, found);
    }
  }
}

function readTensor(tensor: Buffer): Initializer {
  const dims: number[] = [];
  let name = '';
  let type = 0;
  let bytes: Buffer = Buffer.alloc(0);
  for (const { number, wire, value, payload } of everyField(tensor)) {
    if (number === DIMS && wire === 0) dims.push(value);
    if (number === DIMS && wire === 2)
      for (let at = 0; at < payload.length; ) {
        const read = varint(payload, at);
        dims.push(read.value);
        at = read.next;
      }
    if (number === DATA_TYPE) type = value;
    if (number === TENSOR_NAME) name = payload.toString('utf8');
    if (number === RAW_DATA || (number === FLOAT_DATA && wire === 2)) bytes = payload;
  }
  return { name, dims, type, bytes };
}

function* fields(message: Buffer, wanted: number): Generator<Buffer> {
  for (const { number, wire, payload } of everyField(message)) if (number === wanted && wire === 2) yield payload;
}

interface Field {
  number: number;
  wire: number;
  value: number;
  payload: Buffer;
}

const EMPTY = Buffer.alloc(0);

function* everyField(message: Buffer): Generator<Field> {
  for (let at = 0; at < message.length; ) {
    const key = varint(message, at);
    const number = Math.floor(key.value / 8);
    const wire = key.value % 8;
    at = key.next;
    if (wire === 0) {
      const { value, next } = varint(message, at);
      yield { number, wire, value, payload: EMPTY };
      at = next;
    } else if (wire === 2) {
      const { value, next } = varint(message, at);
      if (next + value > message.length) throw new Error('ONNX model is cut short');
      yield { number, wire, value, payload: message.subarray(next, next + value) };
      at = next + value;
    } else if (wire === 1 || wire === 5) {
      at += wire === 1 ? 8 : 4;
    } else {
      throw new Error(`ONNX model has wire type ${wire}`);
    }
  }
}

/** Precision ends at 2^53: dims and lengths of real models are far below. */
function varint(bytes: Buffer, from: number): { value: number; next: number } {
  let value = 0;
  for (let at = from, scale = 1; at < bytes.length && at < from + 10; at += 1, scale *= 128) {
    const byte = bytes[at] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, next: at + 1 };
  }
  throw new Error('ONNX model has a malformed number');
}
