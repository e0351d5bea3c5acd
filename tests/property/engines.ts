/**
 * The same model and data on both engines. onnxruntime is told to leave the graph as it is: with its rewriting it would
 * compute fused 8-bit operators, and a MaxPool with a Pad put into it, otherwise than node by node.
 */
process.env.ORT_DISABLE_TELEMETRY ??= '1';

import type { Tensor as OrtTensor } from 'onnxruntime-node';
import { InferenceSession, SealedgeError, Tensor, type TensorData, type TensorType } from '../../src/index.js';
import { difference, type Tolerance } from '../conformance/compare.js';

const ort = await import('onnxruntime-node');

/** Both engines round; sums of different order differ where they nearly cancel. */
const floats: Tolerance = { rtol: 1e-3, atol: 2e-5 };

export type Verdict =
  | { readonly kind: 'same' }
  /** onnxruntime refuses the model or the data; the native engine did as it liked, but answered. */
  | { readonly kind: 'no reference'; readonly detail: string }
  | { readonly kind: 'differs'; readonly detail: string };

export type Feeds = Readonly<Record<string, Tensor>>;

/** One session each, a run for each of `feeds`. */
export async function compareEngines(
  model: Buffer,
  feeds: readonly Feeds[],
  tolerance: Tolerance = floats,
): Promise<Verdict> {
  const expected = await outcome(() => onnxruntimeOutputs(model, feeds));
  const got = await outcome(() => nativeOutputs(model, feeds));
  if (got instanceof Error && !(got instanceof SealedgeError)) {
    return { kind: 'differs', detail: `stray error: ${got.message}` };
  }
  if (expected instanceof Error) return { kind: 'no reference', detail: expected.message.split('\n')[0] ?? '' };
  if (got instanceof Error) return { kind: 'differs', detail: `refused: ${got.message}` };
  for (const [i, tensor] of expected.entries()) {
    const wrong = difference({ ...tensor, name: '' }, got[i] as Tensor, tolerance);
    if (wrong !== undefined) return { kind: 'differs', detail: `output ${i}: ${wrong}` };
  }
  return { kind: 'same' };
}

async function outcome(run: () => Promise<Tensor[]>): Promise<Tensor[] | Error> {
  try {
    return await run();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function nativeOutputs(model: Buffer, feeds: readonly Feeds[]): Promise<Tensor[]> {
  const session = await InferenceSession.create(model);
  try {
    const tensors: Tensor[] = [];
    for (const feed of feeds) {
      const results = await session.run(feed);
      tensors.push(...session.outputNames.map((name) => results[name] as Tensor));
    }
    return tensors;
  } finally {
    await session.release();
  }
}

async function onnxruntimeOutputs(model: Buffer, feeds: readonly Feeds[]): Promise<Tensor[]> {
  const session = await ort.InferenceSession.create(model, { graphOptimizationLevel: 'disabled', logSeverityLevel: 3 });
  try {
    const tensors: Tensor[] = [];
    for (const feed of feeds) {
      const results = await session.run(
        Object.fromEntries(Object.entries(feed).map(([name, tensor]) => [name, toOrt(tensor)])),
      );
      tensors.push(...session.outputNames.map((name) => fromOrt(results[name] as OrtTensor)));
    }
    return tensors;
  } finally {
    await session.release();
  }
}

function toOrt({ type, data, dims }: Tensor): OrtTensor {
  return new ort.Tensor(type as 'float32', data as Float32Array, dims);
}

function fromOrt({ type, data, dims }: OrtTensor): Tensor {
  return new Tensor(type as TensorType, data as TensorData, dims);
}
