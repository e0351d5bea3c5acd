// TPM2_ActivateCredential under the policy of the EK; challenges made by tpm2_makecredential without a TPM
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ekTemplate, ekTemplateIds, TPM_RH } from '../../native/node-tpm2-tss/src/index.js';
import { describeUnless, noSwtpm } from '../support/requirements.js';
import { createAk, expectNothingLoaded, useTpm } from '../support/tpm.js';

describeUnless(noSwtpm)('TPM2_ActivateCredential', () => {
  const t = useTpm();

  /** The blob file of tpm2_makecredential: magic (4), version (4), TPM2B_ID_OBJECT, TPM2B_ENCRYPTED_SECRET. */
  async function challenge(ekPublicArea: Buffer, akName: Buffer, secret: Buffer) {
    const at = (name: string) => join(t.swtpm.directory, name);
    const size = Buffer.alloc(2);
    size.writeUInt16BE(ekPublicArea.length);
    writeFileSync(at('ek.pub'), Buffer.concat([size, ekPublicArea]));
    writeFileSync(at('secret'), secret);
    const args = ['-T', 'none', '-u', at('ek.pub'), '-s', at('secret'), '-n', akName.toString('hex'), '-o', at('blob')];
    await t.swtpm.tool('tpm2_makecredential', ...args);
    const blob = readFileSync(at('blob'));
    const idSize = blob.readUInt16BE(8);
    return { credentialBlob: blob.subarray(10, 10 + idSize), secret: blob.subarray(12 + idSize) };
  }

  it.each(ekTemplateIds)('answers a challenge to an EK of template %s', async (id) => {
    const template = ekTemplate(id);
    const secret = Buffer.from('challenge of the verifier');
    await t.tpm.withObject(createAk(t.tpm), (ak) =>
      t.tpm.withObject(t.tpm.createEk(template), async (ek) => {
        const blob = await challenge(ek.publicArea, ak.name, secret);
        const session = await t.tpm.startEkPolicySession(template, { tpmKey: ek });
        try {
          const answer = await t.tpm.activateCredential(
            { activateHandle: ak, keyHandle: ek, ...blob },
            { auth: [{ password: Buffer.alloc(0) }, session] },
          );
          expect(answer.certInfo).toEqual(secret);
        } finally {
          await session.flush();
        }
      }),
    );
    await expectNothingLoaded(t.swtpm.tcti);
  });

  it('does not answer for another AK', async () => {
    const template = ekTemplate('L-2');
    await t.tpm.withObject(createAk(t.tpm, 'ecc-p256'), (ak) =>
      t.tpm.withObject(t.tpm.createEk(template), async (ek) => {
        const other = Buffer.from(ak.name);
        other[10] = (other[10] as number) ^ 1;
        const blob = await challenge(ek.publicArea, other, Buffer.from('x'));
        const session = await t.tpm.startEkPolicySession(template);
        const answer = t.tpm.activateCredential(
          { activateHandle: ak, keyHandle: ek, ...blob },
          { auth: [{ password: Buffer.alloc(0) }, session] },
        );
        await expect(answer).rejects.toMatchObject({
          rcName: 'TPM_RC_INTEGRITY',
          fields: { argument: 'parameter 1' },
        });
        await session.flush();
      }),
    );
  });

  it('leaves no session when the endorsement hierarchy refuses', async () => {
    const newAuth = Buffer.from('endorsement');
    const template = ekTemplate('H-2');
    await t.tpm.hierarchyChangeAuth({ authHandle: TPM_RH.ENDORSEMENT, newAuth });
    await expect(t.tpm.startEkPolicySession(template)).rejects.toMatchObject({
      command: 'TPM2_PolicySecret',
      rcName: 'TPM_RC_BAD_AUTH',
    });
    await expectNothingLoaded(t.swtpm.tcti);
    const endorsement = { auth: { password: newAuth } };
    await (await t.tpm.startEkPolicySession(template, { endorsement })).flush();
    await t.tpm.hierarchyChangeAuth(
      { authHandle: TPM_RH.ENDORSEMENT, newAuth: Buffer.alloc(0) },
      { auth: { password: newAuth } },
    );
  });
});
