/** The same model and data on both engines. */
import { InferenceSession, SealedgeError, type Tensor } from '../../src/index.js';
import { difference, type Tolerance } from '../conformance/compare.js';

/** Both engines round; sums of different order differ where they nearly cancel. */
const floats: Tolerance = { rtol: 1e-3, atol: 2e-5 };

export type Verdict =
  | { readonly kind: 'same' }
  /** onnxruntime refuses the model or the data; the native engine did as it liked, but answered. */
  | { readonly kind: 'no reference'; readonly detail: string }
  | { readonly kind: 'differs'; readonly detail: string };

export type Feeds = Readonly<Record<string, Tensor>>;

/** One session each, a run for each of `feeds`. */
export async function compareEngines(model: Buffer, feeds: readonly Feeds[], tolerance = floats): Promise<Verdict> {
  const expected = await outputs(model, feeds, 'onnxruntime');
  const got = await outputs(model, feeds, 'native');
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

async function outputs(
  model: Buffer,
  feeds: readonly Feeds[],
  backend: 'native' | 'onnxruntime',
): Promise<Tensor[] | Error> {
  let session: InferenceSession | undefined;
  try {
    session = await InferenceSession.create(model, { backend, policy: { allowBackends: [backend] } });
    const tensors: Tensor[] = [];
    for (const feed of feeds) {
      const results = await session.run(feed);
      tensors.push(...session.outputNames.map((name) => results[name] as Tensor));
    }
    return tensors;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  } finally {
    await session?.release();
  }
}
