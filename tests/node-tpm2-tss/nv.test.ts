// TPM2_NV_DefineSpace, NV_Read, NV_ReadPublic, NV_Write, NV_Increment, NV_ReadLock, NV_Certify, NV_UndefineSpace
import { expect, it } from 'vitest';
import { nvName, nvPublic, TPM_HT, TPM_RH, TPMA_NV } from '../../native/node-tpm2-tss/src/index.js';
import { describeUnless, noSwtpm } from '../support/requirements.js';
import { createAk, createSrk, useTpm } from '../support/tpm.js';

const data = TPMA_NV.AUTHREAD | TPMA_NV.AUTHWRITE | TPMA_NV.OWNERREAD | TPMA_NV.NO_DA;
const counter = TPMA_NV.TPM_NT_COUNTER | TPMA_NV.AUTHREAD | TPMA_NV.AUTHWRITE | TPMA_NV.NO_DA | TPMA_NV.READ_STCLEAR;

describeUnless(noSwtpm)('NV indices', () => {
  const t = useTpm();

  it('stores more than one command can carry', async () => {
    const nvIndex = 0x01800010;
    const content = Buffer.from([...Array(1500).keys()].map((i) => i & 0xff));
    await t.tpm.nvDefineSpace({ publicInfo: { nvIndex, attributes: data, dataSize: content.length } });
    await t.tpm.nvWrite({ nvIndex, data: content.subarray(0, 1000) });
    await t.tpm.nvWrite({ nvIndex, data: content.subarray(1000), offset: 1000 });
    expect(await t.tpm.nvReadAll({ nvIndex })).toEqual(content);
    expect(await t.tpm.nvRead({ authHandle: TPM_RH.OWNER, nvIndex, size: 5, offset: 998 })).toEqual(
      content.subarray(998, 1003),
    );
    await t.tpm.nvUndefineSpace({ nvIndex });
    expect(await t.tpm.getHandles(TPM_HT.NV_INDEX)).not.toContain(nvIndex);
  });

  it('has the Name that its public area says, before and after the first write', async () => {
    const nvIndex = 0x01800011;
    await t.tpm.nvDefineSpace({ publicInfo: { nvIndex, attributes: data, dataSize: 4 } });
    const before = await t.tpm.nvReadPublic({ nvIndex });
    expect(before.nvPublic).toEqual(nvPublic({ nvIndex, attributes: data, dataSize: 4 }));
    expect(nvName(before.nvPublic)).toEqual(before.nvName);
    await t.tpm.nvWrite({ nvIndex, data: Buffer.alloc(4) });
    const after = await t.tpm.nvReadPublic({ nvIndex });
    expect(after.nvPublic).toEqual(nvPublic({ nvIndex, attributes: data | TPMA_NV.WRITTEN, dataSize: 4 }));
    expect(nvName(after.nvPublic)).toEqual(after.nvName);
  });

  it('counts, and is certified', async () => {
    const nvIndex = 0x01800012;
    await t.tpm.nvDefineSpace({ publicInfo: { nvIndex, attributes: counter, dataSize: 8 } });
    await t.tpm.nvIncrement({ nvIndex });
    const first = await t.tpm.nvRead({ nvIndex, size: 8 });
    await t.tpm.nvIncrement({ nvIndex });
    const second = await t.tpm.nvRead({ nvIndex, size: 8 });
    expect(second.readBigUInt64BE()).toBe(first.readBigUInt64BE() + 1n);

    await t.tpm.withObject(createAk(t.tpm), async (ak) => {
      const qualifyingData = Buffer.from('nonce');
      const { certifyInfo, signature } = await t.tpm.nvCertify({ signHandle: ak, nvIndex, qualifyingData, size: 8 });
      // TPMS_NV_CERTIFY_INFO ends with offset and TPM2B contents.
      expect(certifyInfo.subarray(-8)).toEqual(second);
      expect(certifyInfo.includes(qualifyingData)).toBe(true);
      expect(signature.readUInt16BE(0)).toBe(0x0018);
    });
  });

  it('locks reading until the next reset', async () => {
    const nvIndex = 0x01800013;
    await t.tpm.nvDefineSpace({ publicInfo: { nvIndex, attributes: counter, dataSize: 8 } });
    await t.tpm.nvIncrement({ nvIndex });
    await t.tpm.nvReadLock({ nvIndex });
    await expect(t.tpm.nvRead({ nvIndex, size: 8 })).rejects.toMatchObject({
      code: 'ERR_TPM_RC',
      rcName: 'TPM_RC_NV_LOCKED',
      command: 'TPM2_NV_Read',
    });
    await t.swtpm.reset();
    expect(await t.tpm.nvRead({ nvIndex, size: 8 })).toHaveLength(8);
  });

  it('reads under a password, a session, and a session that pins the Name', async () => {
    const nvIndex = 0x01800014;
    const authValue = Buffer.from('nv auth');
    await t.tpm.withObject(createSrk(t.tpm), async (srk) => {
      await t.tpm.withSession({ sessionType: 'hmac', tpmKey: srk }, async (session) => {
        const publicInfo = { nvIndex, attributes: data, dataSize: 6 };
        await t.tpm.nvDefineSpace({ auth: authValue, publicInfo }, { encryption: session });
        await t.tpm.nvWrite({ nvIndex, data: Buffer.from('secret') }, { auth: { session, authValue } });
        expect(String(await t.tpm.nvRead({ nvIndex, size: 6 }, { auth: { password: authValue } }))).toBe('secret');
        const name = nvName((await t.tpm.nvReadPublic({ nvIndex })).nvPublic);
        const pinned = { handle: nvIndex, name };
        const read = () => t.tpm.nvRead({ nvIndex: pinned, size: 6 }, { auth: { session, authValue } });
        expect(String(await read())).toBe('secret');
        name[5] = (name[5] as number) ^ 1;
        await expect(read()).rejects.toMatchObject({ code: 'ERR_TPM_RC', command: 'TPM2_NV_Read' });
        await expect(t.tpm.nvRead({ nvIndex, size: 6 })).rejects.toMatchObject({ rcName: 'TPM_RC_BAD_AUTH' });
      });
    });
  });
});
