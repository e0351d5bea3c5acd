/**
 * What tests/residency shows for one model holds for every model of the test data, whatever its operators, types and branches: no weight
 * and no key outside secret memory while it loads, when loaded, in the middle of a run, after runs and after release; in a core dump; and
 * no secret mapping is inherited by a fork.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { BenchmarkModel } from '../../benchmarks/support/models.js';
import { findModels } from '../../benchmarks/support/models.js';
import { runScanner } from '../../tools/residency/run_scanner.js';
import type { ScanReport, SecretRegion } from '../../tools/residency/scan.js';
import { probesInCoreDump } from '../residency/support/core_dump.js';
import { HolderProcess, MEMORY_LEVELS, regionsOf } from '../residency/support/holder_process.js';
import { SealedFixture } from '../residency/support/sealed_fixture.js';
import { describeUnless, notRoot } from '../support/requirements.js';

const { models, missing } = findModels();
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

if (missing.length > 0) {
  describe('test data', () => {
    it.skip(`is not at ${missing.join(', ')}: only the motor example is looked at`, () => undefined);
  });
}

function writeFeeds(model: BenchmarkModel, folder: string): string {
  const file = join(folder, 'feeds.json');
  const feeds = (model.cases[0]?.inputs ?? []).map(({ name, type, dims, data }) => {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    return [name, { type, dims, base64: bytes.toString('base64') }];
  });
  writeFileSync(file, JSON.stringify(Object.fromEntries(feeds)));
  return file;
}

function expectNotInherited(pid: number, regions: readonly SecretRegion[]): void {
  const smaps = readFileSync(`/proc/${pid}/smaps`, 'utf8');
  for (const { begin } of regions) {
    const flags = /VmFlags: (.*)/.exec(smaps.slice(smaps.indexOf(`${begin.toString(16)}-`)))?.[1] ?? '';
    expect(flags).toMatch(/\bdc\b/); // DONTCOPY
    expect(flags).toMatch(/\bdd\b/); // DONTDUMP
  }
}

describeUnless(notRoot)('weights and keys of', () => {
  describe.each(models.map((model) => [model.name, model] as const))('%s', (_, model) => {
    it.each(MEMORY_LEVELS)('are in secret memory only, at level %s', async (level) => {
      const fixture = await SealedFixture.make(model.path);
      cleanUps.push(() => fixture.remove());
      expect(fixture.weights.length).toBeGreaterThan(32);
      const feedsFile = writeFeeds(model, fixture.directory);
      const files = { payloadFile: fixture.payloadFile, sealedFile: fixture.sealedFile };
      const holder = new HolderProcess({ ...files, level, checkpoints: true });
      cleanUps.push(() => holder.stop());
      const scan = async (regions: SecretRegion[]): Promise<ScanReport> => {
        const report = await runScanner(holder.pid, fixture.probes, regions);
        expect(report.hits).toEqual([]);
        expect(report.unreadableNotRegistered).toEqual([]);
        return report;
      };
      const regionsNow = async () => regionsOf(await holder.ask({ report: true }));

      await holder.holdAt('segment-decrypted');
      await scan(await regionsNow());
      holder.passCheckpoint();

      expect(await holder.hear()).toMatchObject({ event: 'ready', level });
      const loaded = await scan(await regionsNow());
      // At this level root may read what the scan must not find elsewhere: so it looks for the right bytes.
      if (level === 'locked') expect(loaded.hitsInSecretRegions.length).toBeGreaterThan(16);

      const midRun = holder.holdAt('mid-run');
      holder.say({ run: 1, feedsFile });
      await midRun;
      const regions = await regionsNow();
      await scan(regions);
      expectNotInherited(holder.pid, regions);
      expect([...probesInCoreDump(holder.pid, fixture.probes)]).toEqual([]);
      holder.passCheckpoint();
      expect(await holder.hear()).toEqual({ event: 'ran' });

      await holder.ask({ run: 3, feedsFile });
      await scan(await regionsNow());
      const { residency } = await holder.ask({ residency: true });
      expect(residency?.scan).toMatchObject({ hitCount: 0, controlFound: true });
      expect(residency?.secretBytes).toBe(residency?.weightBytes);

      await holder.ask({ release: true });
      expect((await scan(await regionsNow())).hitsInSecretRegions).toEqual([]);
    });
  });
});
