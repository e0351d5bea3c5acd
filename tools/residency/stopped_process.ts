import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

/** Runs `look` while every thread of `pid` stands still, then lets them go on. */
export async function whileStopped<T>(pid: number, look: () => T | Promise<T>): Promise<T> {
  process.kill(pid, 'SIGSTOP');
  try {
    await untilStopped(pid);
    return await look();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

async function untilStopped(pid: number): Promise<void> {
  for (let attempt = 0; attempt < 2_000; attempt += 1) {
    if (threadStates(pid).every((state) => state === 'T' || state === 't')) return;
    await setTimeout(1);
  }
  throw new Error(`process ${pid}: some thread would not stop`);
}

/** The state letter of each thread: third field of /proc/PID/task/TID/stat, after a name that may hold anything. */
function threadStates(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`).map((tid) => {
    const stat = readFileSync(`/proc/${pid}/task/${tid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
  });
}
