/**
 * `sealedge device run`: unseals the key of a sealed model, loads it, and computes. The key goes from the TPM to the engine as a
 * handle; this process sees neither key nor weights.
 */
import { type Command, Option } from 'commander';
import { openOnDevice } from '../device/open_on_device.js';
import { UsageError } from '../errors.js';
import type { InferenceSession, Results, SessionResidency } from '../index.js';
import { CLEAN_MARKER, closeInspector, runInCleanProcess } from './clean_process.js';
import { type DeviceOptions, deviceCommand } from './device_common.js';
import { serve } from './device_serve.js';
import { EXIT_CODES } from './exit_codes.js';
import { humanBytes } from './human.js';
import { feedsOf, readInputFiles } from './input_tensor.js';
import { createOutput } from './output.js';
import { measure, plainOutputs } from './run_model.js';

interface RunOptions extends DeviceOptions {
  input?: string[];
  serve?: boolean;
  repeat: string;
  threads: string;
  residency?: boolean;
  inCleanProcess?: boolean;
}

export function registerDeviceRun(device: Command): void {
  deviceCommand(device.command('run <model>'))
    .description('unseal the key of a sealed model, load it into secret memory, and run it on an input')
    .option('--input <file...>', '[name=]file.csv, .npy or .bin; one per input of the model')
    .option('--serve', 'stay, and answer lines of JSON on stdin: {"inputs": {name: {dims, data}}, "repeat"?: number}')
    .option('--repeat <number>', 'run so often and report the median latency', '1')
    .option('--residency', 'also look for the weights outside secret memory, after the run')
    .option('--threads <number>', 'native threads; 0 for all', '0')
    .addOption(new Option(CLEAN_MARKER).hideHelp())
    .action(async (model: string, options: RunOptions) => {
      if (options.inCleanProcess === true) await run(model, options);
      else process.exitCode = await runInCleanProcess();
    });
}

async function run(path: string, options: RunOptions): Promise<void> {
  const output = createOutput(options.json === true);
  closeInspector();
  const repeat = parseCount('repeat', options.repeat, 1);
  const intraOpNumThreads = parseCount('threads', options.threads, 0);
  if ((options.input === undefined) === (options.serve !== true))
    throw new UsageError('ERR_OPTION_INVALID', 'pass either --input or --serve');
  const files = await readInputFiles(options.input ?? []);
  const { dir: directory, tcti } = options;
  const onProgress = (line: string) => output.progress(line);
  const { session, ...how } = await openOnDevice(path, { directory, tcti, intraOpNumThreads, onProgress });
  const loaded = { memory: session.memory, ...how };
  try {
    if (options.input === undefined) {
      await serve(session, loaded);
      return;
    }
    const feeds = feedsOf(files, session.inputMetadata);
    output.progress(`running ${how.model.name} version ${how.model.version}`);
    const { results, latencyUs } = await measure(session, feeds, repeat);
    const residency = options.residency === true ? await session.residency({ scan: true }) : undefined;
    const text = [shown(results, latencyUs.median / 1_000, session.memory), ...(residency ? [scanned(residency)] : [])];
    output.result(text.join('\n'), { ...loaded, outputs: plainOutputs(results), latencyUs, repeat, residency });
    if (residency?.scan && !(residency.scan.controlFound && residency.scan.hitCount === 0))
      process.exitCode = EXIT_CODES.memory;
  } finally {
    await session.release();
  }
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

function scanned({ scan, weightBytes, secretBytes }: SessionResidency): string {
  const where = `${humanBytes(secretBytes)} of ${humanBytes(weightBytes)} weights in secret memory`;
  return `residency: ${where}; ${scan?.probes} probes in ${humanBytes(scan?.bytesRead ?? 0)}, ${scan?.hitCount} found`;
}

function parseCount(name: string, text: string, min: number): number {
  if (!/^\d{1,6}$/.test(text) || Number(text) < min)
    throw new UsageError('ERR_OPTION_INVALID', `${name}: expected a number from ${min}, got ${text}`);
  return Number(text);
}
