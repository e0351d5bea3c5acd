import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  approveState,
  checkStateApproval,
  readApprovalPrivateKey,
  verifyApproval,
} from '../../../attestation/key_release/approvals.js';
import { approveLease, counterBase, counterBounds, leaseTerms } from '../../../attestation/key_release/lease.js';
import { approvalKey, parseApprovalKey } from '../../../attestation/protocol/approval_key.js';
import { TPM_ALG_ECDSA, TPM_ALG_SHA384 } from '../../../attestation/tpm/constants.js';
import { marshalTpmtSignature } from '../../../attestation/tpm/tpmt_signature.js';
import { softwareKey } from '../../support/software_attester.js';

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
const clock = { clock: 5000n, resetCount: 9, restartCount: 0, safe: true };

describe('counterBounds', () => {
  it('lets the newest version of a model run up to the newest generation, older ones only up to their successor', () => {
    expect(counterBounds(100n, { generation: 1, nextNewer: undefined, newest: 1 })).toEqual({
      limit: 101n,
      advanceTo: 101n,
    });
    expect(counterBounds(100n, { generation: 1, nextNewer: undefined, newest: 4 })).toEqual({
      limit: 104n,
      advanceTo: 101n,
    });
    expect(counterBounds(100n, { generation: 1, nextNewer: 3, newest: 4 })).toEqual({ limit: 102n, advanceTo: 101n });
  });

  it('kills the older version once the newer has run: its limit is below the advanced counter', () => {
    const older = counterBounds(7n, { generation: 2, nextNewer: 5, newest: 6 });
    const newer = counterBounds(7n, { generation: 5, nextNewer: undefined, newest: 6 });
    expect(older.limit).toBeLessThan(newer.advanceTo);
    expect(newer.advanceTo).toBeLessThanOrEqual(newer.limit);
  });

  it('refuses generations that contradict each other', () => {
    expect(() => counterBounds(0n, { generation: 3, nextNewer: 3, newest: 3 })).toThrowError(/expected at most 2/);
    expect(() => counterBounds(0n, { generation: 3, nextNewer: undefined, newest: 2 })).toThrowError(
      /expected at most 2/,
    );
    expect(() => counterBounds(-9n, { generation: 1, nextNewer: 2, newest: 2 })).toThrowError(/counter limit/);
  });

  it('after enrolling again, nothing released before is within bounds, the newest is', () => {
    const first = counterBase(40n, 0, undefined);
    expect(first).toBe(40n);
    // Cleared and enrolled again: the counter went on to 50, generation 3 had been released.
    const again = counterBase(50n, 3, first);
    expect(counterBounds(again, { generation: 2, nextNewer: 3, newest: 3 }).limit).toBeLessThan(50n);
    expect(counterBounds(again, { generation: 3, nextNewer: undefined, newest: 3 }).limit).toBe(50n);
    // A base never falls.
    expect(counterBase(41n, 3, first)).toBe(first);
  });
});

describe('leaseTerms', () => {
  it('count from the clock of the evidence', () => {
    expect(leaseTerms(3n, {}, clock)).toEqual({ counterLimit: 3n });
    expect(leaseTerms(3n, { poweredSeconds: 60, resets: 2 }, clock)).toEqual({
      counterLimit: 3n,
      clockLimit: 65_000n,
      resetLimit: 11,
    });
    expect(leaseTerms(3n, { resets: 10 }, { ...clock, resetCount: 0xffffffff }).resetLimit).toBe(0xffffffff);
  });
});

describe('approveLease', () => {
  it('is signed over exactly what the device will have done', () => {
    const privateKey = newKey();
    const key = approvalKey(privateKey);
    const name = (): Buffer => Buffer.concat([Buffer.from('000b', 'hex'), randomBytes(32)]);
    const subject = {
      akName: name(),
      keyId: randomBytes(32),
      counterName: name(),
      stateKeyName: name(),
      fleet: 'bakery',
      epoch: 2n,
    };
    const lease = approveLease(subject, { counterLimit: 5n }, privateKey);
    expect(lease).toMatchObject({ epoch: '2', counterLimit: '5' });
    const bytes = (text: string): Buffer => Buffer.from(text, 'base64url');
    const verify = (policy: string, ref: string) =>
      verifyApproval(key, bytes(policy), bytes(ref), bytes(lease.signature));
    expect(verify(lease.approvedPolicy, lease.policyRef)).toBe(true);
    for (const change of [
      { akName: name() },
      { keyId: randomBytes(32) },
      { counterName: name() },
      { stateKeyName: name() },
      { fleet: 'dairy' },
      { epoch: 3n },
    ]) {
      const other = approveLease({ ...subject, ...change }, { counterLimit: 5n }, privateKey);
      expect(verify(other.approvedPolicy, other.policyRef)).toBe(false);
    }
    for (const terms of [
      { counterLimit: 6n },
      { counterLimit: 5n, clockLimit: 1n },
      { counterLimit: 5n, resetLimit: 1 },
    ]) {
      const other = approveLease(subject, terms, privateKey);
      expect(verify(other.approvedPolicy, other.policyRef)).toBe(false);
    }
  });
});

