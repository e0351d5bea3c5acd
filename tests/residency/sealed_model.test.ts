/**
 * Weights and keys of a sealed model are nowhere outside secret memory: while it loads, when loaded, in the middle of a run, after one, and
 * after release; at both memory levels; with all threads stopped and every mapping read by another process (design decisions 1 to 3).
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Probe } from '../../tools/residency/probe_search.js';
import { readMaps } from '../../tools/residency/proc_maps.js';
import { runScanner } from '../../tools/residency/run_scanner.js';
import type { ScanReport, SecretRegion } from '../../tools/residency/scan.js';
import { describeUnless, notRoot } from '../support/requirements.js';
import { probesInCoreDump } from './support/core_dump.js';
import { HolderProcess, MEMORY_LEVELS, type MemoryLevel, regionsOf, UNPRIVILEGED } from './support/holder_process.js';
import { SealedFixture } from './support/sealed_fixture.js';

let motor: SealedFixture;
const holders: HolderProcess[] = [];

beforeAll(async () => {
  motor = await SealedFixture.make();
});

afterEach(async () => {
  for (const holder of holders.splice(0)) await holder.stop();
});

afterAll(() => motor?.remove());

function hold(options: Partial<ConstructorParameters<typeof HolderProcess>[0]>): HolderProcess {
  const holder = new HolderProcess({ payloadFile: motor.payloadFile, sealedFile: motor.sealedFile, ...options });
  holders.push(holder);
  return holder;
}

async function expectNothingOutside(
  holder: HolderProcess,
  regions: SecretRegion[],
  level: MemoryLevel,
): Promise<ScanReport> {
  const report = await runScanner(holder.pid, motor.probes, regions);
  expect(report.hits).toEqual([]);
  // Exactly the registered regions are unreadable, at secretmem; none is, for root, at locked.
  expect(report.unreadableNotRegistered).toEqual([]);
  expect(report.registeredReadable.length).toBe(level === 'secretmem' ? 0 : regions.length);
  // No page of a region need exist yet for it to count: one and the same list, here by the kernel's word.
  const mapped = readMaps(holder.pid).filter(({ path }) => path.includes('secretmem'));
  const ranges = mapped.map(({ begin, end }) => [begin, end - begin]);
  if (level === 'secretmem') expect(ranges).toEqual(inOrder(regions));
  else expect(ranges).toEqual([]);
  return report;
}

function inOrder(regions: SecretRegion[]): [begin: number, sizeBytes: number][] {
  return regions.map(({ begin, sizeBytes }) => [begin, sizeBytes] as [number, number]).sort(([a], [b]) => a - b);
}

function foundOf(wanted: readonly Probe[], report: ScanReport): number {
  const found = new Set([...report.hits, ...report.hitsInSecretRegions].map(({ probe }) => probe));
  return wanted.filter(({ name }) => found.has(name)).length;
}

describeUnless(notRoot).each(MEMORY_LEVELS)('a sealed model at level %s', (level) => {
  it('is nowhere outside registered secret memory: loaded, running, after a run, released', async () => {
    const holder = hold({ level, checkpoints: true });
    expect(await holder.hear()).toMatchObject({ event: 'ready', level });

    const loaded = await expectNothingOutside(holder, await holder.regions(), level);
    if (level === 'locked') {
      // What the scan would find is there, in memory that only root can read: so it looks for the right bytes.
      expect(foundOf(motor.weights, loaded)).toBeGreaterThan(64);
      // The content key is not needed after load, and is gone.
      expect(foundOf(motor.keys, loaded)).toBe(0);
    }

    const midRun = holder.holdAt('mid-run');
    holder.say({ run: 1 });
    await midRun;
    await expectNothingOutside(holder, await regionsWhileRunning(holder), level);
    holder.passCheckpoint();
    expect(await holder.hear()).toEqual({ event: 'ran' });

    await holder.ask({ run: 20 });
    await holder.ask({ runSync: 20 });
    await expectNothingOutside(holder, await holder.regions(), level);

    await holder.ask({ release: true });
    const released = await expectNothingOutside(holder, await holder.regions(), level);
    expect(released.hitsInSecretRegions).toEqual([]);
  });
});

/** The run goes on native threads, so the process answers meanwhile. */
async function regionsWhileRunning(holder: HolderProcess): Promise<SecretRegion[]> {
  return regionsOf(await holder.ask({ report: true }));
}

