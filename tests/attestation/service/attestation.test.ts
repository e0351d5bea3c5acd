/** Attestation over the service's routes, by a device in software: what the store remembers must count in the next appraisal. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EvidenceMessage } from '../../../attestation/protocol/messages.js';
import { refusal, SoftwareFleet } from './software_fleet.js';

describe('attestation over the service', () => {
  let fleet: SoftwareFleet;
  beforeEach(async () => {
    fleet = await SoftwareFleet.start();
  });
  afterEach(() => fleet.stop());

  it('takes Evidence once, from either verifier', async () => {
    const message = fleet.evidence(await fleet.challenge(0));
    expect((await fleet.post(1, '/v1/attestations', message)).statusCode).toBe(200);
    for (const verifier of [0, 1]) {
      const again = await fleet.post(verifier, '/v1/attestations', message);
      expect(again.json()).toEqual(refusal('nonce-unknown'));
    }
  });

  it('spends the nonce on Evidence that is refused', async () => {
    const asked = await fleet.challenge();
    const message = fleet.evidence(asked);
    const forged = { ...message, quote: { ...message.quote, signature: message.storageKey.signature } };
    expect((await fleet.post(0, '/v1/attestations', forged)).json()).toEqual(refusal('quote-signature'));
    expect((await fleet.post(0, '/v1/attestations', message)).json()).toEqual(refusal('nonce-unknown'));
  });

  it('holds a device to the clock and the counter of its last Evidence, also over Evidence without the counter', async () => {
    fleet.device.counterValue = 9n;
    expect((await fleet.attest()).statusCode).toBe(200);
    expect((await fleet.attest(false)).statusCode).toBe(200);
    fleet.device.counterValue = 8n;
    expect((await fleet.attest()).json()).toEqual(refusal('nv-certify'));
    fleet.device.counterValue = 9n;
    fleet.device.clockInfo = { ...fleet.device.clockInfo, clock: fleet.device.clockInfo.clock - 1n };
    expect((await fleet.attest()).json()).toEqual(refusal('clock'));
  });

  it('never lets the accepted clock go back, however many verifiers appraise at once', async () => {
    const messages: EvidenceMessage[] = [];
    for (let i = 0; i < 6; i++) {
      fleet.device.clockInfo = { ...fleet.device.clockInfo, clock: fleet.device.clockInfo.clock + 1n };
      messages.push(fleet.evidence(await fleet.challenge()));
    }
    const newest = fleet.device.clockInfo.clock;
    // The newest first: all that come after it have an older clock.
    const answers = await Promise.all(
      messages.toReversed().map((one, i) => fleet.post(i % 2, '/v1/attestations', one)),
    );
    expect(answers[0]?.statusCode).toBe(200);
    for (const answer of answers) expect([200, 403]).toContain(answer.statusCode);
    const row = await fleet.store.getDevice(fleet.deviceId);
    expect(row?.lastAppraisal?.accepted).toMatchObject({ clock: { clock: String(newest) } });
  });

  it('gives a revoked device neither challenge nor appraisal', async () => {
    const message = fleet.evidence(await fleet.challenge());
    await fleet.stores[1]?.revokeDevice(fleet.deviceId, 'stolen', Date.now());
    expect((await fleet.post(0, '/v1/attestations', message)).json()).toEqual(refusal('device-revoked'));
    expect((await fleet.post(0, '/v1/challenges', { protocol: 1, deviceId: fleet.deviceId })).json()).toEqual(
      refusal('device-revoked'),
    );
  });
});
