// Trial sessions: our policy digests equal those of tpm2_policy* and of the formulas of Part 3, 23
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  ecdsaSignature,
  ecdsaVerificationKey,
  nvName,
  pcrSelection,
  type Session,
  TPM_CC,
  TPM_EO,
  TPM_RH,
  TPMA_NV,
} from '../../native/node-tpm2-tss/src/index.js';
import { describeUnless, noSwtpm } from '../support/requirements.js';
import { expectNothingLoaded, useTpm } from '../support/tpm.js';

const zeros = Buffer.alloc(32);
const hash = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
const u16 = (n: number) => Buffer.from([n >> 8, n & 255]);
const u32 = (n: number) => Buffer.concat([u16(n >>> 16), u16(n & 0xffff)]);

describeUnless(noSwtpm)('policy digests', () => {
  const t = useTpm();

  /** The digest that our commands make of a trial session. */
  function ours(build: (policySession: Session) => Promise<unknown>): Promise<Buffer> {
    return t.tpm.withSession({ sessionType: 'trial' }, async (policySession) => {
      await build(policySession);
      return t.tpm.policyGetDigest({ policySession });
    });
  }

  /** The digest that a stock tool makes of a trial session; `-S` and `-L` are added. */
  async function theirs(tool: string, ...args: string[]): Promise<Buffer> {
    const at = (name: string) => join(t.swtpm.directory, name);
    await t.swtpm.tool('tpm2_startauthsession', '-S', at('trial.ctx'));
    await t.swtpm.tool(tool, '-S', at('trial.ctx'), '-L', at('policy'), ...args);
    await t.swtpm.tool('tpm2_flushcontext', at('trial.ctx'));
    return readFileSync(at('policy'));
  }

  it('PolicyPCR', async () => {
    const pcrs = pcrSelection([{ hash: 'sha256', pcrs: [0, 7] }]);
    const values = await t.tpm.readPcrs([{ hash: 'sha256', pcrs: [0, 7] }]);
    const digest = await ours((policySession) => t.tpm.policyPCR({ policySession, pcrs }));
    expect(digest).toEqual(await theirs('tpm2_policypcr', '-l', 'sha256:0,7'));
    expect(digest).toEqual(hash(zeros, u32(TPM_CC.PolicyPCR), pcrs, hash(...values.map((value) => value.digest))));
  });

  it('PolicySecret', async () => {
    const authHandle = TPM_RH.ENDORSEMENT;
    const digest = await ours((policySession) => t.tpm.policySecret({ authHandle, policySession }));
    expect(digest).toEqual(await theirs('tpm2_policysecret', '-c', 'e'));
  });

  it('PolicyCommandCode', async () => {
    const digest = await ours((policySession) => t.tpm.policyCommandCode({ policySession, code: TPM_CC.Unseal }));
    expect(digest).toEqual(await theirs('tpm2_policycommandcode', 'TPM2_CC_Unseal'));
    expect(digest).toEqual(hash(zeros, u32(TPM_CC.PolicyCommandCode), u32(TPM_CC.Unseal)));
  });

  it('PolicyAuthValue', async () => {
    const digest = await ours((policySession) => t.tpm.policyAuthValue({ policySession }));
    expect(digest).toEqual(await theirs('tpm2_policyauthvalue'));
  });

  it('PolicyOR', async () => {
    const branches = [hash(Buffer.from('a')), hash(Buffer.from('b'))];
    const files = branches.map((branch, i) => {
      const path = join(t.swtpm.directory, `branch${i}`);
      writeFileSync(path, branch);
      return path;
    });
    const digest = await ours((policySession) => t.tpm.policyOR({ policySession, pHashList: branches }));
    expect(digest).toEqual(await theirs('tpm2_policyor', '-l', `sha256:${files.join(',')}`));
  });

  it('PolicyNV', async () => {
    const nvIndex = 0x01800020;
    const attributes = TPMA_NV.TPM_NT_COUNTER | TPMA_NV.AUTHREAD | TPMA_NV.AUTHWRITE | TPMA_NV.NO_DA;
    await t.tpm.nvDefineSpace({ publicInfo: { nvIndex, attributes, dataSize: 8 } });
    await t.tpm.nvIncrement({ nvIndex });
    const operandB = Buffer.from('0000000000000fff', 'hex');
    const operation = TPM_EO.UNSIGNED_LE;
    const digest = await ours((policySession) => t.tpm.policyNV({ nvIndex, policySession, operandB, operation }));
    const file = join(t.swtpm.directory, 'operand');
    writeFileSync(file, operandB);
    expect(digest).toEqual(await theirs('tpm2_policynv', '-C', '0x01800020', '-i', file, '0x01800020', 'ule'));
    const name = nvName((await t.tpm.nvReadPublic({ nvIndex })).nvPublic);
    expect(digest).toEqual(hash(zeros, u32(TPM_CC.PolicyNV), hash(operandB, u16(0), u16(operation)), name));
  });

  it('PolicyCounterTimer', async () => {
    const operandB = u32(99);
    const operation = TPM_EO.UNSIGNED_LT;
    const digest = await ours((policySession) =>
      t.tpm.policyCounterTimer({ policySession, operandB, offset: 16, operation }),
    );
    expect(digest).toEqual(await theirs('tpm2_policycountertimer', '--ult', 'resets=99'));
    expect(digest).toEqual(hash(zeros, u32(TPM_CC.PolicyCounterTimer), hash(operandB, u16(16), u16(operation))));
  });

  it('PolicyAuthorize, with a ticket of VerifySignature', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { x, y } = publicKey.export({ format: 'jwk' }) as { x: string; y: string };
    const inPublic = ecdsaVerificationKey({ x: Buffer.from(x, 'base64url'), y: Buffer.from(y, 'base64url') });
    const approvedPolicy = hash(zeros, u32(TPM_CC.PolicyCommandCode), u32(TPM_CC.Unseal));
    const policyRef = Buffer.from('reference');
    const approval = Buffer.concat([approvedPolicy, policyRef]);
    const rs = sign('sha256', approval, { key: privateKey, dsaEncoding: 'ieee-p1363' });
    await t.tpm.withObject(t.tpm.loadExternal({ inPublic }), async (key) => {
      const signature = ecdsaSignature('sha256', rs);
      const ticket = await t.tpm.verifySignature({ keyHandle: key, digest: hash(approval), signature });
      const digest = await t.tpm.withSession({ sessionType: 'policy' }, async (policySession) => {
        await t.tpm.policyCommandCode({ policySession, code: TPM_CC.Unseal });
        const checkTicket = ticket.validation;
        await t.tpm.policyAuthorize({ policySession, approvedPolicy, policyRef, keySign: key.name, checkTicket });
        return t.tpm.policyGetDigest({ policySession });
      });
      expect(digest).toEqual(hash(hash(zeros, u32(TPM_CC.PolicyAuthorize), key.name), policyRef));

      const wrong = Buffer.concat([rs.subarray(0, 63), Buffer.from([(rs[63] as number) ^ 1])]);
      const verified = t.tpm.verifySignature({
        keyHandle: key,
        digest: hash(approval),
        signature: ecdsaSignature('sha256', wrong),
      });
      await expect(verified).rejects.toMatchObject({ rcName: 'TPM_RC_SIGNATURE', command: 'TPM2_VerifySignature' });
    });
    await expectNothingLoaded(t.swtpm.tcti);
  });

  it('is computed in the hash that the session was started with', async () => {
    const digest = await t.tpm.withSession({ sessionType: 'trial', authHash: 'sha384' }, async (policySession) => {
      await t.tpm.policyCommandCode({ policySession, code: TPM_CC.Unseal });
      return t.tpm.policyGetDigest({ policySession });
    });
    const expected = createHash('sha384').update(Buffer.alloc(48)).update(u32(TPM_CC.PolicyCommandCode));
    expect(digest).toEqual(expected.update(u32(TPM_CC.Unseal)).digest());
  });
});