/** A debugger writes the whole process out. */
const DUMPED = { timeout: 240_000 };

describeUnless(notRoot).each(MEMORY_LEVELS)('a core dump taken by root in the middle of a run, level %s', (level) => {
  it('has no weight and no key, in memory or registers', DUMPED, async () => {
    const holder = hold({ level, checkpoints: true });
    await holder.hear();
    const midRun = holder.holdAt('mid-run');
    holder.say({ run: 1 });
    await midRun;
    const inTheOpen = { name: 'control', bytes: Buffer.from('holds the text of this very program') };
    expect([...probesInCoreDump(holder.pid, [...motor.probes, inTheOpen])]).toEqual(['control']);
  });

  it('finds weights that leaked', DUMPED, async () => {
    const holder = hold({ level, leak: 'weights' });
    await holder.hear();
    expect(probesInCoreDump(holder.pid, motor.weights).size).toBeGreaterThan(64);
  });
});

describeUnless(notRoot)('while a segment is being decrypted', () => {
  it.each(MEMORY_LEVELS)('nothing is outside registered secret memory (%s)', async (level) => {
    const holder = hold({ level, checkpoints: true });
    await holder.holdAt('segment-decrypted');
    // The load goes on native threads, so the process answers meanwhile.
    const regions = await holder.regions();
    expect(regions.length).toBeGreaterThan(0);
    const report = await expectNothingOutside(holder, regions, level);
    if (level === 'secretmem') expect(report.unreadable.length).toBeGreaterThan(0);
  });

  it('the probes are what lies there: segment key, round keys and GHASH key are found in locked memory, by root', async () => {
    const holder = hold({ level: 'locked', checkpoints: true });
    await holder.holdAt('segment-decrypted');
    const report = await runScanner(holder.pid, motor.keys, []);
    const found = report.hits.map(({ probe }) => probe);
    expect(found).toContain('content key [0,16)');
    expect(found.some((name) => /^segment key \d+ \[16,32\)$/.test(name))).toBe(true);
    expect(found.some((name) => /AES round key 14$/.test(name))).toBe(true);
    expect(found.some((name) => /GHASH key/.test(name))).toBe(true);
  });
});

describeUnless(notRoot)('a deliberate leak', () => {
  it.each(MEMORY_LEVELS)('of weights to the heap is found (%s)', async (level) => {
    const holder = hold({ level, leak: 'weights' });
    await holder.hear();
    const report = await runScanner(holder.pid, motor.weights, await holder.regions());
    const found = new Set(report.hits.map(({ probe }) => probe));
    expect(motor.weights.filter(({ name }) => found.has(name)).length).toBeGreaterThan(64);
    expect([...found].some((name) => name.includes('panel16'))).toBe(true);
  });
});

describe('SIGUSR1', () => {
  it("does not open Node's debugger on a process that holds a sealed model", async () => {
    const holder = hold({});
    expect(await holder.hear()).toMatchObject({ event: 'ready' });
    holder.child.kill('SIGUSR1');
    // Two round trips: had the debugger opened, its line would be on stderr before the second answer.
    await holder.ask({ run: 1 });
    await holder.ask({ report: true });
    expect(holder.errors).not.toContain('Debugger');
    expect(holder.child.exitCode).toBeNull();
  });
});

describeUnless(notRoot)('RLIMIT_MEMLOCK', () => {
  // Root would be exempt by CAP_IPC_LOCK.
  const limited = (bytes: number): string[] => ['prlimit', `--memlock=${bytes}`, ...UNPRIVILEGED];

  it.each(MEMORY_LEVELS)('of 8 MiB is enough for the motor model (%s)', async (level) => {
    expect(await hold({ level, wrapper: limited(8 << 20) }).hear()).toMatchObject({ event: 'ready', level });
  });

  it.each(MEMORY_LEVELS)(
    'of 64 KiB refuses it, with what is needed, what there is, and how to raise it (%s)',
    async (level) => {
      const { event, error } = await hold({ level, wrapper: limited(64 << 10) }).hear();
      expect(event).toBe('failed');
      expect(error).toMatchObject({ name: 'MemoryError', code: 'ERR_SECRET_MEMORY_EXHAUSTED' });
      expect(Number(error?.fields.needed)).toBeGreaterThan(Number(error?.fields.available));
      expect(error?.message).toMatch(/needed \d+ bytes, available \d+ of 65536; .*(RLIMIT_MEMLOCK|ulimit|memlock)/i);
    },
  );
});
