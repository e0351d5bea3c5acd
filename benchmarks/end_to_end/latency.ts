/**
 * Latency of one inference, against onnxruntime-node in the same process: one thread each, samples taken in turns so that a clock
 * or a neighbour that drifts meets both alike. Outputs of every case are checked before anything is timed.
 */
import { setTimeout } from 'node:timers/promises';
import { InferenceSession, Tensor } from '../../src/index.js';
import { checkOutputs } from '../support/check_outputs.js';
import { repetitionsFor, timed } from '../support/clock.js';
import type { BenchmarkModel, NamedArray } from '../support/models.js';
import { type Onnxruntime, type OrtSession, referencesOf } from '../support/onnxruntime.js';
import { formatSpread, type Spread, spreadOf } from '../support/statistics.js';
import { alignColumns } from '../support/table.js';

const SAMPLE_MS = 20;

export interface LatencyResult {
  readonly model: string;
  /** Microseconds per call. */
  readonly runSync: Spread;
  readonly run: Spread;
  readonly onnxruntime: Spread | null;
  /** onnxruntime's median over ours: above 1, ours is faster. Of `runSync`, and of `run`. */
  readonly ratioSync: number | null;
  readonly ratio: number | null;
}

export async function measureLatency(
  model: BenchmarkModel,
  onnxruntime: Onnxruntime | null,
  rounds: number,
): Promise<LatencyResult> {
  const ours = await InferenceSession.create(model.path, { intraOpNumThreads: 1 });
  const theirs = (await onnxruntime?.create(model.path, model.quantised)) ?? null;
  try {
    await checkEveryCase(model, ours, theirs, onnxruntime);
    const inputs = model.cases[0]?.inputs ?? [];
    const feeds = feedsOf(inputs);
    const contestants: (() => unknown)[] = [() => ours.runSync(feeds), () => ours.run(feeds)];
    if (theirs && onnxruntime) {
      const ortFeeds = onnxruntime.feeds(inputs);
      contestants.push(() => theirs.run(ortFeeds));
    }
    const [runSync, run, other] = await inTurns(contestants, rounds);
    if (!runSync || !run) throw new Error('unreachable: two contestants at least');
    return {
      model: model.name,
      runSync,
      run,
      onnxruntime: other ?? null,
      ratioSync: other ? other.median / runSync.median : null,
      ratio: other ? other.median / run.median : null,
    };
  } finally {
    await ours.release();
    await theirs?.release();
  }
}

async function checkEveryCase(
  model: BenchmarkModel,
  ours: InferenceSession,
  theirs: OrtSession | null,
  onnxruntime: Onnxruntime | null,
): Promise<void> {
  for (const entry of model.cases) {
    const references = entry.references ?? (theirs && onnxruntime && (await referencesOf(theirs, onnxruntime, entry)));
    const feeds = feedsOf(entry.inputs);
    checkOutputs(model, entry.name, ours.runSync(feeds), references ?? []);
    checkOutputs(model, entry.name, await ours.run(feeds), references ?? []);
  }
}

export function feedsOf(inputs: readonly NamedArray[]): Record<string, Tensor> {
  return Object.fromEntries(inputs.map(({ name, type, data, dims }) => [name, new Tensor(type, data, dims)]));
}

/**
 * Each contestant's microseconds per call; a sample is as many calls as take about `sampleMs`. With a pause before it, a sample is also
 * preceded by as many calls that are not timed: processors that have slept come back slowly.
 */
export async function inTurns(
  contestants: readonly (() => unknown)[],
  rounds: number,
  { sampleMs = SAMPLE_MS, pauseMs = 0 } = {},
): Promise<Spread[]> {
  const repetitions: number[] = [];
  for (const call of contestants) repetitions.push(await repetitionsFor(call, sampleMs));
  const samples: number[][] = contestants.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [i, call] of contestants.entries()) {
      const count = repetitions[i] ?? 1;
      if (pauseMs > 0) {
        await setTimeout(pauseMs);
        for (let n = 0; n < count; n += 1) await call();
      }
      const ms = await timed(async () => {
        for (let n = 0; n < count; n += 1) await call();
      });
      samples[i]?.push((ms * 1000) / count);
    }
  }
  return samples.map(spreadOf);
}

export function latencyTable(results: readonly LatencyResult[]): string[] {
  const header = ['model', 'runSync, us', 'run, us', 'onnxruntime run, us', 'ratio runSync', 'ratio run'];
  const rows = results.map((result) => [
    result.model,
    formatSpread(result.runSync),
    formatSpread(result.run),
    result.onnxruntime ? formatSpread(result.onnxruntime) : 'not installed',
    result.ratioSync?.toFixed(2) ?? '-',
    result.ratio?.toFixed(2) ?? '-',
  ]);
  return alignColumns([header, ...rows]);
}
