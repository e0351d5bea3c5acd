// TPM2_GetRandom, GetCapability, SelfTest, GetTestResult, ReadClock
import { expect, it } from 'vitest';
import { TPM_CAP, TPM_HT, TPM_PT } from '../../native/node-tpm2-tss/src/index.js';
import { describeUnless, noSwtpm } from '../support/requirements.js';
import { createSrk, useTpm } from '../support/tpm.js';

describeUnless(noSwtpm)('general commands', () => {
  const t = useTpm();

  it('draws random bytes', async () => {
    const a = await t.tpm.getRandom(32);
    const b = await t.tpm.getRandom(32);
    expect(a).toHaveLength(32);
    expect(a.equals(b)).toBe(false);
  });

  it('reads properties', async () => {
    expect(await t.tpm.getProperty(TPM_PT.FAMILY_INDICATOR)).toBe(Buffer.from('2.0\0').readUInt32BE());
    expect(await t.tpm.getProperty(TPM_PT.PCR_COUNT)).toBe(24);
    expect(await t.tpm.getProperty(0x1ff)).toBeUndefined();
  });

  it('says when there is more of a capability', async () => {
    const answer = await t.tpm.getCapability({ capability: TPM_CAP.COMMANDS, property: 0, propertyCount: 1 });
    expect(answer.moreData).toBe(true);
    expect(answer.capabilityData.readUInt32BE(0)).toBe(TPM_CAP.COMMANDS);
  });

  it('lists handles', async () => {
    const srk = await createSrk(t.tpm);
    expect(await t.tpm.getHandles(TPM_HT.TRANSIENT)).toEqual([srk.handle]);
    await t.tpm.flushObject(srk);
    expect(await t.tpm.getHandles(TPM_HT.TRANSIENT)).toEqual([]);
  });

  it('tests itself and says how it went', async () => {
    await t.tpm.selfTest({ fullTest: true });
    expect((await t.tpm.getTestResult()).testResult).toBe(0);
  });

  it('reads the clock', async () => {
    const now = await t.tpm.readClock();
    expect(now.clock).toBeGreaterThan(0n);
    expect(now.safe).toBe(true);
    expect(typeof now.resetCount).toBe('number');
  });

  it('runs commands in the order of the calls', async () => {
    const done: number[] = [];
    await Promise.all([...Array(20).keys()].map((i) => t.tpm.getRandom(8).then(() => done.push(i))));
    expect(done).toEqual([...Array(20).keys()]);
  });
});
