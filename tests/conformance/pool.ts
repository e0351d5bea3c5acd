import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { BackendName } from '../../src/index.js';
import type { ConformanceCase } from './cases.js';
import type { Outcome } from './run_case.js';

export interface PoolOptions {
  readonly jobs?: number;
  readonly limitMs?: number;
  /** What each process runs: answers every message with another one. */
  readonly worker?: string;
}

/** Outcomes by name of case, in the order of `cases`. A case that ends its process, or does not end, has failed. */
export function runCases(
  cases: readonly ConformanceCase[],
  backend: BackendName,
  { worker = join(import.meta.dirname, 'worker.ts'), ...options }: PoolOptions = {},
): Promise<Map<string, Outcome>> {
  const requests = new Map(cases.map((subject) => [subject.name, { subject, backend }]));
  return askWorkers<Outcome>(requests, (detail) => ({ result: 'failed', detail }), { worker, ...options });
}

/** One answer for every request, in their order, from as many processes as are useful; `broken` stands for those without. */
export async function askWorkers<Answer>(
  requests: ReadonlyMap<string, object>,
  broken: (detail: string) => Answer,
  { jobs = availableParallelism(), limitMs = 120_000, worker }: PoolOptions & { readonly worker: string },
): Promise<Map<string, Answer>> {
  const answers = new Map<string, Answer | undefined>([...requests.keys()].map((name) => [name, undefined]));
  const waiting = [...requests];
  const work = async (): Promise<void> => {
    let child: ChildProcess | undefined;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [name, request] = next;
      child ??= startWorker(worker);
      answers.set(name, await ask(child, request, broken, limitMs));
      if (!child.connected || child.exitCode !== null || child.killed) child = undefined;
    }
    child?.disconnect();
  };
  await Promise.all(Array.from({ length: Math.min(jobs, requests.size) }, work));
  return answers as Map<string, Answer>;
}

/** npm run test:arm64 names another Node, behind an emulator: a JSON list of a program and its arguments. */
function startWorker(worker: string): ChildProcess {
  const other = process.env.SEALEDGE_WORKER_NODE;
  const [execPath, ...execArgv] = other === undefined ? [process.execPath, '--import', 'tsx'] : JSON.parse(other);
  return fork(worker, { execPath, execArgv, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
}

function ask<Answer>(
  child: ChildProcess,
  request: object,
  broken: (detail: string) => Answer,
  limitMs: number,
): Promise<Answer> {
  return new Promise((resolve) => {
    const finish = (answer: Answer): void => {
      clearTimeout(timer);
      child.off('message', answered);
      child.off('exit', died);
      resolve(answer);
    };
    const answered = (answer: unknown): void => finish(answer as Answer);
    const died = (code: number | null, signal: string | null): void =>
      finish(broken(`ended its process: ${signal ?? `exit code ${code}`}`));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      finish(broken(`not done after ${limitMs / 1000} s`));
    }, limitMs);
    child.on('message', answered);
    child.on('exit', died);
    child.send(request);
  });
}
