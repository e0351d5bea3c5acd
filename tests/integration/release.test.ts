/** Enrol, attest, release, unseal: the whole exchange on a software TPM, for each kind of EK. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { attest } from '../../attestation/attester/attester.js';
import { DEFAULT_COUNTER_INDEX } from '../../attestation/attester/device_keys.js';
import { settleCounter } from '../../attestation/attester/rollback.js';
import { unsealKey } from '../../attestation/attester/unseal.js';
import { describeUnless, noSwtpm } from '../support/requirements.js';
import { Swtpm } from '../support/swtpm.js';
import { FleetFixture, MODEL } from './fleet_fixture.js';

describeUnless(noSwtpm)('enrol, attest, release, unseal', () => {
  let swtpm: Swtpm;
  let fleet: FleetFixture;

  beforeAll(async () => {
    swtpm = await Swtpm.start({ p256EkCertificate: true });
    fleet = await FleetFixture.start();
    await fleet.trust(swtpm);
    await fleet.approve(swtpm);
    await fleet.addKey(1);
  });
  afterAll(async () => {
    await fleet?.stop();
    await swtpm?.stop();
  });

  it.each([
    ['L-1', 'RSA 2048'],
    ['L-2', 'ECC P-256'],
    ['H-3', 'ECC P-384'],
  ])('with EK %s (%s)', async (ekTemplate) => {
    const device = await fleet.device(swtpm.tcti, `device-${ekTemplate}`);
    const pins = await device.enroll({ ekTemplate, ...(ekTemplate === 'L-1' ? { storageKeyType: 'rsa-2048' } : {}) });
    expect(pins.fleet).toBe('plant-1');
    const grant = await device.fetchKey();
    expect(grant).toMatchObject({ model: MODEL, version: 1n });
    const { key, terms } = await unsealKey({ ...(await device.context()), keyId: grant.keyId });
    expect(key.byteLength).toBe(104);
    key.close();
    const counter = await settleCounter(await device.tpm(), pins, terms);
    expect(counter).toMatchObject({ value: terms.counter.advanceTo, readLocked: false });
    await device.close();
  });

  it('is for listed TPMs alone where the operator lists them', async () => {
    const device = await fleet.device(swtpm.tcti, 'device-admitted');
    const { deviceId } = await device.enroll();
    await fleet.trust(swtpm, { devices: ['0'.repeat(32)] });
    await expect(device.enroll()).rejects.toMatchObject({ code: 'ERR_DEVICE_UNKNOWN' });
    await fleet.trust(swtpm, { devices: ['0'.repeat(32), deviceId] });
    await device.enroll();
    await fleet.trust(swtpm);
    await device.close();
  });

  it('keeps fleet and counter of a device that enrols again', async () => {
    const device = await fleet.device(swtpm.tcti, 'device-again');
    await device.enroll();
    const other = { counterIndex: DEFAULT_COUNTER_INDEX + 1 };
    await expect(device.enroll(other)).rejects.toMatchObject({ code: 'ERR_NV_CERTIFY' });
    await fleet.trust(swtpm, { fleet: 'plant-2' });
    await expect(device.enroll({ fleet: 'plant-2' })).rejects.toMatchObject({ code: 'ERR_RELEASE_DENIED' });
    await device.enroll();
    await device.close();
  });

  it('gives an attestation result that says affirming', async () => {
    const device = await fleet.device(swtpm.tcti, 'device-attest');
    await device.enroll();
    const result = await attest(await device.context());
    const claims = JSON.parse(Buffer.from(result.split('.')[1] as string, 'base64url').toString()) as {
      submods: { device: Record<string, unknown> };
    };
    expect(claims.submods.device['ear.status']).toBe('affirming');
    expect(claims.submods.device['sealedge.device-id']).toBe(device.pins.deviceId);
    await device.close();
  });
});
