/** What every `Store` must do, whatever lies beneath it: run on SQLite now, on others as they come. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeviceRow, NewKeyRow, Store } from '../../../../attestation/service/store/store.js';

export interface StoreUnderTest {
  /** Another independent connection to the same database, as a second service process would have. */
  open(): Promise<Store>;
  remove(): Promise<void>;
}

const T0 = 1_800_000_000_000;
const DEVICE = { deviceId: 'device-a', fleet: 'plant-1', akName: '000b01', document: { note: 'first' } };

function keyRow(version: number, model = 'motor'): NewKeyRow {
  return { keyId: `${model}-${version}`, model, version, record: { ciphertext: `c${version}` }, createdAt: T0 };
}

function decision(result: unknown, fleet = DEVICE.fleet) {
  return { device: { fleet, akName: DEVICE.akName, document: DEVICE.document }, result };
}

async function enrol(store: Store, deviceId = DEVICE.deviceId, fleet = DEVICE.fleet, now = T0): Promise<void> {
  const enrolmentId = `enrol-${deviceId}-${now}`;
  await store.beginEnrolment({ enrolmentId, deviceId, document: {}, createdAt: now, expiresAt: now + 1_000 });
  const done = await store.completeEnrolment(enrolmentId, deviceId, () => decision({ ok: true }, fleet), now + 1);
  expect(done.status).toBe('completed');
}

