/**
 * Run by npm run test:arm64 in an emulated Node, against a swtpm of the machine's own architecture: the TPM addon seals under a PCR
 * policy, unseals through a salted session, and is refused once the PCR has changed.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  pcrSelection,
  sealedObjectTemplate,
  srkTemplate,
  TPM_CC,
  TPM_RH,
  TPMA_OBJECT,
  Tpm,
  TpmError,
} from '../../native/node-tpm2-tss/src/index.js';
import { secretMemoryReport } from '../../src/index.js';
import { Swtpm } from '../support/swtpm.js';

const pcrs = pcrSelection([{ hash: 'sha256', pcrs: [16] }]);

async function sealAndUnseal(tpm: Tpm): Promise<void> {
  const authPolicy = await tpm.withSession({ sessionType: 'trial' }, async (policySession) => {
    await tpm.policyPCR({ policySession, pcrs });
    await tpm.policyCommandCode({ policySession, code: TPM_CC.Unseal });
    return tpm.policyGetDigest({ policySession });
  });
  const inPublic = sealedObjectTemplate({
    authPolicy,
    attributes: TPMA_OBJECT.adminWithPolicy | TPMA_OBJECT.noDA,
  });
  const key = randomBytes(32);
  const storageKey = tpm.createPrimary({ primaryHandle: TPM_RH.OWNER, inPublic: srkTemplate('ecc-p256') });
  await tpm.withObject(storageKey, async (srk) => {
    const sealed = await tpm.withSession({ sessionType: 'hmac', tpmKey: srk }, (encryption) =>
      tpm.create({ parentHandle: srk, inPublic, data: key }, { encryption }),
    );
    const load = { parentHandle: srk, inPrivate: sealed.outPrivate, inPublic: sealed.outPublic };
    const unseal = () =>
      tpm.withObject(tpm.load(load), (itemHandle) =>
        tpm.withSession({ sessionType: 'policy', tpmKey: srk }, async (policySession) => {
          await tpm.policyPCR({ policySession, pcrs });
          await tpm.policyCommandCode({ policySession, code: TPM_CC.Unseal });
          return tpm.unsealToBufferExposingSecret({ itemHandle }, { auth: policySession });
        }),
      );
    assert.deepEqual(await unseal(), key);
    await tpm.pcrExtend({ pcrHandle: 16, digests: { sha256: randomBytes(32) } });
    await assert.rejects(unseal(), (error) => error instanceof TpmError && error.rcName === 'TPM_RC_POLICY_FAIL');
  });
}

const swtpm = await Swtpm.start({ ekCertificates: false });
try {
  const tpm = await Tpm.open({ tcti: swtpm.tcti });
  try {
    await sealAndUnseal(tpm);
  } finally {
    await tpm.close();
  }
  console.log(`pass  seal, unseal and refusal on ${process.arch}, secret memory ${secretMemoryReport().level}`);
} finally {
  await swtpm.stop();
}
