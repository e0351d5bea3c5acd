/** Writes an ONNX model of a chain of square MatMuls, of any size, without holding it: what a sealing trial needs. */
import { randomFillSync } from 'node:crypto';
import { open } from 'node:fs/promises';

const WIDTH = 2048;
export const LAYER_BYTES = WIDTH * WIDTH * 4;

/** Returns the bytes of weights written. */
export async function writeLargeModel(path: string, layers: number): Promise<number> {
  const weights = randomFloats();
  const graph: (Buffer | null)[] = []; // null: LAYER_BYTES of weights go here
  for (let i = 0; i < layers; i += 1) {
    graph.push(submessage(1, node(`x${i}`, `w${i}`, i + 1 === layers ? 'y' : `x${i + 1}`)));
  }
  graph.push(text(2, 'chain'));
  for (let i = 0; i < layers; i += 1) {
    const head = Buffer.concat([
      number(1, WIDTH),
      number(1, WIDTH),
      number(2, 1),
      text(8, `w${i}`),
      lengthOf(9, LAYER_BYTES),
    ]);
    graph.push(Buffer.concat([lengthOf(5, head.length + LAYER_BYTES), head]), null);
  }
  graph.push(submessage(11, valueInfo('x0')), submessage(12, valueInfo('y')));
  const graphBytes = graph.reduce((sum, part) => sum + (part?.length ?? LAYER_BYTES), 0);
  const opset = submessage(8, Buffer.concat([text(1, ''), number(2, 17)]));
  const file = await open(path, 'w');
  try {
    for (const part of [number(1, 8), opset, lengthOf(7, graphBytes), ...graph]) await file.write(part ?? weights);
  } finally {
    await file.close();
  }
  return layers * LAYER_BYTES;
}

function randomFloats(): Buffer {
  const bytes = Buffer.alloc(LAYER_BYTES);
  randomFillSync(bytes);
  // Exponents that no NaN or infinity has.
  for (let i = 3; i < bytes.length; i += 4) bytes[i] = (bytes[i] as number) & 0xbf;
  return bytes;
}

function node(a: string, b: string, y: string): Buffer {
  return Buffer.concat([text(1, a), text(1, b), text(2, y), text(4, 'MatMul')]);
}

// ValueInfoProto{name, type: TypeProto{tensor_type: Tensor{elem_type: FLOAT, shape: [1, WIDTH]}}}
function valueInfo(name: string): Buffer {
  const shape = Buffer.concat([submessage(1, number(1, 1)), submessage(1, number(1, WIDTH))]);
  const tensor = Buffer.concat([number(1, 1), submessage(2, shape)]);
  return Buffer.concat([text(1, name), submessage(2, submessage(1, tensor))]);
}

// Protocol buffers, the three shapes that are needed.
function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) {
      bytes.push(rest);
      return Buffer.from(bytes);
    }
    bytes.push((rest % 128) | 128);
  }
}

function number(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

function lengthOf(field: number, length: number): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(length)]);
}

function submessage(field: number, content: Buffer): Buffer {
  return Buffer.concat([lengthOf(field, content.length), content]);
}

function text(field: number, value: string): Buffer {
  return submessage(field, Buffer.from(value, 'utf8'));
}
