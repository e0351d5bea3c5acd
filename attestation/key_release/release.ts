/**
 * Decides whether a key goes to a device, and makes the grant. Works on an Attestation Result, the device's record and the
 * release policy; never sees Evidence (PROTOCOL.md [R1] to [R6]).
 *
 * What only the store can know is for the caller: that the result is the newest of the device, that this fleet was granted this
 * key, and that all of it still holds when the release is recorded.
 */
import type { KeyObject } from 'node:crypto';
import { AppraisalError } from '../../src/errors.js';
import { approvalKey } from '../protocol/approval_key.js';
import type { Endorsements } from '../protocol/device_record.js';
import { keyAuthPolicy, refLease } from '../protocol/key_policy.js';
import { PROTOCOL_VERSION, type ReleaseGrant } from '../protocol/messages.js';
import { parseTpmsNvPublic } from '../tpm/tpms_nv_public.js';
import { computeName, parseTpmtPublic } from '../tpm/tpmt_public.js';
import type { AttestationResult } from '../verifier/attestation_result.js';
import type { CheckedStateApproval } from './approvals.js';
import { encodeKeyPayload } from './key_payload.js';
import type { KeyLabel } from './key_store.js';
import { approveLease, type CounterBounds, counterBounds, type GenerationsOfKey, leaseTerms } from './lease.js';
import type { ReleasePolicy } from './release_policy.js';
import { wrapToStorageKey } from './wrap.js';

export interface ReleaseInput {
  /** Verified: signature and expiry ([R1]). */
  result: AttestationResult;
  device: Endorsements;
  policy: ReleasePolicy;
  key: KeyLabel;
  generations: GenerationsOfKey;
  /** lease.ts `counterBase` of the device's enrolment. */
  counterBase: bigint;
  /** Newest version of this model ever released to the device. */
  newestReleasedVersion?: bigint;
  /** The fleet's current epoch and its approvals, each checked by `checkStateApproval`. */
  epoch: bigint;
  approvals: readonly CheckedStateApproval[];
  /** Private K_lease. */
  leaseKey: KeyObject;
  now: Date;
}

/** What is needed to wrap; absent for a lease alone. */
export interface WrapInput {
  /** TPMT_PUBLIC sent with the request. */
  storageKeyPublic: Uint8Array;
  /** Called once, after the decision; the result is wiped. */
  openContentKey: () => Buffer;
}

const MAX_STATE_APPROVALS = 64;

/** @throws AppraisalError `ERR_RELEASE_DENIED` | `ERR_DEVICE_REVOKED`, naming what failed */
export function release(input: ReleaseInput, wrap?: WrapInput): ReleaseGrant {
  const { result, device, policy, key } = input;
  checkResult(input);
  if (wrap !== undefined) checkStorageKeyName(wrap.storageKeyPublic, result);
  const approvals = currentApprovals(input);
  const bounds = checkCounter(input);

  const leaseKey = approvalKey(input.leaseKey);
  const keyId = Buffer.from(key.keyId, 'hex');
  const authPolicy = keyAuthPolicy(leaseKey.name, refLease(device.akName, keyId));
  const subject = {
    akName: device.akName,
    keyId,
    counterName: device.counterName,
    stateKeyName: policy.stateKey.name,
    fleet: device.fleet,
    epoch: input.epoch,
  };
  const terms = leaseTerms(bounds.limit, policy.lease, result.clock);
  return {
    protocol: PROTOCOL_VERSION,
    iat: Math.floor(input.now.getTime() / 1000),
    deviceId: device.deviceId,
    akName: device.akName.toString('base64url'),
    keyId: key.keyId,
    model: key.model,
    version: String(key.version),
    publisher: Buffer.from(key.publisher).toString('base64url'),
    authPolicy: authPolicy.toString('base64url'),
    ...(wrap === undefined ? {} : { wrapped: wrapPayload(wrap, key, authPolicy) }),
    counter: {
      nvIndex: parseTpmsNvPublic(device.counterPublic).nvIndex,
      limit: String(bounds.limit),
      advanceTo: String(bounds.advanceTo),
    },
    unsealOncePerBoot: policy.unsealOncePerBoot,
    stateApprovals: approvals.map((approval) => approval.message),
    leaseApproval: approveLease(subject, terms, input.leaseKey),
  };
}

