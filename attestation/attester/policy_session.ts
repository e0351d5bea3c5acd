/**
 * Walks a policy session through the policy of a released key (design decision 10; PROTOCOL.md "The key policy"). Decides nothing:
 * every condition is the TPM's to check, and a refusal says at which step it came.
 */
import { TPM_CC } from 'node-tpm2-tss';
import { KeyError } from '../../src/errors.js';
import { statePolicy } from '../protocol/key_policy.js';
import { u32, u64 } from '../tpm/byte_writer.js';
import { TPM_ALG_SHA256, TPM_EO_UNSIGNED_LE } from '../tpm/constants.js';
import { digest } from '../tpm/hash.js';
import { marshalPcrSelection, selectPcrs } from '../tpm/pcr_selection.js';
import { hashOfBank } from './answers.js';
import { pinnedCounter } from './device_keys.js';
import type { Approval, Grant } from './grant.js';
import type { DevicePins } from './pins.js';
import { type Session, type Tpm, tpmRefusal } from './tpm.js';

/** TPMS_TIME_INFO (Part 2, 10.11.6). */
const CLOCK_OFFSET = 8;
const RESET_COUNT_OFFSET = 16;

/** The steps of PROTOCOL.md "The key policy", in session order. */
export async function satisfyPolicy(tpm: Tpm, policySession: Session, pins: DevicePins, terms: Grant): Promise<void> {
  const { lease } = terms;
  const state = await chooseState(tpm, terms);
  const { bank, pcrs } = state.pcrSelection;
  await step('PolicyPCR', terms, () =>
    tpm.policyPCR({ policySession, pcrs: marshalPcrSelection(selectPcrs(hashOfBank(bank), pcrs)) }),
  );
  await step('PolicyAuthorize(K_state)', terms, () => authorize(tpm, policySession, pins.stateKey, state));
  await step('PolicyNV(counter <= N)', terms, () =>
    tpm.policyNV({
      nvIndex: pinnedCounter(pins),
      policySession,
      operandB: u64(lease.counterLimit),
      operation: TPM_EO_UNSIGNED_LE,
    }),
  );
  const { clockLimit, resetLimit } = lease;
  if (clockLimit !== undefined)
    await step('PolicyCounterTimer(clock)', terms, () =>
      counterTimer(tpm, policySession, u64(clockLimit), CLOCK_OFFSET),
    );
  if (resetLimit !== undefined)
    await step('PolicyCounterTimer(resetCount)', terms, () =>
      counterTimer(tpm, policySession, u32(resetLimit), RESET_COUNT_OFFSET),
    );
  await step('PolicyAuthorize(K_lease)', terms, () => authorize(tpm, policySession, pins.leaseKey, lease));
  await step('PolicyCommandCode', terms, () => tpm.policyCommandCode({ policySession, code: TPM_CC.Unseal }));
}

/**
 * The approval that fits the PCRs as they are. Where none does, the first: it is for the TPM to refuse, not for this program,
 * which an attacker may have changed.
 */
async function chooseState(tpm: Tpm, terms: Grant): Promise<Grant['stateApprovals'][number]> {
  for (const approval of terms.stateApprovals) {
    const { bank, pcrs } = approval.pcrSelection;
    const values = await tpm.readPcrs([{ hash: bank, pcrs }]);
    const ordered = [...values].sort((a, b) => a.pcr - b.pcr).map((value) => value.digest);
    const pcrDigest = digest(TPM_ALG_SHA256, ...ordered);
    const policy = statePolicy(selectPcrs(hashOfBank(bank), pcrs), pcrDigest);
    if (policy.equals(approval.approvedPolicy)) return approval;
  }
  return terms.stateApprovals[0] as Grant['stateApprovals'][number];
}

/** PolicyAuthorize needs a ticket of this TPM for the approval's signature: LoadExternal, VerifySignature, flush. */
export async function authorize(
  tpm: Tpm,
  policySession: Session,
  publicKey: Buffer,
  approval: Approval,
): Promise<void> {
  const { approvedPolicy, policyRef, signature } = approval;
  const aHash = digest(TPM_ALG_SHA256, approvedPolicy, policyRef);
  const { name, ticket } = await tpm.withObject(tpm.loadExternal({ inPublic: publicKey }), async (key) => {
    const { validation } = await tpm.verifySignature({ keyHandle: key, digest: aHash, signature });
    return { name: key.name, ticket: validation };
  });
  await tpm.policyAuthorize({ policySession, approvedPolicy, policyRef, keySign: name, checkTicket: ticket });
}

async function counterTimer(tpm: Tpm, policySession: Session, operandB: Buffer, offset: number): Promise<void> {
  await tpm.policyCounterTimer({ policySession, operandB, offset, operation: TPM_EO_UNSIGNED_LE });
}

/** What a refusal at each step means, for people. */
const MEANING: Readonly<Record<string, string>> = {
  'PolicyAuthorize(K_state)': 'the PCRs are in no approved state, or the approval is not by the operator',
  'PolicyNV(counter <= N)': 'the counter is past the limit of the lease: a newer version has run on this device',
  'PolicyCounterTimer(clock)': 'the lease has run out',
  'PolicyCounterTimer(resetCount)': 'the lease allows no more resets',
  'PolicyAuthorize(K_lease)': 'the lease is not by the verifier, or not for this device',
  TPM2_Unseal: 'the policy session does not satisfy the policy of the key',
};

/** @throws KeyError `ERR_UNSEAL_POLICY` where the TPM refuses; other errors as they are */
export async function step<T>(name: string, terms: Grant, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (cause) {
    const rcName = tpmRefusal(cause);
    if (rcName === undefined) throw cause;
    // After `unsealOncePerBoot` the index cannot be read before the next reset.
    const locked = rcName === 'TPM_RC_NV_LOCKED';
    const meaning = locked ? 'this boot has unsealed already: the counter is read-locked' : MEANING[name];
    throw new KeyError('ERR_UNSEAL_POLICY', `TPM refused ${name}: ${rcName}${meaning ? `: ${meaning}` : ''}`, {
      cause,
      fields: { step: name, rcName, keyId: terms.keyId, model: terms.model, version: terms.version.toString() },
    });
  }
}
