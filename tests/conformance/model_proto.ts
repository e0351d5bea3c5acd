import { bytesOf, fieldsOf, integersOf } from './wire.js';

/** What the runner has to know of a case's model: which operators it is about, and whether tensors are all it wants. */
export interface ModelOutline {
  /** op_type of every node, with those of subgraphs. */
  readonly operators: readonly string[];
  /** op_type of the nodes of the main graph, in file order. */
  readonly nodes: readonly string[];
  readonly opsetVersion: number;
  /** sequence, optional, map or sparse tensor: the first input or output that is no dense tensor. */
  readonly otherThanTensor: string | undefined;
}

// onnx.proto: ModelProto, GraphProto, NodeProto, AttributeProto, ValueInfoProto, TypeProto.
const MODEL_GRAPH = 7;
const MODEL_OPSET = 8;
const OPSET_DOMAIN = 1;
const OPSET_VERSION = 2;
const GRAPH_NODE = 1;
const GRAPH_INPUT = 11;
const GRAPH_OUTPUT = 12;
const NODE_OP_TYPE = 4;
const NODE_ATTRIBUTE = 5;
const ATTRIBUTE_GRAPHS = [6, 11];
const VALUE_TYPE = 2;
const otherKinds: Record<number, string> = { 4: 'sequence', 5: 'map', 8: 'sparse tensor', 9: 'optional' };

export function outlineOf(model: Buffer): ModelOutline {
  const graph = bytesOf(model, MODEL_GRAPH)[0] ?? Buffer.alloc(0);
  const opset = bytesOf(model, MODEL_OPSET).find((entry) => (bytesOf(entry, OPSET_DOMAIN)[0]?.length ?? 0) === 0);
  return {
    operators: [...new Set(operatorsIn(graph))],
    nodes: bytesOf(graph, GRAPH_NODE).map(operatorOf),
    opsetVersion: opset === undefined ? 1 : Number(integersOf(opset, OPSET_VERSION)[0] ?? 0n),
    otherThanTensor: otherThanTensor(graph),
  };
}

function operatorOf(node: Buffer): string {
  return bytesOf(node, NODE_OP_TYPE)[0]?.toString('utf8') ?? '';
}

function operatorsIn(graph: Buffer): string[] {
  return bytesOf(graph, GRAPH_NODE).flatMap((node) => [
    operatorOf(node),
    ...bytesOf(node, NODE_ATTRIBUTE).flatMap((attribute) =>
      ATTRIBUTE_GRAPHS.flatMap((field) => bytesOf(attribute, field)).flatMap(operatorsIn),
    ),
  ]);
}

function otherThanTensor(graph: Buffer): string | undefined {
  for (const value of [...bytesOf(graph, GRAPH_INPUT), ...bytesOf(graph, GRAPH_OUTPUT)]) {
    for (const type of bytesOf(value, VALUE_TYPE)) {
      for (const { number } of fieldsOf(type)) if (otherKinds[number]) return otherKinds[number];
    }
  }
  return undefined;
}
