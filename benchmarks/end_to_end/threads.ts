/**
 * What more threads bring: latency of one inference with 1 thread, with 2, 4, ... and with as many as there are, beside onnxruntime
 * with the same number. After each sample both have time to put their threads to sleep, so that nobody's waiting threads take
 * processors from the other.
 */
import { availableParallelism } from 'node:os';
import { InferenceSession } from '../../src/index.js';
import { checkOutputs } from '../support/check_outputs.js';
import type { BenchmarkModel } from '../support/models.js';
import type { Onnxruntime, OrtSession } from '../support/onnxruntime.js';
import { formatSpread, type Spread } from '../support/statistics.js';
import { alignColumns } from '../support/table.js';
import { feedsOf, inTurns } from './latency.js';

/** onnxruntime's threads look for work for a while before they sleep. */
const PAUSE_MS = 20;
const SAMPLE_MS = 100;

export interface ThreadsResult {
  readonly model: string;
  readonly threads: number;
  /** Microseconds per call. */
  readonly runSync: Spread;
  readonly onnxruntime: Spread | null;
  /** Our median with 1 thread over that with this many; likewise onnxruntime's. */
  readonly speedup: number;
  readonly speedupOnnxruntime: number | null;
}

export async function measureThreads(
  model: BenchmarkModel,
  onnxruntime: Onnxruntime | null,
  rounds: number,
): Promise<ThreadsResult[]> {
  const inputs = model.cases[0]?.inputs ?? [];
  const feeds = feedsOf(inputs);
  const counts = threadCounts();
  const ours: InferenceSession[] = [];
  const theirs: OrtSession[] = [];
  try {
    for (const intraOpNumThreads of counts) {
      const session = await InferenceSession.create(model.path, { intraOpNumThreads });
      ours.push(session);
      checkOutputs(model, model.cases[0]?.name ?? '', session.runSync(feeds), model.cases[0]?.references ?? []);
      if (onnxruntime) theirs.push(await onnxruntime.create(model.path, model.quantised, intraOpNumThreads));
    }
    const ortFeeds = onnxruntime?.feeds(inputs) ?? {};
    const contestants = [
      ...ours.map((session) => () => session.runSync(feeds)),
      ...theirs.map((session) => () => session.run(ortFeeds)),
    ];
    const spreads = await inTurns(contestants, rounds, { sampleMs: SAMPLE_MS, pauseMs: PAUSE_MS });
    return counts.map((threads, i) => {
      const runSync = at(spreads, i);
      const other = theirs.length > 0 ? at(spreads, counts.length + i) : null;
      return {
        model: model.name,
        threads,
        runSync,
        onnxruntime: other,
        speedup: at(spreads, 0).median / runSync.median,
        speedupOnnxruntime: other ? at(spreads, counts.length).median / other.median : null,
      };
    });
  } finally {
    for (const session of [...ours, ...theirs]) await session.release();
  }
}

/** 1, 2, 4 and so on, and all. */
function threadCounts(): number[] {
  const all = availableParallelism();
  const counts: number[] = [];
  for (let count = 1; count < all; count *= 2) counts.push(count);
  return [...counts, all];
}

function at(spreads: readonly Spread[], index: number): Spread {
  const spread = spreads[index];
  if (!spread) throw new Error('unreachable: one spread per contestant');
  return spread;
}

export function threadsTable(results: readonly ThreadsResult[]): string[] {
  const header = ['model', 'threads', 'runSync, us', 'onnxruntime run, us', 'speed-up', 'onnxruntime', 'ratio'];
  const rows = results.map((result) => [
    result.model,
    String(result.threads),
    formatSpread(result.runSync),
    result.onnxruntime ? formatSpread(result.onnxruntime) : 'not installed',
    result.speedup.toFixed(2),
    result.speedupOnnxruntime?.toFixed(2) ?? '-',
    result.onnxruntime ? (result.onnxruntime.median / result.runSync.median).toFixed(2) : '-',
  ]);
  return alignColumns([header, ...rows]);
}
