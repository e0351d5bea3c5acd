// The order of design decision 10: PolicyPCR, PolicyAuthorize, PolicyNV, PolicyCounterTimer, PolicyAuthorize, PolicyCommandCode, Unseal
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { beforeAll, expect, it } from 'vitest';
import {
  ecdsaSignature,
  ecdsaVerificationKey,
  objectName,
  pcrSelection,
  type Session,
  sealedObjectTemplate,
  TPM_CC,
  TPM_EO,
  TPMA_NV,
  TPMA_OBJECT,
} from '../../native/node-tpm2-tss/src/index.js';
import { describeUnless, noSwtpm } from '../support/requirements.js';
import { createSrk, expectNothingLoaded, useTpm } from '../support/tpm.js';

const hash = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
const pcrs = pcrSelection([{ hash: 'sha256', pcrs: [0, 7, 16] }]);
const secret = Buffer.from('sixteen byte key and then some');
const nvIndex = 0x01800030;
const operandB = Buffer.alloc(8, 0xff);
const resets = Buffer.from('000003e8', 'hex');

class Approver {
  readonly #privateKey: KeyObject;
  readonly publicArea: Buffer;
  constructor(readonly policyRef: Buffer) {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { x, y } = publicKey.export({ format: 'jwk' }) as { x: string; y: string };
    this.#privateKey = privateKey;
    this.publicArea = ecdsaVerificationKey({ x: Buffer.from(x, 'base64url'), y: Buffer.from(y, 'base64url') });
  }
  get name(): Buffer {
    return objectName(this.publicArea);
  }
  approve(policy: Buffer): Buffer {
    const key = { key: this.#privateKey, dsaEncoding: 'ieee-p1363' as const };
    return ecdsaSignature('sha256', sign('sha256', Buffer.concat([policy, this.policyRef]), key));
  }
  /** The digest after PolicyAuthorize (Part 3, 23.16). */
  get policy(): Buffer {
    return hash(hash(Buffer.alloc(32), Buffer.from('0000016a', 'hex'), this.name), this.policyRef);
  }
}

describeUnless(noSwtpm)('unsealing under a policy of approvals', () => {
  const t = useTpm();
  const state = new Approver(Buffer.from('state'));
  const lease = new Approver(Buffer.from('lease'));
  let sealed: { outPrivate: Buffer; outPublic: Buffer };

  /** Runs a body on a trial session and returns its digest. */
  const trial = (body: (policySession: Session) => Promise<unknown>) =>
    t.tpm.withSession({ sessionType: 'trial' }, async (policySession) => {
      await body(policySession);
      return t.tpm.policyGetDigest({ policySession });
    });
  const authorize = async (policySession: Session, approver: Approver, approvedPolicy: Buffer, signature: Buffer) => {
    const { policyRef, name } = approver;
    const checkTicket = await t.tpm.withObject(t.tpm.loadExternal({ inPublic: approver.publicArea }), async (key) => {
      const digest = hash(approvedPolicy, policyRef);
      return (await t.tpm.verifySignature({ keyHandle: key, digest, signature })).validation;
    });
    await t.tpm.policyAuthorize({ policySession, approvedPolicy, policyRef, keySign: name, checkTicket });
  };
  const leaseTerms = async (policySession: Session) => {
    await t.tpm.policyNV({ nvIndex, policySession, operandB, operation: TPM_EO.UNSIGNED_LE });
    await t.tpm.policyCounterTimer({ policySession, operandB: resets, offset: 16, operation: TPM_EO.UNSIGNED_LT });
  };

  let statePolicy: Buffer;
  let leasePolicy: Buffer;
  const unseal = (approvedState: Buffer, code: number = TPM_CC.Unseal) =>
    t.tpm.withObject(createSrk(t.tpm), (srk) =>
      t.tpm.withObject(
        t.tpm.load({ parentHandle: srk, inPrivate: sealed.outPrivate, inPublic: sealed.outPublic }),
        (object) =>
          t.tpm.withSession({ sessionType: 'policy', tpmKey: srk }, async (policySession) => {
            await t.tpm.policyPCR({ policySession, pcrs });
            await authorize(policySession, state, approvedState, state.approve(approvedState));
            await leaseTerms(policySession);
            await authorize(policySession, lease, leasePolicy, lease.approve(leasePolicy));
            await t.tpm.policyCommandCode({ policySession, code });
            return t.tpm.unsealToBufferExposingSecret({ itemHandle: object }, { auth: policySession });
          }),
      ),
    );

  beforeAll(async () => {
    const attributes =
      TPMA_NV.TPM_NT_COUNTER | TPMA_NV.AUTHREAD | TPMA_NV.AUTHWRITE | TPMA_NV.NO_DA | TPMA_NV.READ_STCLEAR;
    await t.tpm.nvDefineSpace({ publicInfo: { nvIndex, attributes, dataSize: 8 } });
    await t.tpm.nvIncrement({ nvIndex });
    statePolicy = await trial((policySession) => t.tpm.policyPCR({ policySession, pcrs }));
    // The digest that the lease key approves: the state approval, then the terms.
    leasePolicy = await trial(async (policySession) => {
      await t.tpm.policyPCR({ policySession, pcrs });
      await authorize(policySession, state, statePolicy, state.approve(statePolicy));
      await leaseTerms(policySession);
    });
    const authPolicy = hash(lease.policy, Buffer.from('0000016c', 'hex'), Buffer.from('0000015e', 'hex'));
    const template = { authPolicy, attributes: TPMA_OBJECT.adminWithPolicy | TPMA_OBJECT.noDA };
    sealed = await t.tpm.withObject(createSrk(t.tpm), (srk) =>
      t.tpm.withSession({ sessionType: 'hmac', tpmKey: srk }, (encryption) =>
        t.tpm.create({ parentHandle: srk, inPublic: sealedObjectTemplate(template), data: secret }, { encryption }),
      ),
    );
  });

  it('gives the secret in the approved state', async () => {
    expect(await unseal(statePolicy)).toEqual(secret);
  });

  it('does not without the policy', async () => {
    await t.tpm.withObject(createSrk(t.tpm), (srk) =>
      t.tpm.withObject(
        t.tpm.load({ parentHandle: srk, inPrivate: sealed.outPrivate, inPublic: sealed.outPublic }),
        async (object) => {
          const answer = t.tpm.unseal({ itemHandle: object });
          await expect(answer).rejects.toMatchObject({ rcName: 'TPM_RC_AUTH_UNAVAILABLE' });
        },
      ),
    );
  });

  it('does not for another command code', async () => {
    await expect(unseal(statePolicy, TPM_CC.Duplicate)).rejects.toMatchObject({ rcName: 'TPM_RC_POLICY_FAIL' });
  });

  it('does not once a PCR changed, whatever is claimed', async () => {
    await t.tpm.pcrExtend({ pcrHandle: 16, digests: { sha256: hash(Buffer.from('unexpected')) } });
    await expect(unseal(statePolicy)).rejects.toMatchObject({
      command: 'TPM2_PolicyAuthorize',
      rcName: 'TPM_RC_VALUE',
    });
  });

  it('leaves nothing loaded after all this', async () => {
    await expectNothingLoaded(t.swtpm.tcti);
  });
});