describe('state approvals', () => {
  const privateKey = newKey();
  const stateKey = approvalKey(privateKey);
  const pcrs = new Map([
    [7, Buffer.alloc(32, 7)],
    [0, Buffer.alloc(32, 1)],
  ]);
  const state = { fleet: 'bakery', epoch: 4n, bank: 'sha256', pcrs } as const;

  it('survive the file and are checked against K_state', () => {
    const approval = JSON.parse(JSON.stringify(approveState(state, privateKey)));
    expect(approval.pcrSelection).toEqual({ bank: 'sha256', pcrs: [0, 7] });
    expect(checkStateApproval(approval, stateKey)).toMatchObject({ fleet: 'bakery', epoch: 4n });
    expect(() => checkStateApproval(approval, approvalKey(newKey()))).toThrowError(
      expect.objectContaining({ code: 'ERR_RELEASE_DENIED' }),
    );
  });

  it.each([
    ['fleet', 'dairy', /policyRef: expected refState of fleet dairy/],
    ['epoch', '5', /policyRef/],
    ['epoch', '05', /decimal unsigned/],
    ['fleet', 'Not A Fleet', /fleet/],
    ['policyRef', Buffer.alloc(32).toString('base64url'), /policyRef/],
    ['approvedPolicy', Buffer.alloc(32).toString('base64url'), /signature by K_state/],
    ['signature', Buffer.from('0018000b00010100010100', 'hex').toString('base64url'), /signature|trailing/],
    ['extra', 1, /no unknown member/],
    ['pcrSelection', { bank: 'sha256', pcrs: [7, 0] }, /pcrs.pcr: expected an integer from 8 to 23/],
    ['pcrSelection', { bank: 'sha256', pcrs: [0, 0] }, /pcrs.pcr/],
  ])('refuse another %s', (field, value, message) => {
    const approval = { ...approveState(state, privateKey), [field]: value };
    expect(() => checkStateApproval(approval, stateKey)).toThrowError(message);
  });

  it('are signed with SHA-256, as the TPM will check them', () => {
    const approval = approveState(state, privateKey);
    const message = Buffer.concat(
      [approval.approvedPolicy, approval.policyRef].map((one) => Buffer.from(one, 'base64url')),
    );
    expect(message).toHaveLength(64);
    const p1363 = sign('sha384', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
    const [r, s] = [p1363.subarray(0, 32), p1363.subarray(32)];
    const signature = marshalTpmtSignature({ sigAlg: TPM_ALG_ECDSA, hash: TPM_ALG_SHA384, r, s }).toString('base64url');
    expect(() => checkStateApproval({ ...approval, signature }, stateKey)).toThrowError(/signature by K_state/);
  });

  it('are not made for no PCRs, values of another size, or a key that is no approval key', () => {
    expect(() => approveState({ ...state, pcrs: new Map() }, privateKey)).toThrowError(/every state/);
    expect(() => approveState({ ...state, pcrs: new Map([[0, Buffer.alloc(20)]]) }, privateKey)).toThrowError(
      /32 bytes/,
    );
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    expect(() => approveState(state, rsa)).toThrowError(/P-256/);
    expect(() => readApprovalPrivateKey('nonsense')).toThrowError(/PEM private key/);
  });
});

describe('parseApprovalKey', () => {
  it('takes the template and nothing else', () => {
    const key = approvalKey(newKey());
    expect(parseApprovalKey(key.public).name).toEqual(key.name);
    for (const bit of [1, 4, 6, 16, 17, 18]) {
      const area = softwareKey({
        objectAttributes: 0x00040040 ^ (1 << bit),
        scheme: { scheme: 0x0018, hash: 0x000b },
      });
      expect(() => parseApprovalKey(area.public)).toThrowError(/approval key template/);
    }
  });
});
