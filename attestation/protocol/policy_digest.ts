/**
 * Policy digests of enhanced authorization (TPM 2.0 Part 1, 19.7; Part 3, 23), computed without a TPM. A policy is a list of
 * steps applied in session order to a digest that starts at zero. All sessions and objects here use SHA-256.
 */
import { UsageError } from '../../src/errors.js';
import { u16, u32 } from '../tpm/byte_writer.js';
import {
  TPM_ALG_SHA256,
  TPM_CC_PolicyAuthorize,
  TPM_CC_PolicyCommandCode,
  TPM_CC_PolicyCounterTimer,
  TPM_CC_PolicyNV,
  TPM_CC_PolicyOR,
  TPM_CC_PolicyPCR,
  TPM_CC_PolicySecret,
} from '../tpm/constants.js';
import { digest } from '../tpm/hash.js';
import { marshalPcrSelection, type PcrSelection } from '../tpm/pcr_selection.js';

const POLICY_DIGEST_BYTES = 32;
/** Offsets into TPMS_TIME_INFO (Part 2, 10.11.6) for {@link policyCounterTimer}. */
export const TIME_INFO_CLOCK_OFFSET = 8;
export const TIME_INFO_RESET_COUNT_OFFSET = 16;

/** The digest a policy session starts with. */
export function emptyPolicy(): Buffer {
  return Buffer.alloc(POLICY_DIGEST_BYTES);
}

const sha256 = (...parts: readonly Uint8Array[]): Buffer => digest(TPM_ALG_SHA256, ...parts);

/** PolicyUpdate(), Part 3, 23.2.3: two hashes, the second even when policyRef is empty. */
function policyUpdate(policy: Uint8Array, commandCode: number, name: Uint8Array, policyRef: Uint8Array): Buffer {
  return sha256(sha256(policy, u32(commandCode), name), policyRef);
}

/** TPM2_PolicyPCR, Part 3, 23.7. `pcrDigest` is SHA-256 over the selected values in selection order. */
export function policyPcr(policy: Uint8Array, selection: PcrSelection, pcrDigest: Uint8Array): Buffer {
  return sha256(policy, u32(TPM_CC_PolicyPCR), marshalPcrSelection(selection), pcrDigest);
}

/**
 * TPM2_PolicyAuthorize, Part 3, 23.16. The digest so far is replaced, not extended: whoever holds `keyName` decides which
 * digests may stand in its place.
 */
export function policyAuthorize(keyName: Uint8Array, policyRef: Uint8Array): Buffer {
  return policyUpdate(emptyPolicy(), TPM_CC_PolicyAuthorize, keyName, policyRef);
}

/** TPM2_PolicyNV, Part 3, 23.9. `nvName` is the Name with TPMA_NV_WRITTEN set and TPMA_NV_READLOCKED clear. */
export function policyNv(
  policy: Uint8Array,
  nvName: Uint8Array,
  operandB: Uint8Array,
  offset: number,
  operation: number,
): Buffer {
  const args = sha256(operandB, u16(offset), u16(operation));
  return sha256(policy, u32(TPM_CC_PolicyNV), args, nvName);
}

/** TPM2_PolicyCounterTimer, Part 3, 23.10: compares a part of TPMS_TIME_INFO. */
export function policyCounterTimer(
  policy: Uint8Array,
  operandB: Uint8Array,
  offset: number,
  operation: number,
): Buffer {
  const args = sha256(operandB, u16(offset), u16(operation));
  return sha256(policy, u32(TPM_CC_PolicyCounterTimer), args);
}

/** TPM2_PolicyCommandCode, Part 3, 23.11. */
export function policyCommandCode(policy: Uint8Array, commandCode: number): Buffer {
  return sha256(policy, u32(TPM_CC_PolicyCommandCode), u32(commandCode));
}

/** TPM2_PolicyOR, Part 3, 23.6: the digest so far is replaced by one over all branches. */
export function policyOr(branches: readonly Uint8Array[]): Buffer {
  if (branches.length < 2 || branches.length > 8) {
    throw new UsageError('ERR_OPTION_INVALID', `PolicyOR takes 2 to 8 branches, got ${branches.length}`);
  }
  return sha256(emptyPolicy(), u32(TPM_CC_PolicyOR), ...branches);
}

/** TPM2_PolicySecret, Part 3, 23.4. `entityName` of a hierarchy is its handle. */
export function policySecret(policy: Uint8Array, entityName: Uint8Array, policyRef: Uint8Array): Buffer {
  return policyUpdate(policy, TPM_CC_PolicySecret, entityName, policyRef);
}
