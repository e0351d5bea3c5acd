import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { keyProbes } from '../../tools/residency/key_probes.js';
import { readInitializers } from '../../tools/residency/onnx_initializers.js';
import { runScanner } from '../../tools/residency/run_scanner.js';
import type { SecretRegion } from '../../tools/residency/scan.js';
import { weightProbes } from '../../tools/residency/weight_probes.js';
import { MOTOR_MODEL } from './motor.js';
import { Companion, type Json, succeed } from './processes.js';
import type { SealedModel } from './publisher.js';
import type { Latencies, Residency } from './report.js';
import type { Workshop } from './workshop.js';

const ROUNDS = 5;
const RUNS_PER_ROUND = 100;
const WEIGHT_PROBES = 64;

export interface Onnxruntime {
  /** Stays until the workshop closes, for the scanner's positive control. */
  process: Companion;
  loadMs: number;
}

export async function startOnnxruntime(workshop: Workshop): Promise<Onnxruntime> {
  const script = fileURLToPath(new URL('onnxruntime_process.ts', import.meta.url));
  const process = workshop.adopt(new Companion(['--import', 'tsx', script, MOTOR_MODEL]));
  const { loadMs } = await process.hear();
  return { process, loadMs };
}

export interface Comparison {
  outputs: { sealedge: number[]; onnxruntime: number[] };
  maxAbsoluteDifference: number;
  latencyUs: Latencies;
}

/** The same input to the sealed model on the device and to the plain one in onnxruntime, in turns, one thread each; the best round counts. */
export async function compareLatency(
  device: Companion,
  { process }: Onnxruntime,
  input: number[],
): Promise<Comparison> {
  const request = { inputs: { vibration: { dims: [1, 1, input.length], data: input } }, repeat: RUNS_PER_ROUND };
  let sync: Json;
  let run: Json;
  let theirs: Json;
  const faster = (a: Json, b: Json): Json => (a && a.latencyUs.median <= b.latencyUs.median ? a : b);
  for (let round = 0; round < ROUNDS; round += 1) {
    sync = faster(sync, await device.ask({ ...request, sync: true }));
    run = faster(run, await device.ask(request));
    theirs = faster(theirs, await process.ask({ input, repeat: RUNS_PER_ROUND }));
  }
  const outputs = { sealedge: sync.outputs.probabilities.data as number[], onnxruntime: theirs.outputs as number[] };
  const differences = outputs.sealedge.map((value, i) => Math.abs(value - (outputs.onnxruntime[i] ?? Number.NaN)));
  return {
    outputs,
    maxAbsoluteDifference: Math.max(...differences),
    latencyUs: { sealedgeRunSync: sync.latencyUs, sealedgeRun: run.latencyUs, onnxruntimeRun: theirs.latencyUs },
  };
}

/**
 * Scans the device process for weights and keys, and the onnxruntime process to show that the scan finds what is there. `pid`: of the
 * process that holds the secrets, a child of the command.
 */
export async function inspectResidency(
  { device, pid }: { device: Companion; pid: number },
  control: Companion,
  sealed: SealedModel,
): Promise<Residency> {
  const weights = weightProbes(readInitializers(readFileSync(MOTOR_MODEL)), WEIGHT_PROBES);
  const { contentKey } = JSON.parse(readFileSync(sealed.keyFile, 'utf8'));
  const { segments } = await succeed(['inspect', sealed.file]);
  const ids = segments.map(({ id }: { id: string }) => Buffer.from(id, 'hex'));
  const probes = [...weights, ...keyProbes(Buffer.from(contentKey, 'hex'), ids)];
  const { secretRegions } = await device.ask({ report: true });
  const regions: SecretRegion[] = secretRegions.map(({ begin, sizeBytes, purpose }: Json) => ({
    begin: Number(begin),
    sizeBytes,
    purpose,
  }));

  const [scan, controlScan] = [await runScanner(pid, probes, regions), await runScanner(control.pid, weights, [])];
  return {
    probes: probes.length,
    mappings: scan.mappings,
    megabytesRead: scan.bytesRead / 1e6,
    hits: scan.hits.length,
    unreadableRegions: scan.unreadable.length,
    unexplained: scan.unreadableNotRegistered.length,
    controlHits: new Set(controlScan.hits.map(({ probe }) => probe)).size,
  };
}
