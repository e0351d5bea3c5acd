/** `sealedge` as processes that tests start, listen to and kill. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What `npm run build` made, where it is no older than the sources: it starts several times faster than they do. */
function entry(): string[] {
  const built = join(ROOT, 'dist/src/cli/main.js');
  const newest = (directory: string): number =>
    Math.max(
      ...readdirSync(join(ROOT, directory), { recursive: true, withFileTypes: true })
        .filter((file) => file.isFile() && file.name.endsWith('.ts'))
        .map((file) => statSync(join(file.parentPath, file.name)).mtimeMs),
    );
  const sources = Math.max(newest('src'), newest('attestation'));
  return existsSync(built) && statSync(built).mtimeMs >= sources
    ? [built]
    : ['--import', 'tsx', join(ROOT, 'src/cli/main.ts')];
}

export const SEALEDGE = entry();

// biome-ignore lint/suspicious/noExplicitAny: JSON of another process, looked at member by member
export type Json = any;

export interface Outcome {
  /** null when it was killed. */
  code: number | null;
  output: Json;
  stderr: string;
}

export function startSealedge(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, [...SEALEDGE, ...args, '--json'], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/** Its whole output; the last line of stdout is the result. */
export async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout as NodeJS.ReadableStream),
    text(child.stderr as NodeJS.ReadableStream),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  const line = stdout.trim().split('\n').at(-1);
  return { code, output: line ? JSON.parse(line) : undefined, stderr };
}

export function sealedge(...args: string[]): Promise<Outcome> {
  return outcomeOf(startSealedge(args));
}

export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** `device run` computes in a child of its own: both are killed. */
export async function killTree({ pid }: ChildProcess): Promise<void> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').filter(Boolean);
  for (const one of [...children.map(Number), pid as number]) {
    try {
      process.kill(one, 'SIGKILL');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause;
    }
  }
}

/** A verifier that may be killed and started again on the same data. */
export class VerifierProcess {
  #child: ChildProcess | undefined;
  url = '';
  tokenFile = '';

  constructor(readonly data: string) {}

  async start(): Promise<void> {
    const child = startSealedge(['verifier', 'start', '--data', this.data, '--port', '0', '--log-level', 'error']);
    child.stderr?.pipe(process.stderr);
    this.#child = child;
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const [line] = (await Promise.race([
      once(lines, 'line'),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`verifier ended with ${code}`))),
    ])) as [string];
    ({ url: this.url, operatorTokenFile: this.tokenFile } = JSON.parse(line) as Json);
  }

  async kill(): Promise<void> {
    if (this.#child !== undefined) await kill(this.#child);
  }

  /** SIGTERM; returns its exit code. */
  async stop(): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    return ((await exited) as [number | null])[0];
  }
}
