/**
 * Leases: how long and up to which rollback counter a device may open a key. Renewed online by the verifier's lease key,
 * checked offline by the TPM (design decisions 10 and 11).
 */
import type { KeyObject } from 'node:crypto';
import { AppraisalError, UsageError } from '../../src/errors.js';
import { type LeaseTerms, leasePolicy, refLease, refState } from '../protocol/key_policy.js';
import type { LeaseApproval } from '../protocol/messages.js';
import type { ClockInfo } from '../tpm/tpms_attest.js';
import { signApproval } from './approvals.js';

/** Where a key stands among the generations of the key store (PROTOCOL.md "Counter terms"). */
export interface GenerationsOfKey {
  generation: number;
  /** Of the next newer version of the same model, if there is one. */
  nextNewer: number | undefined;
  /** The newest of all keys. */
  newest: number;
}

export interface CounterBounds {
  /** N of PolicyNV. */
  limit: bigint;
  /** The runtime increments up to here after the first good load. */
  advanceTo: bigint;
}

/**
 * @param base - counter value at enrolment, less the generations the device had by then: it may be negative.
 * @throws UsageError when the generations contradict each other, AppraisalError `ERR_RELEASE_DENIED` for a key that no counter
 *   of this device can be low enough for.
 */
export function counterBounds(base: bigint, generations: GenerationsOfKey): CounterBounds {
  const { generation, nextNewer, newest } = generations;
  const last = nextNewer === undefined ? newest : nextNewer - 1;
  if (generation > last) {
    throw new UsageError('ERR_OPTION_INVALID', `generation ${generation} of a key: expected at most ${last}`);
  }
  const limit = base + BigInt(last);
  const advanceTo = base + BigInt(generation);
  // Below zero no counter can be: such a version is behind what the device had when it enrolled.
  if (limit < 0n) {
    throw new AppraisalError('ERR_RELEASE_DENIED', `counter limit: expected 0 or more, got ${limit}`, {
      fields: { what: 'counter limit', expected: '0 or more', got: String(limit) },
    });
  }
  return { limit, advanceTo: advanceTo < 0n ? 0n : advanceTo };
}

/**
 * The counter's base at an enrolment. Whatever was released before is behind the counter from now on: enrolling again must not
 * let older versions back in.
 */
export function counterBase(
  certified: bigint,
  highestReleasedGeneration: number,
  previous: bigint | undefined,
): bigint {
  const base = certified - BigInt(highestReleasedGeneration);
  return previous !== undefined && previous > base ? previous : base;
}

/** From the release policy: how much TPM-powered time and how many resets a lease is good for. */
export interface LeaseDuration {
  poweredSeconds?: number;
  resets?: number;
}

/** Counted from the clock of the Evidence: a lease does not get longer by being asked for late. */
export function leaseTerms(counterLimit: bigint, duration: LeaseDuration, clock: ClockInfo): LeaseTerms {
  const { poweredSeconds, resets } = duration;
  return {
    counterLimit,
    ...(poweredSeconds === undefined ? {} : { clockLimit: clock.clock + BigInt(poweredSeconds) * 1000n }),
    ...(resets === undefined ? {} : { resetLimit: Math.min(clock.resetCount + resets, 0xffffffff) }),
  };
}

export interface LeaseSubject {
  akName: Uint8Array;
  /** 32 bytes. */
  keyId: Uint8Array;
  counterName: Uint8Array;
  stateKeyName: Uint8Array;
  fleet: string;
  epoch: bigint;
}

export function approveLease(subject: LeaseSubject, terms: LeaseTerms, leaseKey: KeyObject): LeaseApproval {
  const stateRef = refState(subject.fleet, subject.epoch);
  const approvedPolicy = leasePolicy(subject.stateKeyName, stateRef, subject.counterName, terms);
  const policyRef = refLease(subject.akName, subject.keyId);
  return {
    epoch: String(subject.epoch),
    counterLimit: String(terms.counterLimit),
    ...(terms.clockLimit === undefined ? {} : { clockLimit: String(terms.clockLimit) }),
    ...(terms.resetLimit === undefined ? {} : { resetLimit: terms.resetLimit }),
    approvedPolicy: approvedPolicy.toString('base64url'),
    policyRef: policyRef.toString('base64url'),
    signature: signApproval(leaseKey, approvedPolicy, policyRef).toString('base64url'),
  };
}