export function describeStore(name: string, setUp: () => Promise<StoreUnderTest>): void {
  describe(`store on ${name}`, () => {
    let database: StoreUnderTest;
    let store: Store;
    let other: Store;

    beforeEach(async () => {
      database = await setUp();
      store = await database.open();
      other = await database.open();
    });
    afterEach(async () => {
      await store.close();
      await other.close();
      await database.remove();
    });

    const challenge = (exchangeId: string, expiresAt = T0 + 100) => ({
      exchangeId,
      deviceId: DEVICE.deviceId,
      document: { nonce: exchangeId },
      issuedAt: T0,
      expiresAt,
    });
    const consume = async (via: Store, exchangeId: string, at: number, deviceId = DEVICE.deviceId) =>
      (await via.consumeChallenge(exchangeId, deviceId, at)).status;

    it('consumes a challenge once, whichever connection asks', async () => {
      await enrol(store);
      await store.issueChallenge(challenge('c1'));
      expect(await other.consumeChallenge('c1', DEVICE.deviceId, T0 + 1)).toEqual({
        status: 'consumed',
        document: { nonce: 'c1' },
      });
      expect(await store.consumeChallenge('c1', DEVICE.deviceId, T0 + 2)).toEqual({ status: 'used' });
    });

    it('gives a contended challenge to exactly one caller', async () => {
      await enrol(store);
      await store.issueChallenge(challenge('c1'));
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, i) => consume(i % 2 === 0 ? store : other, 'c1', T0 + 1)),
      );
      expect(results.filter((result) => result === 'consumed')).toHaveLength(1);
      expect(results.filter((result) => result === 'used')).toHaveLength(19);
    });

    it('does not tell another device about a challenge, and leaves it usable', async () => {
      await enrol(store);
      await enrol(store, 'device-b');
      await store.issueChallenge(challenge('c1'));
      expect(await consume(store, 'c1', T0 + 1, 'device-b')).toBe('unknown');
      expect(await consume(store, 'c2', T0 + 1)).toBe('unknown');
      expect(await consume(store, 'c1', T0 + 1)).toBe('consumed');
    });

    it('refuses a challenge from the instant it expires', async () => {
      await enrol(store);
      await store.issueChallenge(challenge('c1', T0 + 100));
      await store.issueChallenge(challenge('c2', T0 + 100));
      expect(await consume(store, 'c1', T0 + 99)).toBe('consumed');
      expect(await consume(store, 'c2', T0 + 100)).toBe('expired');
      expect(await consume(store, 'c2', T0 + 99)).toBe('used');
    });

    it('refuses to issue one challenge twice, or to an unknown device', async () => {
      await enrol(store);
      await store.issueChallenge(challenge('c1'));
      await expect(other.issueChallenge(challenge('c1'))).rejects.toMatchObject({ code: 'ERR_STORE' });
      const stranger = { ...challenge('c2'), deviceId: 'nobody' };
      await expect(store.issueChallenge(stranger)).rejects.toMatchObject({ code: 'ERR_STORE' });
    });

    it('purges what expired and nothing else', async () => {
      await enrol(store);
      await store.issueChallenge(challenge('old', T0 + 10));
      await store.issueChallenge(challenge('new', T0 + 1_000));
      const pending = { enrolmentId: 'pending', deviceId: 'x', document: {}, createdAt: T0, expiresAt: T0 + 10 };
      await store.beginEnrolment(pending);
      await store.countRequest('challenge 192.0.2.1', T0 - 60_000);
      await store.countRequest('challenge 192.0.2.2', T0 + 60_000);
      expect(await store.purgeExpired(T0 + 11)).toBe(3);
      expect(await store.getEnrolment('pending')).toBeUndefined();
      expect(await consume(store, 'old', T0 + 1)).toBe('unknown');
      expect(await consume(store, 'new', T0 + 12)).toBe('consumed');
      expect(await store.countRequest('challenge 192.0.2.2', T0 + 60_000)).toBe(2);
      // A finished enrolment goes with its time too: the device stays.
      const finished = `enrol-${DEVICE.deviceId}-${T0}`;
      expect(await store.getEnrolment(finished)).toBeDefined();
      expect(await store.purgeExpired(T0 + 1_001)).toBe(2);
      expect(await store.getEnrolment(finished)).toBeUndefined();
      expect(await store.getDevice(DEVICE.deviceId)).toMatchObject({ fleet: DEVICE.fleet });
    });

    it('counts requests of a bucket in its newest window, whichever connection asks', async () => {
      const counts = await Promise.all([store, other, store].map((one) => one.countRequest('a', T0)));
      expect(counts.sort()).toEqual([1, 2, 3]);
      expect(await other.countRequest('b', T0)).toBe(1);
      expect(await other.countRequest('a', T0 + 60_000)).toBe(1);
      // A verifier whose clock is behind does not begin a window again.
      expect(await store.countRequest('a', T0)).toBe(2);
    });

    it('completes an enrolment once and answers a retry with the first result', async () => {
      await store.beginEnrolment({
        enrolmentId: 'e1',
        deviceId: DEVICE.deviceId,
        document: { digest: 'd' },
        createdAt: T0,
        expiresAt: T0 + 100,
      });
      expect((await other.getEnrolment('e1'))?.document).toEqual({ digest: 'd' });
      expect(await store.getDevice(DEVICE.deviceId)).toBeUndefined();
      expect(await store.completeEnrolment('e1', DEVICE.deviceId, () => decision({ base: 7 }), T0 + 1)).toEqual({
        status: 'completed',
        result: { base: 7 },
      });
      expect(await other.completeEnrolment('e1', DEVICE.deviceId, () => decision({ base: 8 }), T0 + 5_000)).toEqual({
        status: 'repeated',
        result: { base: 7 },
      });
      expect(await other.getDevice(DEVICE.deviceId)).toEqual({
        ...DEVICE,
        enrolledAt: T0 + 1,
        lastAppraisal: null,
        revokedAt: null,
        revokedReason: null,
      });
    });

    it('refuses an enrolment that is unknown, expired or of another device', async () => {
      await store.beginEnrolment({ enrolmentId: 'e1', deviceId: 'x', document: {}, createdAt: T0, expiresAt: T0 + 9 });
      const complete = async (enrolmentId: string, deviceId: string, at: number) =>
        (await store.completeEnrolment(enrolmentId, deviceId, () => decision({}), at)).status;
      expect(await complete('e2', 'x', T0)).toBe('unknown');
      expect(await complete('e1', DEVICE.deviceId, T0)).toBe('unknown');
      expect(await complete('e1', 'x', T0 + 9)).toBe('expired');
      expect(await store.getDevice('x')).toBeUndefined();
    });

    it('enrols again in place, but never out of a revocation', async () => {
      await enrol(store);
      await enrol(store, DEVICE.deviceId, 'plant-2', T0 + 50);
      expect((await store.getDevice(DEVICE.deviceId))?.fleet).toBe('plant-2');
      expect(await other.revokeDevice(DEVICE.deviceId, 'stolen', T0 + 60)).toBe(true);
      expect(await other.revokeDevice(DEVICE.deviceId, 'later', T0 + 70)).toBe(true);
      expect(await other.revokeDevice('nobody', 'x', T0)).toBe(false);
      expect(await store.getDevice(DEVICE.deviceId)).toMatchObject({ revokedAt: T0 + 60, revokedReason: 'stolen' });
      const again = { enrolmentId: 'e9', deviceId: DEVICE.deviceId, document: {}, createdAt: T0, expiresAt: T0 + 999 };
      await store.beginEnrolment(again);
      expect((await store.completeEnrolment('e9', DEVICE.deviceId, () => decision({}), T0 + 80)).status).toBe(
        'revoked',
      );
      expect((await store.getDevice(DEVICE.deviceId))?.revokedAt).toBe(T0 + 60);
    });

    it('lists devices by fleet, in pages', async () => {
      for (const id of ['d3', 'd1', 'd2']) await enrol(store, id);
      await enrol(store, 'other', 'plant-2');
      const page = await store.listDevices({ fleet: 'plant-1', limit: 2 });
      expect(page.map((row) => row.deviceId)).toEqual(['d1', 'd2']);
      const rest = await store.listDevices({ fleet: 'plant-1', after: 'd2' });
      expect(rest.map((row) => row.deviceId)).toEqual(['d3']);
      expect(await store.listDevices()).toHaveLength(4);
    });

    it('keeps every appraisal, and on the device the last and what was last accepted', async () => {
      await enrol(store);
      const row = { deviceId: DEVICE.deviceId, at: T0 + 1, status: 'affirming', resultId: 'r1', document: { n: 1 } };
      const known = async () => (await other.getDevice(DEVICE.deviceId)) as DeviceRow;
      expect(await store.recordAppraisal({ ...row, accepted: { clock: '5' } }, await known())).toBe('recorded');
      const refused = { at: T0 + 2, status: 'contraindicated', resultId: 'r2' };
      expect(await store.recordAppraisal({ ...row, ...refused }, await known())).toBe('recorded');
      expect(await other.listAppraisals(DEVICE.deviceId)).toEqual([{ ...row, ...refused }, row]);
      expect((await other.getDevice(DEVICE.deviceId))?.lastAppraisal).toEqual({ ...refused, accepted: { clock: '5' } });
      expect(await store.recordAppraisal({ ...row, deviceId: 'nobody' }, await known())).toBe('moved');
    });

    it('records no appraisal that was judged on what has changed since: another appraisal, enrolment, a revocation', async () => {
      await enrol(store);
      const row = { deviceId: DEVICE.deviceId, at: T0, status: 'affirming', document: {} };
      const known = async () => (await store.getDevice(DEVICE.deviceId)) as DeviceRow;
      const before = await known();
      const raced = await Promise.all([
        store.recordAppraisal({ ...row, resultId: 'r1', accepted: { clock: '20' } }, before),
        other.recordAppraisal({ ...row, resultId: 'r2', accepted: { clock: '10' } }, before),
      ]);
      expect(raced.toSorted()).toEqual(['moved', 'recorded']);
      const appraised = await known();
      const again = { enrolmentId: 'e2', deviceId: DEVICE.deviceId, document: {}, createdAt: T0, expiresAt: T0 + 99 };
      await store.beginEnrolment(again);
      await store.completeEnrolment('e2', DEVICE.deviceId, () => ({ device: DEVICE, result: {} }), T0 + 5);
      for (const stale of [before, appraised, { ...appraised, lastAppraisal: null }]) {
        expect(await other.recordAppraisal({ ...row, resultId: 'r3' }, stale)).toBe('moved');
      }
      const enrolled = await known();
      await other.revokeDevice(DEVICE.deviceId, 'stolen', T0);
      expect(await store.recordAppraisal({ ...row, resultId: 'r4' }, enrolled)).toBe('moved');
      expect(await store.listAppraisals(DEVICE.deviceId)).toHaveLength(1);
    });

    it('starts a generation with every newer version of a model, and only then', async () => {
      expect(await store.addKey(keyRow(1))).toEqual({ added: true, generation: 0 });
      expect(await other.addKey(keyRow(2, 'pump'))).toEqual({ added: true, generation: 0 });
      expect(await other.addKey(keyRow(5))).toEqual({ added: true, generation: 1 });
      expect(await store.addKey(keyRow(1, 'fan'))).toEqual({ added: true, generation: 1 });
      expect(await store.addKey(keyRow(6))).toEqual({ added: true, generation: 2 });
      expect(await store.addKey(keyRow(5))).toEqual({ added: false, reason: 'exists' });
      expect(await store.addKey(keyRow(3))).toEqual({ added: false, reason: 'out-of-order' });
      expect(await store.generationsOf('motor-1')).toEqual({ generation: 0, nextNewer: 1, newest: 2 });
      expect(await store.generationsOf('pump-2')).toEqual({ generation: 0, nextNewer: undefined, newest: 2 });
      expect(await store.generationsOf('nothing')).toBeUndefined();
    });

    it('finds a key by id, by version, and the newest', async () => {
      await store.addKey(keyRow(1));
      await store.addKey(keyRow(5));
      await store.addKey(keyRow(2, 'pump'));
      expect((await other.findKey('motor'))?.version).toBe(5);
      expect((await other.findKey('motor', 1))?.keyId).toBe('motor-1');
      expect(await other.findKey('motor', 4)).toBeUndefined();
      expect(await other.getKey('motor-5')).toEqual({ ...keyRow(5), generation: 1 });
      const listed = await store.listKeys();
      expect(listed.map((row) => row.keyId)).toEqual(['motor-1', 'motor-5', 'pump-2']);
      expect(listed[0]).not.toHaveProperty('record');
    });

    it('grants a key to a fleet or to one device, and withdraws it', async () => {
      await store.addKey(keyRow(1));
      expect(await store.grantKey('nothing', { fleet: 'plant-1' }, T0)).toBe(false);
      expect(await store.isGranted('motor-1', 'device-a', 'plant-1')).toBe(false);
      expect(await store.grantKey('motor-1', { fleet: 'plant-1' }, T0)).toBe(true);
      expect(await store.grantKey('motor-1', { fleet: 'plant-1' }, T0 + 1)).toBe(true);
      expect(await store.grantKey('motor-1', { deviceId: 'device-z' }, T0)).toBe(true);
      expect(await other.isGranted('motor-1', 'device-a', 'plant-1')).toBe(true);
      expect(await other.isGranted('motor-1', 'device-z', 'plant-9')).toBe(true);
      // A device named like a fleet is not that fleet.
      expect(await other.isGranted('motor-1', 'plant-1', 'plant-9')).toBe(false);
      expect(await other.listGrants('motor-1')).toEqual([
        { keyId: 'motor-1', subject: { deviceId: 'device-z' }, createdAt: T0 },
        { keyId: 'motor-1', subject: { fleet: 'plant-1' }, createdAt: T0 },
      ]);
      expect(await store.withdrawKey('motor-1', { fleet: 'plant-1' })).toBe(true);
      expect(await store.withdrawKey('motor-1', { fleet: 'plant-1' })).toBe(false);
      expect(await other.isGranted('motor-1', 'device-a', 'plant-1')).toBe(false);
    });

    it('moves approvals by compare and set, and their epoch never back', async () => {
      const approval = (epoch: number, note = '') => ({ fleet: 'plant-1', epoch, document: { note } });
      expect(await store.swapApproval(approval(1), 0, T0)).toBe(true);
      expect(await other.swapApproval(approval(1), 0, T0)).toBe(false);
      expect(await other.swapApproval(approval(1, 'second state'), 1, T0)).toBe(true);
      const raced = await Promise.all([
        store.swapApproval(approval(3), 2, T0 + 5),
        other.swapApproval(approval(3), 2, T0 + 5),
      ]);
      expect(raced.filter(Boolean)).toHaveLength(1);
      expect(await store.swapApproval(approval(2), 3, T0)).toBe(false);
      expect(await store.getApproval('plant-1')).toEqual({
        fleet: 'plant-1',
        revision: 3,
        epoch: 3,
        document: { note: '' },
        updatedAt: T0 + 5,
      });
      expect(await store.getApproval('plant-2')).toBeUndefined();
    });

    it('replaces a policy by compare and set on its revision', async () => {
      expect(await store.swapPolicy('plant-1', { pcrs: [0] }, 0, T0)).toBe(true);
      expect(await other.swapPolicy('plant-1', { pcrs: [1] }, 0, T0)).toBe(false);
      expect(await other.swapPolicy('plant-1', { pcrs: [1] }, 1, T0 + 1)).toBe(true);
      expect(await store.getPolicy('plant-1')).toEqual({
        fleet: 'plant-1',
        revision: 2,
        document: { pcrs: [1] },
        updatedAt: T0 + 1,
      });
    });

    describe('recording a release', () => {
      const release = { deviceId: DEVICE.deviceId, keyId: 'motor-1', epoch: 1, generation: 0, at: T0, document: {} };
      const appraise = async (resultId: string) =>
        store.recordAppraisal(
          { deviceId: DEVICE.deviceId, at: T0, status: 'affirming', resultId, document: {} },
          (await store.getDevice(DEVICE.deviceId)) as DeviceRow,
        );

      beforeEach(async () => {
        await enrol(store);
        await appraise('r1');
        for (const version of [1, 2]) {
          await store.addKey(keyRow(version));
          await store.grantKey(`motor-${version}`, { fleet: DEVICE.fleet }, T0);
        }
        await store.swapApproval({ fleet: DEVICE.fleet, epoch: 1, document: {} }, 0, T0);
      });

      it('records it while everything still holds', async () => {
        expect(await store.recordRelease(release, 'r1')).toBe('recorded');
        expect(await other.listReleases({ deviceId: DEVICE.deviceId })).toEqual([release]);
        expect(await other.listReleases({ deviceId: 'nobody' })).toEqual([]);
      });
      it('refuses an unknown device', async () => {
        expect(await store.recordRelease({ ...release, deviceId: 'nobody' }, 'r1')).toBe('unknown');
      });
      it('refuses a result that a newer one replaced', async () => {
        await appraise('r2');
        expect(await store.recordRelease(release, 'r1')).toBe('result-stale');
        expect(await store.recordRelease(release, 'r2')).toBe('recorded');
      });
      it('refuses a result from before another enrolment, which learns what was released', async () => {
        const newer = { ...release, keyId: 'motor-2', generation: 1 };
        expect(await store.recordRelease(newer, 'r1')).toBe('recorded');
        const again = { enrolmentId: 'e2', deviceId: DEVICE.deviceId, document: {}, createdAt: T0, expiresAt: T0 + 99 };
        await other.beginEnrolment(again);
        const done = await other.completeEnrolment(
          'e2',
          DEVICE.deviceId,
          ({ previous, highestReleasedGeneration }) =>
            decision({ before: previous?.document, highestReleasedGeneration }),
          T0 + 1,
        );
        expect(done).toMatchObject({ result: { before: DEVICE.document, highestReleasedGeneration: 1 } });
        expect(await store.recordRelease(newer, 'r1')).toBe('result-stale');
      });
      it('refuses an older version than the device was given', async () => {
        expect(await store.recordRelease({ ...release, keyId: 'motor-2', generation: 1 }, 'r1')).toBe('recorded');
        expect(await store.recordRelease(release, 'r1')).toBe('version-older');
        expect(await store.recordRelease({ ...release, keyId: 'motor-2', generation: 1 }, 'r1')).toBe('recorded');
      });
      it('refuses after a revocation', async () => {
        await other.revokeDevice(DEVICE.deviceId, 'stolen', T0);
        expect(await store.recordRelease(release, 'r1')).toBe('revoked');
      });
      it('refuses after the grant was withdrawn', async () => {
        await other.withdrawKey('motor-1', { fleet: DEVICE.fleet });
        expect(await store.recordRelease(release, 'r1')).toBe('not-granted');
      });
      it('refuses after the epoch moved', async () => {
        await other.swapApproval({ fleet: DEVICE.fleet, epoch: 2, document: {} }, 1, T0);
        expect(await store.recordRelease(release, 'r1')).toBe('epoch-moved');
        expect(await store.listReleases()).toEqual([]);
      });
    });

    it('keeps everything over closing and opening', async () => {
      await enrol(store);
      await store.issueChallenge(challenge('c1'));
      expect(await consume(store, 'c1', T0)).toBe('consumed');
      await store.close();
      store = await database.open();
      await store.ping();
      expect(await store.getDevice(DEVICE.deviceId)).toMatchObject({ fleet: DEVICE.fleet });
      expect(await consume(store, 'c1', T0)).toBe('used');
    });

    it('reports a closed store as ERR_STORE', async () => {
      const closed = await database.open();
      await closed.close();
      await expect(closed.ping()).rejects.toMatchObject({ code: 'ERR_STORE' });
    });
  });
}