/** [R1], [R2], [R5]. */
function checkResult({ result, device, policy, key, newestReleasedVersion, now }: ReleaseInput): void {
  if (device.revoked) throw new AppraisalError('ERR_DEVICE_REVOKED', `device ${device.deviceId} is revoked`);
  requireEqual('result device', device.deviceId, result.deviceId);
  requireEqual('result fleet', device.fleet, result.fleet);
  requireEqual('result AK Name', device.akName.toString('hex'), result.akName.toString('hex'));
  requireEqual('result storage key Name', device.storageKeyName.toString('hex'), result.storageKeyName.toString('hex'));
  if (result.expiresAt * 1000 <= now.getTime()) throw denied('result', 'an unexpired one', 'an expired one');
  if (result.status !== 'affirming') {
    throw denied(
      'attestation result',
      'affirming',
      `${result.status} (${result.failedClaims.join(', ') || 'no reason'})`,
    );
  }
  if (policy.requireArbitraryRootCodeExcluded && !result.arbitraryRootCodeExcluded) {
    throw denied('arbitrary-root-code-excluded', 'true', 'false');
  }
  if (newestReleasedVersion !== undefined && key.version < newestReleasedVersion) {
    throw denied(`version of model ${key.model}`, `at least ${newestReleasedVersion}`, String(key.version));
  }
}

/** [R3]. */
function checkStorageKeyName(storageKeyPublic: Uint8Array, result: AttestationResult): void {
  const name = computeName(parseTpmtPublic(storageKeyPublic)).toString('hex');
  requireEqual('storage key Name', result.storageKeyName.toString('hex'), name);
}

/** [R4]. All approvals of the epoch go along, so that the device can boot into the next approved state offline. */
function currentApprovals({ result, device, epoch, approvals }: ReleaseInput): CheckedStateApproval[] {
  const current = approvals.filter((approval) => approval.epoch === epoch && approval.fleet === device.fleet);
  if (!current.some((approval) => approval.approvedPolicy.equals(result.statePolicy))) {
    const got = `none of ${current.length} for this state (policy digest ${result.statePolicy.toString('hex')})`;
    throw denied('state approval', `one of epoch ${epoch} by K_state`, got);
  }
  // The device's own state first, then the newest: those are never cut off.
  const own = current.filter((approval) => approval.approvedPolicy.equals(result.statePolicy));
  const others = current.filter((approval) => !own.includes(approval)).reverse();
  return [...own.slice(0, 1), ...others].slice(0, MAX_STATE_APPROVALS);
}

/**
 * [R6]. With `unsealOncePerBoot` the runtime goes up to the limit itself: a counter that root undefines and defines again is not
 * read-locked and begins one above what it was, which must be too much for the key just used.
 */
function checkCounter({ result, counterBase, generations, policy }: ReleaseInput): CounterBounds {
  const bounds = counterBounds(counterBase, generations);
  if (result.counterValue !== undefined && result.counterValue > bounds.limit) {
    throw denied('rollback counter', `at most ${bounds.limit}`, String(result.counterValue));
  }
  if (policy.unsealOncePerBoot) return { ...bounds, advanceTo: bounds.limit };
  return bounds;
}

function wrapPayload(wrap: WrapInput, key: KeyLabel, authPolicy: Uint8Array): NonNullable<ReleaseGrant['wrapped']> {
  const contentKey = wrap.openContentKey();
  const { publisher, model, version: minimumVersion } = key;
  let payload: Buffer | undefined;
  try {
    payload = encodeKeyPayload({ contentKey, publisher, model, minimumVersion });
    const duplicate = wrapToStorageKey(wrap.storageKeyPublic, authPolicy, payload);
    return {
      public: duplicate.public.toString('base64url'),
      duplicate: duplicate.duplicate.toString('base64url'),
      encryptedSeed: duplicate.encryptedSeed.toString('base64url'),
    };
  } finally {
    contentKey.fill(0);
    payload?.fill(0);
  }
}

function requireEqual(what: string, expected: string, got: string): void {
  if (expected !== got) throw denied(what, expected, got);
}

function denied(what: string, expected: string, got: string): AppraisalError {
  const fields = { what, expected, got };
  return new AppraisalError('ERR_RELEASE_DENIED', `${what}: expected ${expected}, got ${got}`, { fields });
}
