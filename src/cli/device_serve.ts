/**
 * `sealedge device run --serve`: a loaded model that answers lines of JSON on stdin with lines of JSON on stdout, until stdin ends.
 * For programs in other languages, and for whoever inspects the process while the model is loaded.
 */
import { createInterface } from 'node:readline';
import { secretMemoryReport as tpmMemoryReport } from 'node-tpm2-tss';
import { SealedgeError, UsageError } from '../errors.js';
import { type InferenceSession, secretMemoryReport, Tensor } from '../index.js';
import { createOutput, type Output } from './output.js';
import { measure, plainOutputs } from './run_model.js';

const MAX_REPEAT = 1_000_000;

interface Request {
  inputs?: Record<string, { dims?: number[]; data: (number | bigint)[] }>;
  repeat?: number;
  /** Compute on the thread that asks: without the hop to another, for models shorter than that. */
  sync?: boolean;
  report?: boolean;
}

/** First line: what was loaded, and where secrets are. A request that fails is answered with an error and does not end it. */
export async function serve(session: InferenceSession, loaded: object): Promise<void> {
  const output = createOutput(true);
  const lines = createInterface({ input: process.stdin });
  const stop = () => lines.close();
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  output.result('', { event: 'loaded', pid: process.pid, ...loaded, secretRegions: secretRegions() });
  for await (const line of lines) await answer(session, line, output);
}

async function answer(session: InferenceSession, line: string, output: Output): Promise<void> {
  try {
    const request = parse(line);
    if (request.report === true) {
      output.result('', { memory: session.memory, secretRegions: secretRegions() });
      return;
    }
    const { results, latencyUs } = await measure(
      session,
      feeds(session, request),
      request.repeat ?? 1,
      request.sync === true,
    );
    output.result('', { outputs: plainOutputs(results), latencyUs });
  } catch (cause) {
    if (!(cause instanceof SealedgeError)) throw cause;
    const { name, code, message, fields } = cause;
    output.result('', { error: { name, code, message, fields } });
  }
}

function parse(line: string): Request {
  let request: Request;
  try {
    request = JSON.parse(line) as Request;
  } catch (cause) {
    throw new UsageError('ERR_OPTION_INVALID', 'request: expected a line of JSON', { cause });
  }
  const { repeat = 1 } = request ?? {};
  if (typeof request !== 'object' || request === null || !Number.isInteger(repeat) || repeat < 1 || repeat > MAX_REPEAT)
    throw new UsageError('ERR_OPTION_INVALID', `request: expected an object, repeat from 1 to ${MAX_REPEAT}`);
  return request;
}

function feeds(session: InferenceSession, { inputs }: Request): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const { name, type } of session.inputMetadata) {
    const input = inputs?.[name];
    if (input === undefined || !Array.isArray(input.data))
      throw new UsageError('ERR_OPTION_INVALID', `inputs.${name}: expected {dims, data}`);
    feeds[name] = new Tensor(type, input.data, input.dims ?? [input.data.length]);
  }
  return feeds;
}

/** Of both addons: each has a secret region of its own. Addresses as text: they are numbers of 64 bits. */
function secretRegions() {
  return [...secretMemoryReport().regions, ...tpmMemoryReport().regions];
}
