/**
 * Appraisal: a pure function of evidence, endorsements, reference values, policy, expected nonce and now (design decision 17).
 * Genuine Evidence of a bad state gives a contraindicated appraisal; Evidence that is not genuine gives an error and no appraisal.
 * Signing is done elsewhere (sign_result.ts).
 */
import { AppraisalError, EvidenceError } from '../../src/errors.js';
import type { Evidence } from '../protocol/decode.js';
import type { Endorsements } from '../protocol/device_record.js';
import { residencyQualifyingData } from '../protocol/residency.js';
import type { PcrSelection, PcrValues } from '../tpm/pcr_selection.js';
import type { ClockInfo } from '../tpm/tpms_attest.js';
import {
  type AppraisalPolicy,
  type ClaimsJudge,
  judgeByPolicy,
  policySelection,
  policyUri,
} from './appraisal_policy.js';
import { type Claims, type FailedClaim, ROOT_CODE_EXCLUSIONS } from './claims.js';
import { matchReferenceState, type ReferenceState } from './reference_values.js';
import { attestationKeyOf, checkAk, checkCounter, checkStorageKey } from './templates.js';
import { type AttestationKey, equalBytes, verifyCertify, verifyCounterCertify, verifyQuote } from './verify.js';

export interface AppraisalInput {
  evidence: Evidence;
  endorsements: Endorsements;
  referenceValues: readonly ReferenceState[];
  policy: AppraisalPolicy;
  /** 32 bytes; that it was issued to this device and not used before is the store's business ([V1]). */
  expectedNonce: Uint8Array;
  now: Date;
  /** Takes the place of the policy's own judgement: where a Cedar policy plugs in. */
  judge?: ClaimsJudge;
}

type AppraisalStatus = 'affirming' | 'contraindicated';

export interface Appraisal {
  status: AppraisalStatus;
  deviceId: string;
  fleet: string;
  policyUri: string;
  nonce: Uint8Array;
  akName: Uint8Array;
  storageKeyName: Uint8Array;
  selection: PcrSelection;
  values: PcrValues;
  claims: Claims;
  /** In full, for the log. */
  failedClaims: readonly FailedClaim[];
  /** Certified now; absent while the counter is read-locked. */
  counterValue?: bigint;
  issuedAt: Date;
  expiresAt: Date;
}

/**
 * @throws EvidenceError for Evidence that is malformed, stale, forged or of another device
 * @throws AppraisalError `ERR_DEVICE_REVOKED`
 */
export function appraise(input: AppraisalInput): Appraisal {
  const { evidence, endorsements, policy, expectedNonce: nonce, now } = input;
  if (endorsements.revoked) {
    throw new AppraisalError('ERR_DEVICE_REVOKED', `device ${endorsements.deviceId} is revoked`);
  }
  const checkedAk = checkAk(endorsements.akPublic);
  const ak = attestationKeyOf(checkedAk);
  const options = { allowSha1: policy.allowSha1 };
  // From here on the policy's own selection: the quoted one has the same PCRs, but may be encoded otherwise.
  const selection = policySelection(policy);
  const { residency } = evidence;
  // [V11]: a statement put in, taken out or altered on the way makes another nonce.
  const quoteNonce = residency === undefined ? nonce : residencyQualifyingData(nonce, residency);
  const quote = verifyQuote(evidence.quote, evidence.pcrs, ak, quoteNonce, selection, options);
  const storageKeyName = checkStorageKeyEvidence(evidence, endorsements, ak, nonce);
  const counterValue = checkCounterEvidence(evidence, endorsements, ak, nonce);
  checkClock(endorsements.lastClock, quote.attest.clockInfo);

  const state = collectClaims(input.referenceValues, selection, quote.values, quote.attest.clockInfo);
  const claims = residency === undefined ? state : { ...state, residency };
  const failedClaims = (input.judge ?? judgeByPolicy(policy))(claims);
  return {
    status: failedClaims.length === 0 ? 'affirming' : 'contraindicated',
    deviceId: endorsements.deviceId,
    fleet: endorsements.fleet,
    policyUri: policyUri(policy),
    nonce,
    akName: checkedAk.name,
    storageKeyName,
    selection,
    values: quote.values,
    claims,
    failedClaims,
    ...(counterValue === undefined ? {} : { counterValue }),
    issuedAt: now,
    expiresAt: new Date(now.getTime() + policy.resultLifetimeSeconds * 1000),
  };
}

