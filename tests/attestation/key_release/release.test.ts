/** The release decision, one thing wrong each (PROTOCOL.md [R1] to [R6]), and the grant as the device sees it. */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { CompactSign } from 'jose';
import { describe, expect, it } from 'vitest';
import {
  approveState,
  type CheckedStateApproval,
  checkStateApproval,
} from '../../../attestation/key_release/approvals.js';
import { type ReleaseInput, release } from '../../../attestation/key_release/release.js';
import { parseReleasePolicy } from '../../../attestation/key_release/release_policy.js';
import { approvalKey } from '../../../attestation/protocol/approval_key.js';
import { signGrant, verifyGrant } from '../../../attestation/protocol/grant_token.js';
import { keyAuthPolicy, policyOfState, refLease } from '../../../attestation/protocol/key_policy.js';
import { selectPcrs } from '../../../attestation/tpm/pcr_selection.js';
import { computeName, parseTpmtPublic } from '../../../attestation/tpm/tpmt_public.js';
import { SoftwareAttester, STORAGE_KEY_AREA, softwareKey } from '../../support/software_attester.js';

const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
const stateKey = newKey();
const leaseKey = newKey();
const NOW = new Date('2026-01-01T00:00:00Z');
const device = new SoftwareAttester();
const contentKey = randomBytes(32);
const pem = approvalKey(stateKey).key.export({ format: 'pem', type: 'spki' }).toString();
const policyJson = {
  format: 'sealedge-release-policy/1',
  stateKey: pem,
  lease: { resets: 3 },
  unsealOncePerBoot: true,
};

function approvalOf(byte: number, epoch = 2n, fleet = 'bakery'): CheckedStateApproval {
  const pcrs = new Map([[0, Buffer.alloc(32, byte)]]);
  return checkStateApproval(approveState({ fleet, epoch, bank: 'sha256', pcrs }, stateKey), approvalKey(stateKey));
}

function input(change: Partial<ReleaseInput> = {}): ReleaseInput {
  const values = new Map([[0x000b, new Map([[0, Buffer.alloc(32, 1)]])]]);
  const statePolicy = policyOfState(selectPcrs(0x000b, [0]), values);
  if (statePolicy === undefined) throw new Error('no policy');
  return {
    result: {
      jti: 'j'.repeat(22),
      status: 'affirming',
      issuedAt: NOW.getTime() / 1000,
      expiresAt: NOW.getTime() / 1000 + 300,
      deviceId: 'ab'.repeat(16),
      fleet: 'bakery',
      akName: device.ak.name,
      storageKeyName: device.storageKey.name,
      statePolicy,
      clock: device.clockInfo,
      counterValue: 8n,
      arbitraryRootCodeExcluded: false,
      failedClaims: [],
    },
    device: {
      deviceId: 'ab'.repeat(16),
      fleet: 'bakery',
      akPublic: device.ak.public,
      akName: device.ak.name,
      storageKeyPublic: device.storageKey.public,
      storageKeyName: device.storageKey.name,
      counterPublic: device.counterPublic,
      counterName: device.counterName,
    },
    policy: parseReleasePolicy(policyJson),
    key: { keyId: 'cd'.repeat(32), model: 'motor', version: 2n, publisher: Buffer.alloc(32, 5) },
    generations: { generation: 2, nextNewer: undefined, newest: 3 },
    counterBase: 7n,
    epoch: 2n,
    approvals: [approvalOf(9), approvalOf(1), approvalOf(1, 1n), approvalOf(1, 2n, 'dairy')],
    leaseKey,
    now: NOW,
    ...change,
  };
}

const wrap = (storageKeyPublic: Buffer = device.storageKey.public) => {
  const opened: Buffer[] = [];
  const openContentKey = (): Buffer => {
    const copy = Buffer.from(contentKey);
    opened.push(copy);
    return copy;
  };
  return { storageKeyPublic, openContentKey, opened };
};

