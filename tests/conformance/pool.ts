import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { BackendName } from '../../src/index.js';
import type { ConformanceCase } from './cases.js';
import type { Outcome } from './run_case.js';

export interface PoolOptions {
  readonly jobs?: number;
  readonly caseLimitMs?: number;
  /** What each process runs: {@link file://./worker.ts}, or another in the tests of this file. */
  readonly worker?: string;
}

/** Outcomes by name of case, in the order of `cases`. A case that ends its process, or does not end, has failed. */
export async function runCases(
  cases: readonly ConformanceCase[],
  backend: BackendName,
  options: PoolOptions = {},
): Promise<Map<string, Outcome>> {
  const {
    jobs = availableParallelism(),
    caseLimitMs = 120_000,
    worker = join(import.meta.dirname, 'worker.ts'),
  } = options;
  const outcomes = new Map<string, Outcome | undefined>(cases.map(({ name }) => [name, undefined]));
  const waiting = [...cases];
  const work = async (): Promise<void> => {
    let child: ChildProcess | undefined;
    for (let subject = waiting.shift(); subject !== undefined; subject = waiting.shift()) {
      child ??= startWorker(worker);
      const outcome = await ask(child, { subject, backend }, caseLimitMs);
      outcomes.set(subject.name, outcome);
      if (!child.connected || child.exitCode !== null || child.killed) child = undefined;
    }
    child?.disconnect();
  };
  await Promise.all(Array.from({ length: Math.min(jobs, cases.length) }, work));
  return outcomes as Map<string, Outcome>;
}

function startWorker(worker: string): ChildProcess {
  return fork(worker, {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
}

function ask(child: ChildProcess, request: object, limitMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const finish = (outcome: Outcome): void => {
      clearTimeout(timer);
      child.off('message', finish);
      child.off('exit', died);
      resolve(outcome);
    };
    const died = (code: number | null, signal: string | null): void =>
      finish({ result: 'failed', detail: `ended its process: ${signal ?? `exit code ${code}`}` });
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      finish({ result: 'failed', detail: `not done after ${limitMs / 1000} s` });
    }, limitMs);
    child.on('message', finish);
    child.on('exit', died);
    child.send(request);
  });
}
