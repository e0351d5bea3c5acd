/** What a device refuses of a grant, even one signed by its own verifier: PROTOCOL.md [D2] to [D4], one altered field each. */
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fetchKey, renewLease, requireHeldKey } from '../../attestation/attester/fetch_key.js';
import { verifyGrant } from '../../attestation/attester/grant.js';
import { readHeldKey, writeKeyFile } from '../../attestation/attester/key_file.js';
import { signGrant } from '../../attestation/protocol/grant_token.js';
import { refState } from '../../attestation/protocol/key_policy.js';
import type { LeaseRequest, ReleaseGrant, ReleaseRequest } from '../../attestation/protocol/messages.js';
import { marshalTpmtPublic, parseTpmtPublic } from '../../attestation/tpm/tpmt_public.js';
import { describeUnless, noSwtpm } from '../support/requirements.js';
import { Swtpm } from '../support/swtpm.js';
import { type Device, FleetFixture, MODEL } from './fleet_fixture.js';

describeUnless(noSwtpm)('a release grant', () => {
  let swtpm: Swtpm;
  let fleet: FleetFixture;
  let device: Device;
  let keyId: string;
  let grant: ReleaseGrant;

  beforeAll(async () => {
    swtpm = await Swtpm.start();
    fleet = await FleetFixture.start();
    await fleet.trust(swtpm, { release: { lease: { poweredSeconds: 3600, resets: 5 } } });
    await fleet.approve(swtpm);
    ({ keyId } = await fleet.addKey(1));
    device = await fleet.device(swtpm.tcti);
    await device.enroll({ ekTemplate: 'L-1' });
    await device.fetchKey();
    const { file } = await requireHeldKey(device.directory, keyId, device.pins);
    grant = JSON.parse(Buffer.from(file.release.split('.')[1] as string, 'base64url').toString()) as ReleaseGrant;
  });
  afterAll(async () => {
    await fleet?.stop();
    await swtpm?.stop();
  });

  const refused = { code: 'ERR_NO_MATCHING_KEY' };
  const check = async (altered: unknown, key = fleet.identity.resultKey) =>
    verifyGrant(await signGrant(altered as ReleaseGrant, key), device.pins);
  const digest = Buffer.alloc(32, 7).toString('base64url');

  it('is accepted as it came', async () => {
    expect((await check(grant)).keyId).toBe(keyId);
  });

  it('is refused when another key signed it', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await expect(check(grant, privateKey)).rejects.toMatchObject(refused);
  });

  it('is refused with any attribute of the sealed object changed, bit by bit', async () => {
    const wrapped = grant.wrapped as NonNullable<ReleaseGrant['wrapped']>;
    for (let bit = 0; bit < 32; bit++) {
      const area = Buffer.from(wrapped.public, 'base64url');
      // TPMT_PUBLIC: type, nameAlg, objectAttributes.
      area.writeUInt32BE((area.readUInt32BE(4) ^ (1 << bit)) >>> 0, 4);
      const altered = { ...grant, wrapped: { ...wrapped, public: area.toString('base64url') } };
      await expect(check(altered), `bit ${bit}`).rejects.toMatchObject(refused);
    }
  });

  it('is refused with another policy in the sealed object', async () => {
    const wrapped = grant.wrapped as NonNullable<ReleaseGrant['wrapped']>;
    const area = parseTpmtPublic(Buffer.from(wrapped.public, 'base64url'));
    const altered = marshalTpmtPublic({ ...area, authPolicy: Buffer.alloc(32, 7) }).toString('base64url');
    await expect(check({ ...grant, wrapped: { ...wrapped, public: altered } })).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('sealed object authPolicy'),
    });
  });

  it('is refused with approvals of another epoch or fleet that agree with themselves', async () => {
    for (const [fleetName, epoch] of [
      [device.pins.fleet, '9'],
      ['other', grant.leaseApproval.epoch],
    ] as const) {
      const policyRef = refState(fleetName, BigInt(epoch)).toString('base64url');
      const other = { ...grant.stateApprovals[0], fleet: fleetName, epoch, policyRef };
      await expect(check({ ...grant, stateApprovals: [...grant.stateApprovals, other] })).rejects.toMatchObject(
        refused,
      );
    }
  });

  it.each([
    ['protocol', () => ({ ...grant, protocol: 2 })],
    ['deviceId', () => ({ ...grant, deviceId: '0'.repeat(32) })],
    ['akName', () => ({ ...grant, akName: Buffer.alloc(34, 1).toString('base64url') })],
    ['keyId', () => ({ ...grant, keyId: '0'.repeat(64) })],
    ['authPolicy', () => ({ ...grant, authPolicy: digest })],
    ['counter.nvIndex', () => ({ ...grant, counter: { ...grant.counter, nvIndex: 0x01800001 } })],
    ['counter.limit', () => ({ ...grant, counter: { ...grant.counter, limit: '99' } })],
    ['lease epoch', () => ({ ...grant, leaseApproval: { ...grant.leaseApproval, epoch: '9' } })],
    ['lease counterLimit', () => ({ ...grant, leaseApproval: { ...grant.leaseApproval, counterLimit: '99' } })],
    ['lease clockLimit', () => ({ ...grant, leaseApproval: { ...grant.leaseApproval, clockLimit: '9' } })],
    ['lease resetLimit', () => ({ ...grant, leaseApproval: { ...grant.leaseApproval, resetLimit: 9 } })],
    ['lease approvedPolicy', () => ({ ...grant, leaseApproval: { ...grant.leaseApproval, approvedPolicy: digest } })],
    ['lease policyRef', () => ({ ...grant, leaseApproval: { ...grant.leaseApproval, policyRef: digest } })],
    ['no state approvals', () => ({ ...grant, stateApprovals: [] })],
    ['state fleet', () => ({ ...grant, stateApprovals: [{ ...grant.stateApprovals[0], fleet: 'other' }] })],
    ['state epoch', () => ({ ...grant, stateApprovals: [{ ...grant.stateApprovals[0], epoch: '9' }] })],
    ['state policyRef', () => ({ ...grant, stateApprovals: [{ ...grant.stateApprovals[0], policyRef: digest }] })],
    ['an unknown member', () => ({ ...grant, extra: 1 })],
    ['a missing member', () => ({ ...grant, unsealOncePerBoot: undefined })],
  ])('is refused with %s altered', async (_, alter) => {
    await expect(check(alter())).rejects.toMatchObject(refused);
  });

  it('counts as absent on disk when damaged, and a damaged lease costs only the lease', async () => {
    const { file } = await requireHeldKey(device.directory, keyId, device.pins);
    await writeKeyFile(device.directory, keyId, { ...file, lease: 'a.b.c' });
    expect((await readHeldKey(device.directory, keyId, device.pins))?.terms.keyId).toBe(keyId);
    await writeKeyFile(device.directory, keyId, { ...file, release: `${file.release.slice(0, -4)}AAAA` });
    expect(await readHeldKey(device.directory, keyId, device.pins)).toBeUndefined();
    await writeKeyFile(device.directory, keyId, file);
  });

  it('is not taken for one of another key: from a verifier that answers so, under its name, or as its lease', async () => {
    const context = await device.context();
    const { api } = context;
    const { keyId: otherId } = await fleet.addKey(1, 'fan');
    await fetchKey({ ...context, model: 'fan' });
    const lies = {
      ...api,
      release: (message: ReleaseRequest) => api.release({ ...message, model: 'fan' }),
      lease: (message: LeaseRequest) => api.lease({ ...message, keyId: otherId }),
    };
    await expect(fetchKey({ ...context, api: lies, model: MODEL })).rejects.toMatchObject(refused);
    await expect(renewLease({ ...context, api: lies, keyId })).rejects.toMatchObject(refused);
    const { file } = await requireHeldKey(device.directory, keyId, device.pins);
    const { file: otherFile } = await requireHeldKey(device.directory, otherId, device.pins);
    await writeKeyFile(device.directory, keyId, otherFile);
    expect(await readHeldKey(device.directory, keyId, device.pins)).toBeUndefined();
    await writeKeyFile(device.directory, keyId, { ...file, lease: otherFile.release });
    expect((await readHeldKey(device.directory, keyId, device.pins))?.terms.keyId).toBe(keyId);
    await writeKeyFile(device.directory, keyId, file);
  });
});