describe('release', () => {
  it('grants what decisions 9 to 12 say, and wipes the content key', () => {
    const wrapping = wrap();
    const grant = release(input(), wrapping);
    expect(wrapping.opened).toEqual([Buffer.alloc(32)]);
    expect(grant).toMatchObject({
      deviceId: 'ab'.repeat(16),
      keyId: 'cd'.repeat(32),
      model: 'motor',
      version: '2',
      counter: { nvIndex: 0x01805ea1, limit: '10', advanceTo: '10' },
      unsealOncePerBoot: true,
      leaseApproval: { epoch: '2', counterLimit: '10', resetLimit: 8 },
    });
    // The device's own state first; other epochs and fleets never.
    expect(grant.stateApprovals).toEqual(
      [approvalOf(1).message, approvalOf(9).message].map((one, i) => ({
        ...one,
        signature: grant.stateApprovals[i]?.signature,
      })),
    );
    const authPolicy = keyAuthPolicy(approvalKey(leaseKey).name, refLease(device.ak.name, Buffer.alloc(32, 0xcd)));
    expect(grant.authPolicy).toBe(authPolicy.toString('base64url'));
    const area = parseTpmtPublic(Buffer.from(grant.wrapped?.public ?? '', 'base64url'));
    expect(area.objectAttributes).toBe(0x00000480);
    expect(Buffer.from(area.authPolicy)).toEqual(authPolicy);
    expect(JSON.stringify(grant)).not.toContain(contentKey.toString('base64url'));
  });

  it('advances the counter to the key, or to the limit where the key opens once per boot', () => {
    const { counter } = release(input({ policy: parseReleasePolicy({ ...policyJson, unsealOncePerBoot: false }) }));
    expect(counter).toMatchObject({ limit: '10', advanceTo: '9' });
    expect(release(input()).counter).toMatchObject({ limit: '10', advanceTo: '10' });
  });

  it('renews a lease without touching the key', () => {
    const grant = release(input());
    expect(grant.wrapped).toBeUndefined();
    expect(grant.leaseApproval.counterLimit).toBe('10');
  });

  it.each<[string, string, RegExp, (whole: ReleaseInput) => Partial<ReleaseInput>]>([
    ['a revoked device', 'ERR_DEVICE_REVOKED', /revoked/, ({ device: one }) => ({ device: { ...one, revoked: true } })],
    [
      'the result of another device',
      'ERR_RELEASE_DENIED',
      /result device/,
      ({ result }) => ({
        result: { ...result, deviceId: 'ef'.repeat(16) },
      }),
    ],
    [
      'the result of another fleet',
      'ERR_RELEASE_DENIED',
      /result fleet: expected bakery, got dairy/,
      ({ result }) => ({
        result: { ...result, fleet: 'dairy' },
      }),
    ],
    [
      'the result of an earlier AK',
      'ERR_RELEASE_DENIED',
      /result AK Name/,
      ({ result }) => ({
        result: { ...result, akName: softwareKey({}).name },
      }),
    ],
    [
      'the result of an earlier storage key',
      'ERR_RELEASE_DENIED',
      /result storage key Name/,
      ({ result }) => ({
        result: { ...result, storageKeyName: softwareKey({}).name },
      }),
    ],
    ['an expired result', 'ERR_RELEASE_DENIED', /expired/, () => ({ now: new Date(NOW.getTime() + 300_000) })],
    [
      'a contraindicated device',
      'ERR_RELEASE_DENIED',
      /expected affirming, got contraindicated \(pcr:sha256:0\)/,
      ({ result }) => ({
        result: { ...result, status: 'contraindicated', failedClaims: ['pcr:sha256:0'] },
      }),
    ],
    [
      'a state that lets root run anything, when the policy forbids it',
      'ERR_RELEASE_DENIED',
      /arbitrary-root-code-excluded: expected true/,
      () => ({
        policy: parseReleasePolicy({ ...policyJson, requireArbitraryRootCodeExcluded: true }),
      }),
    ],
    [
      'a version older than one released',
      'ERR_RELEASE_DENIED',
      /version of model motor: expected at least 3, got 2/,
      () => ({
        newestReleasedVersion: 3n,
      }),
    ],
    [
      'a state nobody approved',
      'ERR_RELEASE_DENIED',
      /state approval: expected one of epoch 2 by K_state, got none of 1/,
      () => ({
        approvals: [approvalOf(9), approvalOf(1, 1n)],
      }),
    ],
    [
      'a state approved for another fleet alone',
      'ERR_RELEASE_DENIED',
      /got none of 1/,
      () => ({ approvals: [approvalOf(1, 2n, 'dairy'), approvalOf(9)] }),
    ],
    ...(['warning', 'none'] as const).map(
      (status): [string, string, RegExp, (whole: ReleaseInput) => Partial<ReleaseInput>] => [
        `the status ${status}`,
        'ERR_RELEASE_DENIED',
        new RegExp(`expected affirming, got ${status}`),
        ({ result }) => ({ result: { ...result, status } }),
      ],
    ),
    ['approvals of an old epoch', 'ERR_RELEASE_DENIED', /one of epoch 3/, () => ({ epoch: 3n })],
    [
      'a device whose counter is past the limit',
      'ERR_RELEASE_DENIED',
      /rollback counter: expected at most 10, got 11/,
      ({ result }) => ({
        result: { ...result, counterValue: 11n },
      }),
    ],
  ])('refuses %s', (_name, code, message, change) => {
    const whole = input();
    const wrapping = wrap();
    const attempt = () => release({ ...whole, ...change(whole) }, wrapping);
    expect(attempt).toThrowError(expect.objectContaining({ name: 'AppraisalError', code }));
    expect(attempt).toThrowError(message);
    expect(wrapping.opened).toEqual([]);
  });

  it('refuses another storage key than the attested one', () => {
    const other = softwareKey(STORAGE_KEY_AREA).public;
    expect(() => release(input(), wrap(other))).toThrowError(
      expect.objectContaining({
        code: 'ERR_RELEASE_DENIED',
        message: expect.stringContaining(computeName(parseTpmtPublic(other)).toString('hex')),
      }),
    );
  });
});

