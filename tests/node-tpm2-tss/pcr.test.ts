// TPM2_PCR_Read, PCR_Extend
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { pcrSelection, readPcrSelection } from '../../native/node-tpm2-tss/src/index.js';
import { describeUnless, noSwtpm } from '../support/requirements.js';
import { useTpm } from '../support/tpm.js';

const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();

describeUnless(noSwtpm)('PCRs', () => {
  const t = useTpm({ ekCertificates: false, pcrBanks: ['sha256', 'sha384'] });

  it('extends as the specification says', async () => {
    const digest = sha256(Buffer.from('event'));
    const [before] = await t.tpm.readPcrs([{ hash: 'sha256', pcrs: [10] }]);
    await t.tpm.pcrExtend({ pcrHandle: 10, digests: { sha256: digest } });
    const [after] = await t.tpm.readPcrs([{ hash: 'sha256', pcrs: [10] }]);
    expect(after?.digest).toEqual(sha256(before?.digest as Buffer, digest));
  });

  it('reads more than the TPM gives at once, in several banks', async () => {
    const pcrs = [...Array(24).keys()];
    const one = await t.tpm.pcrRead({ pcrSelectionIn: pcrSelection([{ hash: 'sha256', pcrs }]) });
    expect(one.pcrValues).toHaveLength(8);
    expect(readPcrSelection(one.pcrSelectionOut)).toEqual([{ hash: 'sha256', pcrs: pcrs.slice(0, 8) }]);

    const all = await t.tpm.readPcrs([
      { hash: 'sha256', pcrs },
      { hash: 'sha384', pcrs: [0, 23] },
    ]);
    expect(all.map(({ hash, pcr }) => `${hash}:${pcr}`)).toEqual([
      ...pcrs.map((pcr) => `sha256:${pcr}`),
      'sha384:0',
      'sha384:23',
    ]);
    expect(all.at(-1)?.digest).toHaveLength(48);
  });

  it('agrees with tpm2_pcrread', async () => {
    const text = await t.swtpm.tool('tpm2_pcrread', 'sha256:10');
    const [value] = await t.tpm.readPcrs([{ hash: 'sha256', pcrs: [10] }]);
    expect(text.toLowerCase()).toContain(value?.digest.toString('hex'));
  });

  it('names a bank that the TPM does not have', async () => {
    await expect(t.tpm.readPcrs([{ hash: 'sha1', pcrs: [0] }])).rejects.toMatchObject({
      code: 'ERR_TPM_RESPONSE',
      message: 'the TPM does not have PCRs 0 of bank sha1',
    });
  });

  it('refuses a PCR number that no selection can hold', () => {
    expect(() => pcrSelection([{ hash: 'sha256', pcrs: [24] }])).toThrow('pcr must be 0 to 23, got 24');
  });
});
