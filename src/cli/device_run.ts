/**
 * `sealedge device run`: unseals the key of a sealed model, loads it, and computes. The key goes from the TPM to the engine as a
 * handle; this process sees neither key nor weights.
 */
import { open } from 'node:fs/promises';
import { url as inspectorUrl } from 'node:inspector';
import { type Command, Option } from 'commander';
import { Tpm } from 'node-tpm2-tss';
import { requirePins } from '../../attestation/attester/pins.js';
import { type CounterReport, settleCounter } from '../../attestation/attester/rollback.js';
import { StateDirectory } from '../../attestation/attester/state_directory.js';
import { unsealKey } from '../../attestation/attester/unseal.js';
import { SealedFileParser } from '../container/file_parser.js';
import type { Manifest } from '../container/manifest.js';
import { ContainerError, UsageError } from '../errors.js';
import { InferenceSession, type Results } from '../index.js';
import { runInCleanProcess } from './clean_process.js';
import { type DeviceOptions, deviceCommand } from './device_common.js';
import { serve } from './device_serve.js';
import { readInputTensor } from './input_tensor.js';
import { createOutput, type Output } from './output.js';
import { measure, plainOutputs } from './run_model.js';

const CLEAN_MARKER = '--in-clean-process';

interface RunOptions extends DeviceOptions {
  input?: string[];
  serve?: boolean;
  repeat: string;
  threads: string;
  inCleanProcess?: boolean;
}

export function registerDeviceRun(device: Command): void {
  deviceCommand(device.command('run <model>'))
    .description('unseal the key of a sealed model, load it into secret memory, and run it on an input')
    .option('--input <file...>', '[name=]file.csv, .npy or .bin; one per input of the model')
    .option('--serve', 'stay, and answer lines of JSON on stdin: {"inputs": {name: {dims, data}}, "repeat"?: number}')
    .option('--repeat <number>', 'run so often and report the median latency', '1')
    .option('--threads <number>', 'native threads; 0 for all', '0')
    .addOption(new Option(CLEAN_MARKER).hideHelp())
    .action(async (model: string, options: RunOptions) => {
      if (options.inCleanProcess === true) await run(model, options);
      else process.exitCode = await runInCleanProcess(CLEAN_MARKER);
    });
}

async function run(path: string, options: RunOptions): Promise<void> {
  const output = createOutput(options.json === true);
  closeInspector();
  const repeat = parseCount('repeat', options.repeat, 1);
  const intraOpNumThreads = parseCount('threads', options.threads, 0);
  const manifest = await readManifest(path);
  if ((options.input === undefined) === (options.serve !== true))
    throw new UsageError('ERR_OPTION_INVALID', 'pass either --input or --serve');
  const { session, ...how } = await load(path, manifest, options, output, intraOpNumThreads);
  const loaded = { model: manifest.model, memory: session.memory, ...how };
  try {
    if (options.input === undefined) {
      await serve(session, loaded);
      return;
    }
    const feeds = await readInputTensor(options.input, session.inputMetadata);
    output.progress(`running ${manifest.model.name} version ${manifest.model.version}`);
    const { results, latencyUs } = await measure(session, feeds, repeat);
    const text = shown(results, latencyUs.median / 1_000, session.memory);
    output.result(text, { ...loaded, outputs: plainOutputs(results), latencyUs, repeat });
  } finally {
    await session.release();
  }
}

interface Loaded {
  session: InferenceSession;
  counter: CounterReport;
  timing: { unsealMs: number; loadMs: number; counterMs: number };
}

async function load(
  path: string,
  manifest: Manifest,
  options: RunOptions,
  output: Output,
  intraOpNumThreads: number,
): Promise<Loaded> {
  const directory = await StateDirectory.open(options.dir);
  const pins = await requirePins(directory);
  const tpm = await Tpm.open({ tcti: options.tcti });
  try {
    output.progress('unsealing the key in the TPM');
    const keyId = manifest.keyId.toString('hex');
    const [{ key, terms }, unsealMs] = await timed(() => unsealKey({ tpm, directory, pins, keyId }));
    output.progress('loading into secret memory');
    const [session, loadMs] = await timed(() => InferenceSession.create(path, { key, intraOpNumThreads })).finally(() =>
      key.close(),
    );
    try {
      // Only now: a version that does not load must not lock out the one that did.
      const [counter, counterMs] = await timed(() => settleCounter(tpm, pins, terms));
      if (counter.increments > 0) output.progress(`rollback counter advanced to ${counter.value}`);
      return { session, counter, timing: { unsealMs, loadMs, counterMs } };
    } catch (cause) {
      await session.release();
      throw cause;
    }
  } finally {
    await tpm.close();
  }
}

async function timed<T>(body: () => Promise<T>): Promise<[result: T, milliseconds: number]> {
  const begin = performance.now();
  return [await body(), performance.now() - begin];
}

/** Node opens its inspector on SIGUSR1 unless somebody else takes the signal; open already, it is not to see a key come. */
function closeInspector(): void {
  process.on('SIGUSR1', () => {});
  if (inspectorUrl() !== undefined)
    throw new UsageError('ERR_OPTION_INVALID', 'the inspector of this process is open', {
      fields: { hint: 'start without --inspect' },
    });
}

const READ_BYTES = 64 * 1024;
const MAX_FRONT_BYTES = (1 << 20) + READ_BYTES;

/** The signed statement at the front of the file, to know which key it needs. The engine checks the file again, by itself. */
async function readManifest(path: string): Promise<Manifest> {
  let manifest: Manifest | undefined;
  const parser = new SealedFileParser({
    manifest: (found) => {
      manifest = found;
    },
    segmentData: () => {},
  });
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path);
  } catch (cause) {
    throw new UsageError('ERR_FILE_UNREADABLE', `cannot read ${path}`, { cause });
  }
  try {
    const buffer = Buffer.alloc(READ_BYTES);
    for (let position = 0; manifest === undefined && position < MAX_FRONT_BYTES; ) {
      const { bytesRead } = await file.read(buffer, 0, READ_BYTES, position);
      if (bytesRead === 0) break;
      parser.push(buffer.subarray(0, bytesRead));
      position += bytesRead;
    }
  } finally {
    await file.close();
  }
  if (manifest === undefined)
    throw new ContainerError('ERR_TRUNCATED', `${path} ends before its signed statement does`);
  return manifest;
}

const SHOWN_VALUES = 10;

function shown(results: Results, latencyMs: number, memory: InferenceSession['memory']): string {
  const lines = Object.entries(results).map(([name, { type, dims, data }]) => {
    const values = Array.from(data.slice(0, SHOWN_VALUES) as ArrayLike<unknown>, (value) =>
      typeof value === 'number' ? value.toPrecision(6) : String(value),
    );
    return `${name}: ${type} [${dims.join(', ')}] ${values.join(' ')}${data.length > SHOWN_VALUES ? ' ...' : ''}`;
  });
  return [...lines, `latency ${latencyMs.toFixed(3)} ms, memory ${memory.level}`].join('\n');
}

function parseCount(name: string, text: string, min: number): number {
  if (!/^\d{1,6}$/.test(text) || Number(text) < min)
    throw new UsageError('ERR_OPTION_INVALID', `${name}: expected a number from ${min}, got ${text}`);
  return Number(text);
}
