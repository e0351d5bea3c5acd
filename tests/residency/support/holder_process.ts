import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { SessionResidency } from '../../../src/types.js';
import type { SecretRegion } from '../../../tools/residency/scan.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const inSupport = (script: string): string => fileURLToPath(new URL(script, import.meta.url));
const HOLDER = inSupport('holder.mjs');
const CHECKPOINT_FD = 3;

export type MemoryLevel = 'secretmem' | 'locked';
export const MEMORY_LEVELS: readonly MemoryLevel[] = ['secretmem', 'locked'];

/**
 * Runs a program as an ordinary user: the owner of this checkout, who can read it wherever it lies, without any capability. Root
 * is made ordinary by that too.
 */
export const UNPRIVILEGED: readonly string[] = (() => {
  const { uid, gid } = statSync(ROOT);
  const user = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  return ['setpriv', ...user, '--inh-caps=-all', '--bounding-set=-all', '--'];
})();

/** The build with checkpoints and deliberate leaks, and the one that ships. */
const TEST_HOOKS_BUILD = process.env.SEALEDGE_TESTHOOKS_BUILD ?? `${ROOT}native/build/release/testhooks`;

export interface HolderOptions {
  level?: MemoryLevel;
  payloadFile?: string;
  sealedFile?: string;
  /** Another program of support/ than holder.mjs, with arguments of its own. */
  program?: { script: string; args: readonly string[] };
  /** Stop at the named checkpoints of the test build. */
  checkpoints?: boolean;
  leak?: 'weights';
  /** Do not close the key after loading. */
  keepsKey?: boolean;
  /** Run under another program, such as prlimit. */
  wrapper?: readonly string[];
}

interface HolderMessage {
  event?: string;
  level?: string;
  reason?: string;
  regions?: { begin: string; sizeBytes: number; purpose: string }[];
  residency?: SessionResidency;
  error?: { name: string; code: string; message: string; fields: Record<string, unknown> };
}

/** A holder (holder.mjs) as a child process. */
export class HolderProcess {
  readonly child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #awaited: { name: string; reached: () => void } | undefined;
  errors = '';

  constructor({
    level,
    payloadFile,
    sealedFile,
    program: other,
    checkpoints,
    leak,
    keepsKey,
    wrapper = [],
  }: HolderOptions) {
    const files = [payloadFile, sealedFile].filter((file) => file !== undefined);
    const node = [process.execPath, ...(other ? [inSupport(other.script), ...other.args] : [HOLDER, ...files])];
    const [program = '', ...args] = [...wrapper, ...node];
    this.child = spawn(program, args, {
      cwd: ROOT,
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      env: {
        ...process.env,
        ...(level ? { SEALEDGE_MEMORY: level } : {}),
        ...(checkpoints || leak ? { SEALEDGE_NATIVE_BUILD: TEST_HOOKS_BUILD } : {}),
        ...(checkpoints ? { SEALEDGE_CHECKPOINT_FD: String(CHECKPOINT_FD) } : {}),
        ...(leak ? { SEALEDGE_LEAK: leak } : {}),
        ...(keepsKey ? { HOLDER_KEEPS_KEY: '1' } : {}),
      },
    });
    if (!this.child.stdout) throw new Error('holder has no stdout');
    this.#lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    this.child.stderr?.on('data', (chunk) => {
      this.errors += chunk;
    });
    createInterface({ input: this.#checkpointSocket }).on('line', (name) => this.#arrived(name));
  }

  get pid(): number {
    return this.child.pid as number;
  }

  get #checkpointSocket(): Duplex {
    return this.child.stdio[CHECKPOINT_FD] as Duplex;
  }

  async hear(): Promise<HolderMessage> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`holder ended early: ${this.errors}`);
    return JSON.parse(value) as HolderMessage;
  }

  say(command: object): void {
    this.child.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  async ask(command: object): Promise<HolderMessage> {
    this.say(command);
    return this.hear();
  }

  async regions(): Promise<SecretRegion[]> {
    return regionsOf(await this.ask({ report: true }));
  }

  /** Waits until some thread stands at the checkpoint, and holds it there until {@link passCheckpoint}. Others pass. */
  holdAt(name: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#awaited = { name, reached: resolve };
      this.child.once('exit', () => reject(new Error(`holder never came to checkpoint ${name}: ${this.errors}`)));
    });
  }

  passCheckpoint(): void {
    this.#checkpointSocket.write('.');
  }

  #arrived(name: string): void {
    if (this.#awaited?.name !== name) {
      this.passCheckpoint();
      return;
    }
    const { reached } = this.#awaited;
    this.#awaited = undefined;
    reached();
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }
}

export function regionsOf(message: HolderMessage): SecretRegion[] {
  return (message.regions ?? []).map(({ begin, sizeBytes, purpose }) => ({ begin: Number(begin), sizeBytes, purpose }));
}
