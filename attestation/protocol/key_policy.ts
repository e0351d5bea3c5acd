/**
 * The policy of a released key (design decision 10; PROTOCOL.md "The key policy"):
 *
 *   PolicyPCR -> PolicyAuthorize(K_state, refState) -> PolicyNV(counter <= N) [-> PolicyCounterTimer ...]
 *     -> PolicyAuthorize(K_lease, refLease) -> PolicyCommandCode(TPM2_Unseal)
 *
 * authPolicy covers only the last two steps, so it never changes; what may stand before them is what the two keys approve.
 */
import { UsageError } from '../../src/errors.js';
import { u32, u64 } from '../tpm/byte_writer.js';
import {
  TPM_ALG_SHA256,
  TPM_CC_Unseal,
  TPM_EO_UNSIGNED_LE,
  TPMA_OBJECT_ADMINWITHPOLICY,
  TPMA_OBJECT_NODA,
} from '../tpm/constants.js';
import { digest } from '../tpm/hash.js';
import { type PcrSelection, type PcrValues, pcrDigest } from '../tpm/pcr_selection.js';
import { FLEET_NAME } from './decode.js';
import {
  emptyPolicy,
  policyAuthorize,
  policyCommandCode,
  policyCounterTimer,
  policyNv,
  policyPcr,
  TIME_INFO_CLOCK_OFFSET,
  TIME_INFO_RESET_COUNT_OFFSET,
} from './policy_digest.js';

const STATE_DOMAIN = 'sealedge/state/1';
const LEASE_DOMAIN = 'sealedge/lease/1';
/**
 * TPMA_OBJECT of a released key, exactly (design decision 9): userWithAuth would open it with an empty password; fixedTPM and
 * fixedParent cannot be set in an import; noDA because there is no authValue to guess.
 */
export const SEALED_OBJECT_ATTRIBUTES = TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_NODA;
/** nameAlg and SHA-256. */
const NAME_BYTES = 34;
const KEY_ID_BYTES = 32;

export interface LeaseTerms {
  /** N: the counter may be at most this. */
  counterLimit: bigint;
  /** Clock, milliseconds of TPM-powered time, may be at most this. */
  clockLimit?: bigint;
  /** resetCount may be at most this. */
  resetLimit?: number;
}

/** @throws UsageError when `fleet` is no fleet name. */
function checkFleetName(fleet: string): void {
  if (!FLEET_NAME.test(fleet)) {
    throw new UsageError(
      'ERR_OPTION_INVALID',
      `fleet name: expected ${FLEET_NAME.source}, got ${JSON.stringify(fleet)}`,
    );
  }
}

/** refState = SHA-256("sealedge/state/1" ‖ fleet ‖ u64 epoch). Injective: only the middle has no fixed length. */
export function refState(fleet: string, epoch: bigint): Buffer {
  checkFleetName(fleet);
  return digest(TPM_ALG_SHA256, Buffer.from(STATE_DOMAIN), Buffer.from(fleet), u64(epoch));
}

/** refLease = SHA-256("sealedge/lease/1" ‖ AK Name ‖ key id), 34 and 32 bytes. */
export function refLease(akName: Uint8Array, keyId: Uint8Array): Buffer {
  requireLength('AK Name', akName, NAME_BYTES);
  requireLength('key id', keyId, KEY_ID_BYTES);
  return digest(TPM_ALG_SHA256, Buffer.from(LEASE_DOMAIN), akName, keyId);
}

/** What K_state approves: policyDigest after PolicyPCR. `pcrDigest` is SHA-256 over the selected values. */
export function statePolicy(selection: PcrSelection, pcrDigest: Uint8Array): Buffer {
  return policyPcr(emptyPolicy(), selection, pcrDigest);
}

/** {@link statePolicy} of PCR values; undefined when a selected PCR has no value of its bank's size. */
export function policyOfState(selection: PcrSelection, values: PcrValues): Buffer | undefined {
  const computed = pcrDigest(TPM_ALG_SHA256, selection, values);
  return 'missing' in computed ? undefined : statePolicy(selection, computed.digest);
}

/** What K_lease approves: policyDigest after PolicyAuthorize(K_state), PolicyNV and the PolicyCounterTimers. */
export function leasePolicy(
  stateKeyName: Uint8Array,
  stateRef: Uint8Array,
  counterName: Uint8Array,
  terms: LeaseTerms,
): Buffer {
  let policy = policyAuthorize(stateKeyName, stateRef);
  policy = policyNv(policy, counterName, u64(terms.counterLimit), 0, TPM_EO_UNSIGNED_LE);
  if (terms.clockLimit !== undefined) {
    policy = policyCounterTimer(policy, u64(terms.clockLimit), TIME_INFO_CLOCK_OFFSET, TPM_EO_UNSIGNED_LE);
  }
  if (terms.resetLimit !== undefined) {
    policy = policyCounterTimer(policy, u32(terms.resetLimit), TIME_INFO_RESET_COUNT_OFFSET, TPM_EO_UNSIGNED_LE);
  }
  return policy;
}

/** authPolicy of the sealed object. */
export function keyAuthPolicy(leaseKeyName: Uint8Array, leaseRef: Uint8Array): Buffer {
  return policyCommandCode(policyAuthorize(leaseKeyName, leaseRef), TPM_CC_Unseal);
}

function requireLength(what: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) {
    throw new UsageError('ERR_OPTION_INVALID', `${what}: expected ${length} bytes, got ${bytes.length}`);
  }
}
