/**
 * What another process can try against one that holds a secret: read its memory, steal its descriptors, attach as the same user, open
 * Node's debugger, take a core dump. Every attack is first tried on a process without secrets, where it works.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readMaps } from '../../tools/residency/proc_maps.js';
import { runScanner } from '../../tools/residency/run_scanner.js';
import { describeUnless, notRoot } from '../support/requirements.js';
import { probesInCoreDump } from './support/core_dump.js';
import { HolderProcess, MEMORY_LEVELS, regionsOf, UNPRIVILEGED } from './support/holder_process.js';
import { SecretFile } from './support/secret_file.js';

const ATTACK = fileURLToPath(new URL('support/attack.pl', import.meta.url));

let secret: SecretFile;
const holders: HolderProcess[] = [];
const others: ChildProcess[] = [];

beforeEach(() => {
  secret = new SecretFile();
  chmodSync(secret.directory, 0o755);
});

afterEach(async () => {
  for (const holder of holders.splice(0)) await holder.stop();
  for (const other of others.splice(0)) other.kill('SIGKILL');
  secret.remove();
});

function hold(options: Partial<ConstructorParameters<typeof HolderProcess>[0]> = {}): HolderProcess {
  const holder = new HolderProcess({ payloadFile: secret.path, ...options });
  holders.push(holder);
  return holder;
}

/** A process without secrets, ready when it has printed something. */
async function bystander(wrapper: readonly string[] = []): Promise<ChildProcess> {
  const program = "process.stdout.write('ready'); process.stdin.resume()";
  const [command = '', ...args] = [...wrapper, process.execPath, '-e', program];
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  others.push(child);
  await once(child.stdout, 'data');
  return child;
}

