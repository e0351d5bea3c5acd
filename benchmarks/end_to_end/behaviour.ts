/**
 * What a session does to the program around it: how long the event loop stands still while it runs back to back, how much CPU time
 * an inference costs when there are few of them, and whether memory comes back after many sessions.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { InferenceSession } from '../../src/index.js';
import type { Feeds } from '../../src/types.js';
import { checkOutputs } from '../support/check_outputs.js';
import type { BenchmarkModel } from '../support/models.js';
import type { Onnxruntime } from '../support/onnxruntime.js';
import { alignColumns } from '../support/table.js';
import { feedsOf } from './latency.js';

const BUSY_MS = 3000;
const PAUSE_MS = 100;
const INFERENCES = 30;
const CYCLES = 200;

export interface BehaviourResult {
  readonly model: string;
  /**
   * Largest gap between two ticks of a timer of 1 ms, in milliseconds: while nothing runs, while ours does, while it does so into
   * tensors it is given (so that the garbage collector has nothing to do), while onnxruntime does.
   */
  readonly gapIdleMs: number;
  readonly gapMs: number;
  readonly gapPreallocatedMs: number;
  readonly gapOnnxruntimeMs: number | null;
  /** CPU time of the process per inference at 10 Hz, in milliseconds, with 1 thread and with all. */
  readonly cpuOneThreadMs: number;
  readonly cpuAllThreadsMs: number;
  /** Resident memory after 200 sessions over that before them. */
  readonly residentBeforeMib: number;
  readonly residentAfterMib: number;
}

export async function measureBehaviour(
  model: BenchmarkModel,
  onnxruntime: Onnxruntime | null,
): Promise<BehaviourResult> {
  const inputs = model.cases[0]?.inputs ?? [];
  const feeds = feedsOf(inputs);
  const session = await InferenceSession.create(model.path);
  const targets = await session.run(feeds);
  checkOutputs(model, model.cases[0]?.name ?? '', targets, model.cases[0]?.references ?? []);
  const gapIdleMs = await largestGap(() => new Promise((resolve) => setTimeout(resolve, 1)));
  const gapMs = await largestGap(() => session.run(feeds));
  const gapPreallocatedMs = await largestGap(() => session.run(feeds, targets));
  const cpuAllThreadsMs = await cpuPerInference(session, feeds);
  await session.release();
  const single = await InferenceSession.create(model.path, { intraOpNumThreads: 1 });
  const cpuOneThreadMs = await cpuPerInference(single, feeds);
  await single.release();
  const [residentBeforeMib, residentAfterMib] = await residentOverCycles(model, feeds);
  return {
    model: model.name,
    gapIdleMs,
    gapMs,
    gapPreallocatedMs,
    gapOnnxruntimeMs: onnxruntime ? await gapOfOnnxruntime(model, onnxruntime) : null,
    cpuOneThreadMs,
    cpuAllThreadsMs,
    residentBeforeMib,
    residentAfterMib,
  };
}

async function largestGap(call: () => Promise<unknown>): Promise<number> {
  await call();
  let largest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    largest = Math.max(largest, now - last);
    last = now;
  }, 1);
  const end = performance.now() + BUSY_MS;
  while (performance.now() < end) await call();
  clearInterval(timer);
  return largest;
}

async function gapOfOnnxruntime(model: BenchmarkModel, onnxruntime: Onnxruntime): Promise<number> {
  const theirs = await onnxruntime.create(model.path, model.quantised);
  const feeds = onnxruntime.feeds(model.cases[0]?.inputs ?? []);
  const gap = await largestGap(() => theirs.run(feeds));
  await theirs.release();
  return gap;
}

async function cpuPerInference(session: InferenceSession, feeds: Feeds): Promise<number> {
  const idle = await cpuOver(async () => undefined);
  return (await cpuOver(() => session.run(feeds))) - idle;
}

/** Milliseconds of CPU time per call at 10 Hz, the timer's own included. */
async function cpuOver(call: () => Promise<unknown>): Promise<number> {
  await call();
  const before = process.cpuUsage();
  for (let i = 0; i < INFERENCES; i += 1) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    await call();
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / INFERENCES;
}

async function residentOverCycles(model: BenchmarkModel, feeds: Feeds): Promise<[number, number]> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const cycle = async () => {
    const session = await InferenceSession.create(model.path);
    await session.run(feeds);
    await session.release();
  };
  const resident = async () => {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 50));
    collect();
    return process.memoryUsage.rss() / 2 ** 20;
  };
  for (let i = 0; i < 5; i += 1) await cycle();
  const before = await resident();
  for (let i = 0; i < CYCLES; i += 1) await cycle();
  return [before, await resident()];
}

export function behaviourTable(results: readonly BehaviourResult[]): string[] {
  const header = [
    'model',
    'gap idle, ms',
    'gap, ms',
    'preallocated, ms',
    'gap onnxruntime, ms',
    'CPU at 10 Hz: 1 thread, ms',
    'all threads, ms',
    `RSS before, MiB`,
    `after ${CYCLES} sessions`,
  ];
  const rows = results.map((result) => [
    result.model,
    result.gapIdleMs.toFixed(1),
    result.gapMs.toFixed(1),
    result.gapPreallocatedMs.toFixed(1),
    result.gapOnnxruntimeMs?.toFixed(1) ?? '-',
    result.cpuOneThreadMs.toFixed(2),
    result.cpuAllThreadsMs.toFixed(2),
    result.residentBeforeMib.toFixed(0),
    `${result.residentAfterMib.toFixed(0)} (${(100 * (result.residentAfterMib / result.residentBeforeMib - 1)).toFixed(1)} %)`,
  ]);
  return alignColumns([header, ...rows]);
}
