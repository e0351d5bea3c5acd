/**
 * Starts this command again in a process with a cleared environment (design decision 1): LD_PRELOAD, NODE_OPTIONS and the like would
 * put code of others beside the key. What an attacker does who may start programs as this user is beyond that.
 */
import { spawn } from 'node:child_process';
import { url as inspectorUrl } from 'node:inspector';
import { constants } from 'node:os';
import { UsageError } from '../errors.js';

/** The hidden option of a command that is in such a process already. */
export const CLEAN_MARKER = '--in-clean-process';

/** Our own settings; nothing that the loader, Node or OpenSSL reads. */
const KEPT = /^SEALEDGE_[A-Z0-9_]+$/;
const FIRST_EXTRA_FD = 3;

/**
 * @param alsoKept - more variables that the command needs, none of which brings code
 * @returns the exit code for this process to end with
 */
export async function runInCleanProcess(alsoKept: readonly string[] = []): Promise<number> {
  const [, script = '', ...args] = process.argv;
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => KEPT.test(name) || alsoKept.includes(name)),
  );
  const child = spawn(process.execPath, [...nodeOptions(), script, ...args, CLEAN_MARKER], { env, stdio: stdio(env) });
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, forward);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]));
  });
}

/** Node opens its inspector on SIGUSR1 unless somebody else takes the signal; open already, it is not to see a key come. */
export function closeInspector(): void {
  process.on('SIGUSR1', () => {});
  if (inspectorUrl() !== undefined)
    throw new UsageError('ERR_OPTION_INVALID', 'the inspector of this process is open', {
      fields: { hint: 'start without --inspect' },
    });
}

/** Loaders of a development checkout go along, a debugger does not. */
function nodeOptions(): string[] {
  const kept = process.execArgv.filter((option) => !option.startsWith('--inspect'));
  // Where Node has it: from its first instruction on, SIGUSR1 does not open the inspector.
  const flag = '--disable-sigusr1';
  return process.allowedNodeEnvironmentFlags.has(flag) && !kept.includes(flag) ? [flag, ...kept] : kept;
}

/** The residency tests hold the process at checkpoints through a descriptor (native/core/checkpoint.h). */
function stdio(env: NodeJS.ProcessEnv): 'inherit' | ('inherit' | 'ignore')[] {
  const fd = Number(env.SEALEDGE_CHECKPOINT_FD ?? Number.NaN);
  if (!Number.isInteger(fd) || fd < FIRST_EXTRA_FD) return 'inherit';
  return Array.from({ length: fd + 1 }, (_, i) => (i < FIRST_EXTRA_FD || i === fd ? 'inherit' : 'ignore'));
}
