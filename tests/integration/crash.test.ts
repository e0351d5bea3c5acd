/**
 * kill -9 of the verifier and of the device at each step of the protocol, then resume (PROTOCOL.md "Crash and resume"): nothing is
 * lost, nothing half-written accepted. The processes are real; what decides the moment sits between them. Kills inside the device's
 * TPM commands: tests/long/crash_tpm.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingSwtpmTool } from '../support/swtpm.js';
import { type CrashDevice, CrashFixture, type DeviceStep } from './crash_fixture.js';
import type { Moment } from './kill_switch.js';
import { kill, outcomeOf, sealedge, startSealedge } from './processes.js';

const STEPS: [name: string, path: RegExp, step: DeviceStep][] = [
  ['1 enrol', /^\/v1\/enrolments$/, 'init'],
  ['2 prove', /\/proof$/, 'init'],
  ['3 challenge', /^\/v1\/challenges$/, 'fetch-key'],
  ['4 attest', /^\/v1\/attestations$/, 'fetch-key'],
  ['5 release', /^\/v1\/releases$/, 'fetch-key'],
];
const MOMENTS: Moment[] = ['request', 'answer'];

describe.skipIf(missingSwtpmTool)('killed and resumed', () => {
  let fixture: CrashFixture;
  let enrolled: CrashDevice;

  beforeAll(async () => {
    fixture = await CrashFixture.start();
  }, 180_000);
  afterAll(() => fixture?.stop());

  describe.each(STEPS)('step %s', (_, path, step) => {
    const device = async () => (step === 'init' ? await fixture.newDevice() : enrolled);
    // One TPM is one device: the last enrolment counts, so this one comes after those of the steps before it.
    beforeAll(async () => {
      if (step === 'init' || enrolled !== undefined) return;
      enrolled = await fixture.newDevice();
      await enrolled.must('init');
    });

    it.each(MOMENTS)('device killed at the %s', async (moment) => {
      const victim = await device();
      const child = startSealedge(victim.command(step));
      fixture.gate.arm(path, moment, () => kill(child));
      expect((await outcomeOf(child)).code).toBeNull();
      expect(fixture.gate.armed).toBe(false);
      await victim.resume(step);
    });

    it.each(MOMENTS)('verifier killed at the %s', async (moment) => {
      const waiting = await device();
      fixture.gate.arm(path, moment, () => fixture.verifier.kill());
      expect(await sealedge(...waiting.command(step))).toMatchObject({
        code: 10,
        output: { error: { code: 'ERR_SERVICE_UNAVAILABLE' } },
      });
      await fixture.startVerifier();
      await waiting.resume(step);
    });
  });

  it('has lost nothing: the key that was released last opens the model', async () => {
    expect(await enrolled.must('run')).toMatchObject({ model: { version: 2 }, counter: { increments: 1 } });
  });
});
