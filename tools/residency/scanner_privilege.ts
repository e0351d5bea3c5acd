/** Whether the scanner may read a process that holds secrets, asked before there is one: it takes CAP_SYS_PTRACE, which root has, mostly. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** capabilities(7): bit 19. */
const CAP_SYS_PTRACE = 1n << 19n;
/** Documentation/admin-guide/LSM/Yama.rst: nobody may attach, root included. */
const YAMA_NO_ATTACH = '3';

/** The scanner cannot work here, for a reason that is a sentence. */
export class ScannerUnavailable extends Error {
  constructor(reason: string) {
    super(`scanning the memory of a process that holds secrets takes root: ${reason}`);
  }
}

/**
 * What goes before the scanner's command: nothing, or sudo. Asks for a password where there is a terminal to ask on.
 * @throws ScannerUnavailable
 */
export function scannerPrefix(): string[] {
  if (read('/proc/sys/kernel/yama/ptrace_scope') === YAMA_NO_ATTACH)
    throw new ScannerUnavailable('kernel.yama.ptrace_scope is 3 on this machine, so not even root may');
  if (maySelf()) return [];
  if (process.getuid?.() === 0)
    throw new ScannerUnavailable('this root lacks CAP_SYS_PTRACE (start the container with --cap-add SYS_PTRACE)');
  const sudo = spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' });
  if (sudo.error !== undefined) throw new ScannerUnavailable('run this as root, or install sudo');
  const asked =
    sudo.status !== 0 && process.stdin.isTTY && spawnSync('sudo', ['-v'], { stdio: 'inherit' }).status === 0;
  if (sudo.status !== 0 && !asked) throw new ScannerUnavailable('run this as root, or where sudo asks for no password');
  return ['sudo', '-n'];
}

function maySelf(): boolean {
  const [, effective = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(read('/proc/self/status')) ?? [];
  return (BigInt(`0x${effective}`) & CAP_SYS_PTRACE) !== 0n;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