describeUnless(notRoot).each(MEMORY_LEVELS)('a secret at level %s', (level) => {
  it('is nowhere outside registered secret memory', async () => {
    const holder = hold({ level });
    const ready = await holder.hear();
    expect(ready).toMatchObject({ event: 'ready', level });
    const report = await runScanner(holder.pid, secret.probes, regionsOf(ready));
    expect(report.hits).toEqual([]);
    expect(report.unreadableNotRegistered).toEqual([]);
    if (level === 'secretmem') {
      expect(report.registeredReadable).toEqual([]);
      expect(report.hitsInSecretRegions).toEqual([]);
    } else {
      // Root reads locked pages; that the scan finds the secret there shows that it looks for the right bytes.
      expect(report.unreadable).toEqual([]);
      expect(new Set(report.hitsInSecretRegions.map(({ probe }) => probe)).size).toBe(secret.probes.length);
    }
  });

  it('is gone after its handle is closed', async () => {
    const holder = hold({ level });
    await holder.hear();
    await holder.ask({ release: true });
    const report = await runScanner(holder.pid, secret.probes, []);
    expect(report.hits).toEqual([]);
  });

  it('has no descriptor left to steal', async () => {
    const holder = hold({ level });
    await holder.hear();
    const links = readdirSync(`/proc/${holder.pid}/fd`).map((fd) => readlinkSync(`/proc/${holder.pid}/fd/${fd}`));
    expect(links.filter((link) => link.includes('secretmem'))).toEqual([]);
    const stolen = execFileSync('perl', [ATTACK, 'steal', String(holder.pid)], { encoding: 'utf8' });
    // The attack works as such: the pipes of the holder are stolen.
    expect(stolen).toMatch(/pipe:|socket:/);
    expect(stolen).not.toContain('secretmem');
  });

  it('cannot be opened through map_files', async () => {
    const holder = hold({ level });
    const regions = regionsOf(await holder.hear());
    const maps = readMaps(holder.pid);
    for (const region of regions) {
      const mapping = maps.find(({ begin }) => begin === region.begin);
      expect(mapping).toBeDefined();
      const name = `${region.begin.toString(16)}-${(region.begin + region.sizeBytes).toString(16)}`;
      const read = (): number => readSync(openSync(`/proc/${holder.pid}/map_files/${name}`, 'r'), Buffer.alloc(16));
      expect(read).toThrow(level === 'secretmem' ? /ENXIO|EINVAL|EACCES|EPERM/ : /ENOENT/);
    }
  });

  it('is not in a core dump taken by a debugger', { timeout: 240_000 }, async () => {
    const holder = hold({ level });
    await holder.hear();
    // The dump is one: it has what the process holds in the open.
    const inTheOpen = { name: 'control', bytes: Buffer.from('holds the text of this very program') };
    const found = probesInCoreDump(holder.pid, [...secret.probes, inTheOpen]);
    expect([...found]).toEqual(['control']);
  });

  it('leaves no core file behind when the process aborts', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sealedge-core-'));
    try {
      const holder = hold({ level, wrapper: ['prlimit', '--core=unlimited', 'env', '-C', directory] });
      await holder.hear();
      const exited = once(holder.child, 'exit');
      process.kill(holder.pid, 'SIGABRT');
      expect(await exited).toEqual([null, 'SIGABRT']);
      expect(readdirSync(directory)).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('is flagged to stay in its process: not copied by fork, not dumped, not swapped', async () => {
    const holder = hold({ level });
    const regions = regionsOf(await holder.hear());
    const smaps = readFileSync(`/proc/${holder.pid}/smaps`, 'utf8');
    for (const { begin } of regions) {
      const at = smaps.indexOf(`${begin.toString(16)}-`);
      const flags = /VmFlags: (.*)/.exec(smaps.slice(at))?.[1] ?? '';
      expect(flags).toMatch(/\bdc\b/); // DONTCOPY
      expect(flags).toMatch(/\bdd\b/); // DONTDUMP
      expect(flags).toMatch(/\blo\b/); // locked: never in swap
    }
  });
});

describeUnless(notRoot)('the same user', () => {
  it('can read and attach to an ordinary process', async () => {
    const child = await bystander(UNPRIVILEGED);
    expect(attackAsSameUser('ptrace', child.pid as number)).toBe('attached');
    expect(attackAsSameUser('mem', child.pid as number)).toBe('opened');
    expect(attackAsSameUser('vm_readv', child.pid as number)).toMatch(/^(read|EFAULT)/);
  });

  it.each(MEMORY_LEVELS)(
    'cannot attach to a process with a secret, read its memory, or steal its descriptors (%s)',
    async (level) => {
      const holder = hold({ level, wrapper: UNPRIVILEGED });
      expect(await holder.hear()).toMatchObject({ event: 'ready' });
      for (const attack of ['ptrace', 'mem', 'vm_readv', 'steal']) {
        expect([attack, attackAsSameUser(attack, holder.pid)]).toEqual([
          attack,
          expect.stringMatching(/^(EPERM|EACCES)/),
        ]);
      }
    },
  );
});

describe('SIGUSR1', () => {
  it("opens Node's debugger on an ordinary process", async () => {
    const child = await bystander();
    child.kill('SIGUSR1');
    const [chunk] = await once(child.stderr as NodeJS.ReadableStream, 'data');
    expect(String(chunk)).toContain('Debugger listening');
  });
});

describeUnless(notRoot)('RLIMIT_MEMLOCK', () => {
  const limited = (bytes: number): string[] => ['prlimit', `--memlock=${bytes}`, ...UNPRIVILEGED];

  it('of 8 MiB is enough for a key', async () => {
    expect(await hold({ wrapper: limited(8 << 20) }).hear()).toMatchObject({ event: 'ready' });
  });

  it('of nothing is refused, by name and with advice', async () => {
    const { error } = await hold({ wrapper: limited(0) }).hear();
    expect(error?.name).toBe('MemoryError');
    expect(error?.code).toMatch(/^ERR_SECRET_MEMORY_(REFUSED|EXHAUSTED)$/);
    expect(error?.message).toMatch(/RLIMIT_MEMLOCK|ulimit/);
  });
});

function attackAsSameUser(attack: string, pid: number): string {
  const [command = '', ...args] = [...UNPRIVILEGED, 'perl', ATTACK, attack, String(pid)];
  const result = spawnSync(command, args, { encoding: 'utf8' });
  return result.stdout.trim() || result.stderr.trim();
}
