/** The process that `sealedge doctor --residency` asks: gets a key on stdin, loads the sealed model, runs it, and reports on itself. */
import { readSync } from 'node:fs';
import { InferenceSession, secretFromBytes, Tensor } from '../index.js';
import { dataTypeOf } from '../runtime/data_types.js';
import type { Feeds, ResidencyScan, SecretHandle, ValueMetadata } from '../types.js';
import { readInputTensor } from './input_tensor.js';
import { createOutput } from './output.js';

const RUNS = 3;
const STDIN = 0;

/** Prints one line of JSON: an examination, or `{error}`. */
export async function holdModel(sealedPath: string, inputs: readonly string[]): Promise<void> {
  const output = createOutput(true);
  try {
    output.result('', await examine(sealedPath, inputs));
  } catch (error) {
    const { name, code, message, fields } = error as Error & { code?: string; fields?: object };
    output.result('', { error: { name, code, message, fields } });
  }
}

async function examine(sealedPath: string, inputs: readonly string[]): Promise<object> {
  const key = readKey();
  const session = await InferenceSession.create(sealedPath, { key });
  try {
    const scans: { when: string; scan: ResidencyScan | null }[] = [];
    const look = async (when: string) => {
      const { scan, ...where } = await session.residency({ scan: true, key });
      scans.push({ when, scan });
      return where;
    };
    let where = await look('loaded');
    const notRun = await runMeanwhile(session, inputs, () => look('running'));
    if (notRun === undefined) where = await look('after runs');
    return { ...where, scans, ...(notRun === undefined ? {} : { notRun }) };
  } finally {
    await session.release();
    key.close();
  }
}

/** Runs the model again and again until `look` is done. Returns why it cannot be run, if so. */
async function runMeanwhile(
  session: InferenceSession,
  inputs: readonly string[],
  look: () => Promise<unknown>,
): Promise<string | undefined> {
  const feeds =
    inputs.length > 0
      ? await readInputTensor(inputs, session.inputMetadata)
      : Object.fromEntries(session.inputMetadata.map((input) => [input.name, randomTensor(input)]));
  try {
    await session.run(feeds);
  } catch (error) {
    // Inputs that somebody chose must fit; random ones need not.
    if (inputs.length > 0) throw error;
    return `${(error as Error).message}; give its inputs with --input`;
  }
  let looked = false;
  const looking = look().finally(() => {
    looked = true;
  });
  for (let i = 0; i < RUNS || !looked; i++) await session.run(feeds as Feeds);
  await looking;
  return undefined;
}

/** Free dimensions become one. Small integers only: they may be indices. */
function randomTensor({ type, shape }: ValueMetadata): Tensor {
  const dims = shape.map((dim) => (typeof dim === 'number' && dim >= 0 ? dim : 1));
  const size = dims.reduce((product, dim) => product * dim, 1);
  const row = dataTypeOf(type);
  if (row === undefined) return new Tensor(type, [], dims);
  const data = new row.array(size);
  const big = data instanceof BigInt64Array || data instanceof BigUint64Array;
  const float = type === 'float32' || type === 'float64';
  for (let i = 0; i < size; i++) data[i] = big ? 0n : float ? Math.random() : Math.round(Math.random());
  return new Tensor(type, data, dims);
}

/** In ordinary memory for an instant only, and the one copy is wiped: a device gets its key from the TPM instead. */
function readKey(): SecretHandle {
  const bytes = new Uint8Array(new ArrayBuffer(256));
  let length = 0;
  for (let got = -1; got !== 0; length += got) got = readSync(STDIN, bytes, length, bytes.length - length, null);
  const key = secretFromBytes(bytes.subarray(0, length));
  bytes.fill(0);
  return key;
}
