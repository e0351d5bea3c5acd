/** `sealedge/verifier`: appraisal as a library, without service, store or addon. */
export { decodeEvidenceMessage, type Evidence } from '../protocol/decode.js';
export { type Endorsements, readDeviceRecord } from '../protocol/device_record.js';
export {
  type AppraisalPolicy,
  type ClaimsJudge,
  judgeByPolicy,
  parseAppraisalPolicy,
} from './appraisal_policy.js';
export { type Appraisal, type AppraisalInput, appraise, requireAffirming } from './appraise.js';
export { type AttestationResult, buildAttestationResult, readAttestationResult } from './attestation_result.js';
export type { Claims, FailedClaim } from './claims.js';
export { type Ear, validateEar } from './ear.js';
export { type EkTrust, verifyEk } from './endorsements.js';
export { parseReferenceValues, type ReferenceState } from './reference_values.js';
export { signAttestationResult, verifyAttestationResult } from './sign_result.js';
export { verifyAttest, verifyCertify, verifyCounterCertify, verifyQuote } from './verify.js';