describe('grant token', () => {
  const resultKey = newKey();
  const spki = approvalKey(resultKey).key.export({ format: 'der', type: 'spki' });

  it('carries the grant to whoever pinned the key', async () => {
    const grant = release(input(), wrap());
    expect(await verifyGrant(await signGrant(grant, resultKey), spki)).toEqual(JSON.parse(JSON.stringify(grant)));
  });

  it('is refused when anything about it is wrong', async () => {
    const token = await signGrant(release(input()), resultKey);
    const [header = '', payload = '', signature = ''] = token.split('.');
    await expect(verifyGrant(await signGrant(release(input()), newKey()), spki)).rejects.toMatchObject({
      code: 'ERR_QUOTE_SIGNATURE',
    });
    const other = Buffer.from(JSON.stringify({ ...release(input()), version: '9' })).toString('base64url');
    await expect(verifyGrant(`${header}.${other}.${signature}`, spki)).rejects.toMatchObject({
      code: 'ERR_QUOTE_SIGNATURE',
    });
    const none = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
    for (const bad of ['', 'a.b', `${none}.${payload}.`, `${payload}.${payload}.${signature}`]) {
      await expect(verifyGrant(bad, spki)).rejects.toMatchObject({ code: 'ERR_EVIDENCE_MALFORMED' });
    }
  });
});

describe('what the result key signs', () => {
  it('is a grant or a result, never the one for the other', async () => {
    const resultKey = newKey();
    const spki = approvalKey(resultKey).key.export({ format: 'der', type: 'spki' });
    const payload = Buffer.from(JSON.stringify(release(input())));
    for (const typ of ['eat+jwt', 'JWT', undefined]) {
      const header = { alg: 'ES256', ...(typ === undefined ? {} : { typ }) };
      const token = await new CompactSign(payload).setProtectedHeader(header).sign(resultKey);
      await expect(verifyGrant(token, spki)).rejects.toMatchObject({
        code: 'ERR_EVIDENCE_MALFORMED',
        message: expect.stringContaining('grant typ'),
      });
    }
  });
});

describe('parseReleasePolicy', () => {
  it.each<[string, object, RegExp]>([
    ['format', { format: 'x' }, /releasePolicy.format/],
    ['state key', { stateKey: 'x' }, /stateKey/],
    ['lease', { lease: { poweredSeconds: 0 } }, /poweredSeconds: expected an integer from 1/],
    ['lease member', { lease: { days: 1 } }, /no unknown member, got "days"/],
    ['flag', { unsealOncePerBoot: 'yes' }, /expected true or false, got "yes"/],
    ['member', { model: 'x' }, /no unknown member/],
  ])('refuses a wrong %s', (_name, change, message) => {
    expect(() => parseReleasePolicy({ ...policyJson, ...change })).toThrowError(message);
  });
});
