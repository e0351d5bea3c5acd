/** One case through the public API, as a program would use it: create from bytes, run, compare. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BackendName, InferenceSession, SealedgeError, Tensor } from '../../src/index.js';
import type { ConformanceCase } from './cases.js';
import { difference } from './compare.js';
import { type CaseTensor, readTensor } from './tensor_proto.js';

export interface Outcome {
  /** unsupported: refused as such, with a clear error; failed: anything else that is not the expected result. */
  readonly result: 'passed' | 'failed' | 'unsupported';
  /** Why not passed; empty when it did. */
  readonly detail: string;
}

export async function runCase(subject: ConformanceCase, backend: BackendName): Promise<Outcome> {
  let session: InferenceSession | undefined;
  try {
    session = await InferenceSession.create(readFileSync(join(subject.folder, 'model.onnx')), {
      backend,
      policy: { allowBackends: [backend] },
    });
    if (subject.outline.otherThanTensor) return unsupported(`${subject.outline.otherThanTensor} values`);
    const sets = dataSets(subject.folder);
    if (sets.length === 0) return failed('the case has no data');
    for (const set of sets) {
      const outcome = await runSet(session, readTensors(set, 'input'), readTensors(set, 'output'));
      if (outcome.result !== 'passed') return outcome;
    }
    return { result: 'passed', detail: '' };
  } catch (error) {
    return refusal(error);
  } finally {
    await session?.release();
  }
}

async function runSet(
  session: InferenceSession,
  inputs: readonly CaseTensor[],
  expected: readonly CaseTensor[],
): Promise<Outcome> {
  const feeds: Record<string, Tensor> = {};
  for (const [i, input] of inputs.entries()) {
    if (input.type === 'bfloat16') return unsupported('bfloat16 tensors');
    // In the order of the graph's inputs; files of models that list initializers among them go by name.
    const name = session.inputNames.includes(input.name) ? input.name : session.inputNames[i];
    if (name === undefined)
      return failed(`the model has ${session.inputNames.length} inputs, data for ${inputs.length}`);
    feeds[name] = new Tensor(input.type, input.data, input.dims);
  }
  const results = await session.run(feeds);
  if (session.outputNames.length !== expected.length) {
    return failed(`expected ${expected.length} outputs, got ${session.outputNames.length}`);
  }
  for (const [i, name] of session.outputNames.entries()) {
    const wrong = difference(expected[i] as CaseTensor, results[name] as Tensor);
    if (wrong !== undefined) return failed(`output ${name}: ${wrong}`);
  }
  return { result: 'passed', detail: '' };
}

function dataSets(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => name.startsWith('test_data_set_'));
  return names.sort().map((name) => join(folder, name));
}

function readTensors(set: string, kind: 'input' | 'output'): CaseTensor[] {
  const tensors: CaseTensor[] = [];
  for (let i = 0; ; ++i) {
    const file = join(set, `${kind}_${i}.pb`);
    if (!existsSync(file)) return tensors;
    tensors.push(readTensor(readFileSync(file)));
  }
}

function refusal(error: unknown): Outcome {
  const message = error instanceof Error ? error.message : String(error);
  const [detail = ''] = message.split('\n');
  if (error instanceof SealedgeError && error.code === 'ERR_OP_UNSUPPORTED') return unsupported(detail);
  // How onnxruntime says that it lacks an operator, a type of one, or that the case needs more than tensors.
  if (
    /NOT_IMPLEMENTED|Could not find an implementation|Unsupported data type|is not a registered function|only tensors are supported/.test(
      message,
    )
  )
    return unsupported(detail);
  return failed(error instanceof SealedgeError ? `${error.code}: ${detail}` : detail);
}

function unsupported(detail: string): Outcome {
  return { result: 'unsupported', detail };
}

function failed(detail: string): Outcome {
  return { result: 'failed', detail };
}
