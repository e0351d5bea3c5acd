// TPM2_Import and TPM2_Load of what another TPM duplicated with stock tools
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeUnless, noSwtpm } from '../support/requirements.js';
import { Swtpm } from '../support/swtpm.js';
import { createSrk, expectNothingLoaded, useTpm } from '../support/tpm.js';

const secret = 'a secret from elsewhere';

/** Seals `secret` on a TPM of its own and duplicates it to a storage key given by its TPMT_PUBLIC. */
async function duplicateTo(publicArea: Buffer) {
  await using other = await Swtpm.start({ ekCertificates: false });
  const at = (name: string) => join(other.directory, name);
  const tool = async (name: string, ...args: string[]) => {
    await other.tool(name, ...args);
    await other.tool('tpm2_flushcontext', '-t');
  };
  const policy = async (...options: string[]) => {
    await tool('tpm2_startauthsession', '-S', at('session'), ...options);
    await tool('tpm2_policycommandcode', '-S', at('session'), '-L', at('policy'), 'TPM2_CC_Duplicate');
  };
  const size = Buffer.alloc(2);
  size.writeUInt16BE(publicArea.length);
  writeFileSync(at('parent.pub'), Buffer.concat([size, publicArea]));
  writeFileSync(at('secret'), secret);
  await tool('tpm2_createprimary', '-C', 'o', '-c', at('primary'));
  await policy();
  await tool('tpm2_flushcontext', at('session'));
  const object = ['-u', at('object.pub'), '-r', at('object.priv')];
  const attributes = ['-a', 'userwithauth|noda', '-L', at('policy')];
  await tool('tpm2_create', '-C', at('primary'), '-i', at('secret'), ...attributes, ...object);
  await tool('tpm2_load', '-C', at('primary'), ...object, '-c', at('object'));
  await tool('tpm2_loadexternal', '-C', 'o', '-u', at('parent.pub'), '-c', at('parent'));
  await policy('--policy-session');
  const out = ['-G', 'null', '-r', at('duplicate'), '-s', at('seed')];
  await tool('tpm2_duplicate', '-C', at('parent'), '-c', at('object'), '-p', `session:${at('session')}`, ...out);
  const content = (name: string) => readFileSync(at(name)).subarray(2);
  return { objectPublic: content('object.pub'), duplicate: content('duplicate'), inSymSeed: content('seed') };
}

describeUnless(noSwtpm)('TPM2_Import', () => {
  const t = useTpm();

  it.each(['ecc-p256', 'rsa-2048'] as const)('takes what was duplicated to an %s storage key', async (type) => {
    await t.tpm.withObject(createSrk(t.tpm, type), async (srk) => {
      const blob = await duplicateTo(srk.publicArea);
      await t.tpm.withSession({ sessionType: 'hmac', tpmKey: srk }, async (auth) => {
        const { outPrivate } = await t.tpm.import({ parentHandle: srk, ...blob }, { auth });
        const loading = t.tpm.load({ parentHandle: srk, inPrivate: outPrivate, inPublic: blob.objectPublic }, { auth });
        const unsealed = await t.tpm.withObject(loading, (object) =>
          t.tpm.unsealToBufferExposingSecret({ itemHandle: object }, { auth }),
        );
        expect(String(unsealed)).toBe(secret);

        const broken = Buffer.from(blob.duplicate);
        broken[40] = (broken[40] as number) ^ 1;
        const importing = t.tpm.import({ parentHandle: srk, ...blob, duplicate: broken }, { auth });
        await expect(importing).rejects.toMatchObject({ code: 'ERR_TPM_RC', rcName: 'TPM_RC_INTEGRITY' });
      });
    });
    await expectNothingLoaded(t.swtpm.tcti);
  });
});
