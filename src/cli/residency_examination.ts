/**
 * Runs a model in a process of its own and asks that process where the weights are. This one may seal the model first, so it has
 * seen the weights; the other gets the sealed file and, through a pipe, the key.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type ContentKeyFile, keyPayload, parseKeyFile } from '../container/key_file.js';
import { generatePublisherKey, parsePublisherPrivateKey } from '../container/publisher_key.js';
import { sealModel } from '../container/seal.js';
import { InternalError, type SealedgeErrorOptions, UsageError } from '../errors.js';
import { looksSealed, modelSource } from '../runtime/model_source.js';
import { systemReason } from '../system_error.js';
import type { ResidencyScan, SessionResidency } from '../types.js';
import { parseFile } from './files.js';

/** `address` of hits has become text on its way. */
export interface ResidencyExamination extends Omit<SessionResidency, 'scan'> {
  readonly scans: readonly { readonly when: string; readonly scan: ResidencyScan }[];
  /** Why the model was only loaded. */
  readonly notRun?: string;
}

/** Every scan found its control and nothing else, and all weights are in secret memory. */
export function isResident({ scans, weightBytes, secretBytes }: ResidencyExamination): boolean {
  return secretBytes === weightBytes && scans.every(({ scan }) => scan.controlFound && scan.hitCount === 0);
}

export async function examineResidency(
  model: string,
  keyPath: string | undefined,
  inputs: readonly string[],
  progress: (line: string) => void,
): Promise<ResidencyExamination> {
  const folder = await mkdtemp(join(tmpdir(), 'sealedge-doctor-'));
  try {
    const { sealedPath, key } = await sealedForm(model, keyPath, folder, progress);
    progress('loading and running it in a process of its own');
    return await askHolder(sealedPath, keyPayload(key), inputs);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function sealedForm(
  model: string,
  keyPath: string | undefined,
  folder: string,
  progress: (line: string) => void,
): Promise<{ sealedPath: string; key: ContentKeyFile }> {
  const readable = await open(model).catch((cause: Error) => {
    throw new UsageError('ERR_FILE_UNREADABLE', `cannot read ${model}: ${systemReason(cause)}`, {
      cause,
      fields: { path: model },
    });
  });
  await readable.close();
  if (await looksSealed(modelSource(model))) {
    if (keyPath === undefined)
      throw new UsageError('ERR_OPTION_INVALID', '--key: expected the content key of the sealed model, got none');
    return { sealedPath: model, key: await parseFile(keyPath, parseKeyFile) };
  }
  if (keyPath !== undefined)
    throw new UsageError('ERR_OPTION_INVALID', `--key: ${model} is not sealed; expected no key`);
  progress(`sealing ${model} for this examination`);
  const sealedPath = join(folder, 'model.sealed');
  const publisherKey = parsePublisherPrivateKey(generatePublisherKey().privateKeyPem);
  const label = { name: 'doctor', version: 1, keyPath: join(folder, 'model.key') };
  const { keyFile } = await sealModel(model, sealedPath, { publisherKey, ...label });
  return { sealedPath, key: keyFile };
}

/** The same program again, without the debugger. The payload is the only thing on its stdin. */
async function askHolder(
  sealedPath: string,
  payload: Uint8Array,
  inputs: readonly string[],
): Promise<ResidencyExamination> {
  const [, script = ''] = process.argv;
  const options = process.execArgv.filter((option) => !option.startsWith('--inspect'));
  const args = [
    script,
    'doctor',
    '--holder',
    '--residency',
    sealedPath,
    ...inputs.flatMap((input) => ['--input', input]),
  ];
  const holder = spawn(process.execPath, [...options, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  holder.stdin.on('error', () => undefined); // it may end before it reads; its exit says so
  holder.stdin.end(payload);
  const [answer] = await Promise.all([
    text(holder.stdout),
    new Promise((resolve, reject) => {
      holder.once('error', reject);
      holder.once('close', resolve);
    }),
  ]);
  const { error, ...examination } = parseAnswer(answer);
  if (error === undefined) return examination;
  throw Object.assign(new Error(error.message), error);
}

type Answer = ResidencyExamination & { error?: { name: string; code: string; message: string } & SealedgeErrorOptions };

function parseAnswer(answer: string): Answer {
  try {
    return JSON.parse(answer) as Answer;
  } catch (cause) {
    throw new InternalError('ERR_INTERNAL', 'the process that held the model ended without an answer', { cause });
  }
}
