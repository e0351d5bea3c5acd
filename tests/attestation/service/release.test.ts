/** Release and enrolment over the service's routes, by a device in software: one thing wrong each (PROTOCOL.md [R1] to [R6]). */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { STORAGE_KEY_AREA, softwareKey } from '../../support/software_attester.js';
import { FLEET, refusal, SoftwareFleet } from './software_fleet.js';

describe('release over the service', () => {
  let fleet: SoftwareFleet;
  let keyId: string;
  beforeEach(async () => {
    fleet = await SoftwareFleet.start();
    keyId = await fleet.addKey(1);
  });
  afterEach(() => fleet.stop());

  const denied = refusal('release-denied');
  const given = async () => (await fleet.store.listReleases({ deviceId: fleet.deviceId })).length;

  it('goes to an attested device, and is recorded', async () => {
    const result = await fleet.result();
    expect((await fleet.release(result)).statusCode).toBe(200);
    expect((await fleet.lease(result, keyId)).statusCode).toBe(200);
    expect(await given()).toBe(2);
  });

  it('takes only the newest result of a device, and not after it expired', async () => {
    const older = await fleet.result();
    const newer = await fleet.result();
    expect((await fleet.release(older)).json()).toEqual(denied);
    expect((await fleet.lease(older, keyId)).json()).toEqual(denied);
    fleet.nowMs += 301_000;
    expect((await fleet.release(newer)).json()).toEqual(refusal('nonce-expired'));
    expect(await given()).toBe(0);
  });

  it('takes no result from before another enrolment', async () => {
    const result = await fleet.result();
    expect((await fleet.prove(await fleet.openEnrolment())).statusCode).toBe(200);
    expect((await fleet.release(result)).json()).toEqual(denied);
  });

  it('takes no result that does not affirm', async () => {
    fleet.device.pcrs.set(0, Buffer.alloc(32, 9));
    expect((await fleet.release(await fleet.result())).json()).toEqual(denied);
    expect(await given()).toBe(0);
  });

  it('goes to no storage key but the attested one', async () => {
    const result = await fleet.result();
    const stranger = softwareKey(STORAGE_KEY_AREA);
    for (const { public: area } of [fleet.device.ak, stranger]) {
      expect((await fleet.release(result, { storageKey: area.toString('base64url') })).json()).toEqual(denied);
    }
  });

  it('is for who was granted the key, and says the same when there is no such key', async () => {
    const result = await fleet.result();
    const hidden = await fleet.addKey(2, false);
    const asked = [
      await fleet.release(result, { version: '2' }),
      await fleet.release(result, { version: '3' }),
      await fleet.lease(result, hidden),
      await fleet.lease(result, '0'.repeat(64)),
    ].map((answer) => answer.json());
    for (const problem of asked) expect(problem).toEqual(denied);
    expect(new Set(asked.map(({ instance: _, ...rest }) => JSON.stringify(rest))).size).toBe(1);
    await fleet.store.withdrawKey(keyId, { fleet: FLEET });
    expect((await fleet.release(result, { version: '1' })).json()).toEqual(denied);
    expect(await given()).toBe(0);
  });

  it('is of no older version than the device was given, before it ever ran', async () => {
    await fleet.addKey(2);
    const result = await fleet.result();
    expect((await fleet.release(result, { version: '1' })).statusCode).toBe(200);
    expect((await fleet.release(result)).statusCode).toBe(200);
    expect((await fleet.release(result, { version: '1' })).json()).toEqual(denied);
    expect((await fleet.lease(result, keyId)).json()).toEqual(denied);
  });

  it('is not to a revoked device', async () => {
    const result = await fleet.result();
    await fleet.stores[1]?.revokeDevice(fleet.deviceId, 'stolen', fleet.nowMs);
    expect((await fleet.release(result)).json()).toEqual(refusal('device-revoked'));
    const again = await fleet.openEnrolment();
    expect((await fleet.prove(again)).json()).toEqual(refusal('device-revoked'));
  });
});

describe('enrolment over the service', () => {
  let fleet: SoftwareFleet;
  beforeEach(async () => {
    fleet = await SoftwareFleet.start();
  });
  afterEach(() => fleet.stop());

  it('answers the same proof alike, at either verifier, until it expires', async () => {
    const open = await fleet.openEnrolment();
    const first = await fleet.prove(open);
    expect(first.statusCode).toBe(200);
    expect((await fleet.prove(open, 1)).json()).toEqual(first.json());
    fleet.nowMs += 1_000;
    expect((await fleet.prove(open)).json()).toEqual(refusal('nonce-expired'));
  });

  it('wants the credential', async () => {
    const { url, proof } = await fleet.openEnrolment();
    const credential = Buffer.alloc(32).toString('base64url');
    expect((await fleet.prove({ url, proof: { ...proof, credential } })).json()).toEqual(refusal('credential'));
  });
});
