/**
 * kill -9 of the device just before and just after the TPM executes each command that changes something for good, then resume
 * (PROTOCOL.md "Crash and resume"). Long: every case is several processes.
 */
import { Tpm } from 'node-tpm2-tss';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { COUNTER_INDEX, CrashFixture, type DeviceStep } from '../integration/crash_fixture.js';
import { killTree, outcomeOf, startSealedge } from '../integration/processes.js';
import { describeUnless, noSwtpm } from '../support/requirements.js';

const COMMANDS: [name: string, code: number, step: DeviceStep][] = [
  ['NV_DefineSpace', 0x0000012a, 'init'],
  ['NV_Increment', 0x00000134, 'init'],
  ['Import', 0x00000156, 'fetch-key'],
  ['NV_Increment', 0x00000134, 'run'],
  ['NV_ReadLock', 0x0000014f, 'run'],
];

describeUnless(noSwtpm)('device killed', () => {
  let fixture: CrashFixture;
  // A counter never goes back, so every case has a TPM of its own.
  beforeEach(async () => {
    fixture = await CrashFixture.start();
  }, 180_000);
  afterEach(() => fixture?.stop());

  describe.each(COMMANDS)('at TPM2_%s', (_, commandCode, step) => {
    it.each(['command', 'response'] as const)(`${step}, before its %s`, { timeout: 120_000 }, async (drop) => {
      const { tpm } = fixture;
      const device = await fixture.newDevice();
      if (step !== 'init') await device.must('init');
      if (step === 'run') await device.must('fetch-key');
      const child = startSealedge(await device.command(step));
      const killed = tpm.killAt(commandCode, drop, () => killTree(child));
      expect((await outcomeOf(child)).code).not.toBe(0);
      await killed;
      // With the power, so that no connection of the dead is left for the TPM to wait on.
      await fixture.swtpm.reset();
      await device.resume(step);
      if (step === 'run') expect(await counterValue()).toBe((await device.counterBase()) + 1n);
    });
  });

  async function counterValue(): Promise<bigint> {
    await fixture.restartTpm();
    await using direct = await Tpm.open({ tcti: fixture.swtpm.tcti });
    return (await direct.nvRead({ nvIndex: COUNTER_INDEX, size: 8 })).readBigUInt64BE();
  }
});
