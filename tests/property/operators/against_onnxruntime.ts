/** One random model on both engines. */
import { InferenceSession, SealedgeError, type Tensor } from '../../../src/index.js';
import { difference } from '../../conformance/compare.js';
import { inputName, type OneNode, oneNodeModel } from './one_node_model.js';

/** Both engines round; sums of different order differ where they nearly cancel. */
const tolerance = { rtol: 1e-3, atol: 2e-5 };

export type Verdict =
  | { readonly kind: 'same' }
  /** onnxruntime refuses the model or the data; the native engine did as it liked, but answered. */
  | { readonly kind: 'no reference'; readonly detail: string }
  | { readonly kind: 'differs'; readonly detail: string };

export async function compareEngines(node: OneNode): Promise<Verdict> {
  const model = oneNodeModel(node);
  const expected = await outputs(model, node, 'onnxruntime');
  const got = await outputs(model, node, 'native');
  if (got instanceof Error && !(got instanceof SealedgeError))
    return { kind: 'differs', detail: `stray error: ${got.message}` };
  if (expected instanceof Error) return { kind: 'no reference', detail: expected.message.split('\n')[0] ?? '' };
  if (got instanceof Error) return { kind: 'differs', detail: `refused: ${got.message}` };
  for (const [i, tensor] of expected.entries()) {
    const wrong = difference({ ...tensor, name: '' }, got[i] as Tensor, tolerance);
    if (wrong !== undefined) return { kind: 'differs', detail: `output ${i}: ${wrong}` };
  }
  return { kind: 'same' };
}

async function outputs(model: Buffer, node: OneNode, backend: 'native' | 'onnxruntime'): Promise<Tensor[] | Error> {
  let session: InferenceSession | undefined;
  try {
    session = await InferenceSession.create(model, { backend, policy: { allowBackends: [backend] } });
    const feeds = Object.fromEntries(
      node.inputs.flatMap((input, i) =>
        input === undefined || node.constants?.includes(i) ? [] : [[inputName(i), input]],
      ),
    );
    const results = await session.run(feeds);
    return session.outputNames.map((name) => results[name] as Tensor);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  } finally {
    await session?.release();
  }
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
