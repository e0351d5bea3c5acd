import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

/** What a command said: its JSON on success, its typed error on refusal. */
export interface Outcome {
  code: number;
  output: Json;
}

/** The output of `sealedge … --json`: every command documents its own members. */
// biome-ignore lint/suspicious/noExplicitAny: data from another process, read member by member
export type Json = any;

/** Runs one `sealedge` command to its end, in a process of its own. */
export async function sealedge(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const child = spawn(process.execPath, [CLI, ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exitCode(child)]);
  try {
    return { code, output: JSON.parse(stdout) };
  } catch {
    throw new Error(`sealedge ${args.join(' ')} (exit code ${code}) printed no JSON: ${stdout}${stderr}`);
  }
}

/** As {@link sealedge}, for commands that must succeed. */
export async function succeed(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Json> {
  const { code, output } = await sealedge(args, env);
  if (code !== 0) throw new Error(`sealedge ${args.join(' ')} failed: ${JSON.stringify(output)}`);
  return output;
}

/** A process that stays and talks in lines of JSON: the verifier service, a device, onnxruntime. */
export class Companion {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #errors = '';

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    if (!this.#child.stdout || !this.#child.stderr) throw new Error('a companion needs pipes');
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#child.stderr.on('data', (chunk) => {
      this.#errors += chunk;
    });
  }

  static sealedge(args: readonly string[], env: NodeJS.ProcessEnv = {}): Companion {
    return new Companion([CLI, ...args, '--json'], env);
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** What it has written to standard error so far: for the verifier, its log. */
  get log(): string {
    return this.#errors;
  }

  /** The next line it prints. */
  async hear(): Promise<Json> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`process ended before it answered: ${this.#errors}`);
    return JSON.parse(value);
  }

  /** Sends one line and waits for the answer. */
  async ask(message: unknown): Promise<Json> {
    this.#child.stdin?.write(`${JSON.stringify(message)}\n`);
    return this.hear();
  }

  /** Repeatable. Asks it to end, then makes it. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.stdin?.end();
    this.#child.kill('SIGTERM');
    const impatient = setTimeout(() => this.#child.kill('SIGKILL'), 5_000);
    await exited;
    clearTimeout(impatient);
  }
}

function exitCode(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}