/** [V6]: the enrolled storage key, still in this TPM. After TPM2_Clear it is another one. */
function checkStorageKeyEvidence(
  evidence: Evidence,
  endorsements: Endorsements,
  ak: AttestationKey,
  nonce: Uint8Array,
): Buffer {
  const checked = checkStorageKey(evidence.storageKey.public);
  if (!equalBytes(checked.name, endorsements.storageKeyName)) {
    throw differs('ERR_STORAGE_KEY', 'storage key Name', endorsements.storageKeyName, checked.name);
  }
  verifyCertify(evidence.storageKey, checked, ak, nonce);
  return checked.name;
}

/** [V6]. */
function checkCounterEvidence(
  evidence: Evidence,
  endorsements: Endorsements,
  ak: AttestationKey,
  nonce: Uint8Array,
): bigint | undefined {
  if (evidence.counter === undefined) return undefined;
  const { name } = checkCounter(evidence.counter.nvPublic);
  if (!equalBytes(name, endorsements.counterName)) {
    throw differs('ERR_NV_CERTIFY', 'counter Name', endorsements.counterName, name);
  }
  const value = verifyCounterCertify(evidence.counter, name, ak, nonce);
  const last = endorsements.lastCounter;
  if (last !== undefined && value < last) {
    const fields = { what: 'counter', expected: `at least ${last}`, got: `${value}` };
    throw new EvidenceError('ERR_NV_CERTIFY', `counter: expected at least ${last}, got ${value}`, { fields });
  }
  return value;
}

/**
 * [V7]. resetCount and restartCount only grow, restartCount within one resetCount, until TPM2_Clear sets them to zero. clock only
 * grows while the TPM is powered: after an unorderly shutdown it resumes from what was last written to NV (Part 1, 36.3).
 */
export function checkClock(last: ClockInfo | undefined, now: ClockInfo): void {
  if (last === undefined) return;
  if (now.resetCount < last.resetCount) throw clockError('resetCount', last.resetCount, now.resetCount);
  if (now.resetCount === last.resetCount && now.restartCount < last.restartCount) {
    throw clockError('restartCount', last.restartCount, now.restartCount);
  }
  const sameBoot = now.resetCount === last.resetCount && now.restartCount === last.restartCount;
  if (sameBoot && now.clock < last.clock) throw clockError('clock', last.clock, now.clock);
}

function clockError(what: string, last: number | bigint, got: number | bigint): EvidenceError {
  const fields = { what, expected: `at least ${last}`, got: String(got) };
  return new EvidenceError('ERR_CLOCK', `${what}: expected at least ${last}, got ${got}`, { fields });
}

/** [V9], [V10]. */
function collectClaims(
  states: readonly ReferenceState[],
  selection: PcrSelection,
  values: PcrValues,
  clock: ClockInfo,
): Claims {
  const match = matchReferenceState(states, selection, values);
  if ('mismatches' in match) {
    const { mismatches } = match;
    return { referenceMismatches: mismatches, rootCodeExcludedBy: [], arbitraryRootCodeExcluded: false, clock };
  }
  const { id, rootCodeExcludedBy } = match.state;
  return {
    referenceState: id,
    referenceMismatches: [],
    rootCodeExcludedBy,
    arbitraryRootCodeExcluded: ROOT_CODE_EXCLUSIONS.every((one) => rootCodeExcludedBy.includes(one)),
    clock,
  };
}

/** For callers that want an error instead of a status. @throws AppraisalError `ERR_REFERENCE_VALUE_MISMATCH` */
export function requireAffirming(appraisal: Appraisal): void {
  if (appraisal.status === 'affirming') return;
  const text = appraisal.failedClaims.map(({ claim, expected, got }) => `${claim}: expected ${expected}, got ${got}`);
  throw new AppraisalError('ERR_REFERENCE_VALUE_MISMATCH', text.join('; '), {
    fields: { deviceId: appraisal.deviceId, failedClaims: appraisal.failedClaims },
  });
}

function differs(
  code: 'ERR_STORAGE_KEY' | 'ERR_NV_CERTIFY',
  what: string,
  expected: Uint8Array,
  got: Uint8Array,
): Error {
  const fields = { what, expected: Buffer.from(expected).toString('hex'), got: Buffer.from(got).toString('hex') };
  return new EvidenceError(code, `${what}: expected ${fields.expected}, got ${fields.got}`, { fields });
}
