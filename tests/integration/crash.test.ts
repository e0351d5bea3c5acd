/**
 * kill -9 of the verifier and of the device at each step of the protocol, then resume (PROTOCOL.md "Crash and resume"): nothing is
 * lost, nothing half-written accepted. The processes are real; what decides the moment sits between them. Step 6 talks to the TPM alone:
 * the device is killed there at one command that leaves nothing behind and at one before the counter moves. At every TPM command that changes
 * something for good: tests/long/crash_tpm.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeUnless, noSwtpm } from '../support/requirements.js';
import { type CrashDevice, CrashFixture, type DeviceStep } from './crash_fixture.js';
import type { Moment } from './kill_switch.js';
import { kill, killTree, outcomeOf, sealedge, startSealedge } from './processes.js';

const STEPS: [name: string, path: RegExp, step: DeviceStep][] = [
  ['1 enrol', /^\/v1\/enrolments$/, 'init'],
  ['2 prove', /\/proof$/, 'init'],
  ['3 challenge', /^\/v1\/challenges$/, 'fetch-key'],
  ['4 attest', /^\/v1\/attestations$/, 'fetch-key'],
  ['5 release', /^\/v1\/releases$/, 'fetch-key'],
  ['7 lease', /^\/v1\/leases$/, 'renew'],
];
const MOMENTS: Moment[] = ['request', 'answer'];

describeUnless(noSwtpm)('killed and resumed', () => {
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
      const child = startSealedge(await victim.command(step));
      fixture.gate.arm(path, moment, () => kill(child));
      expect((await outcomeOf(child)).code).toBeNull();
      expect(fixture.gate.armed).toBe(false);
      await victim.resume(step);
    });

    it.each(MOMENTS)('verifier killed at the %s', async (moment) => {
      const waiting = await device();
      fixture.gate.arm(path, moment, () => fixture.verifier.kill());
      expect(await sealedge(...(await waiting.command(step)))).toMatchObject({
        code: 10,
        output: { error: { code: 'ERR_SERVICE_UNAVAILABLE' } },
      });
      await fixture.startVerifier();
      await waiting.resume(step);
    });
  });

  it('keeps the key under a renewed lease', async () => {
    const { release, lease, imported } = await enrolled.keyFile();
    expect([release, lease, imported]).toEqual([expect.any(String), expect.any(String), expect.any(String)]);
    expect(lease).not.toBe(release);
  });

  it.each([
    ['Unseal', 0x0000015e, 'response'],
    ['NV_Increment', 0x00000134, 'command'],
  ] as const)('step 6 load: device killed at TPM2_%s', async (_, commandCode, drop) => {
    const { tpm } = fixture;
    const child = startSealedge(await enrolled.command('run'));
    const killed = tpm.killAt(commandCode, drop, () => killTree(child));
    expect((await outcomeOf(child)).code).not.toBe(0);
    await killed;
    // What a kernel's resource manager does when the process of a connection is gone.
    await fixture.swtpm.flushAll();
  });

  it('has lost nothing: the key that was released last opens the model', async () => {
    expect(await enrolled.must('run')).toMatchObject({ model: { version: 2 }, counter: { increments: 1 } });
  });
});
