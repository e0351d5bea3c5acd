/** Attestation over the service's routes, by a device in software: what the store remembers must count in the next appraisal. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Evidence } from '../../../attestation/protocol/decode.js';
import type { DeviceRecord } from '../../../attestation/protocol/device_record.js';
import type { AttestChallenge, EvidenceMessage } from '../../../attestation/protocol/messages.js';
import { writeDeviceDocument } from '../../../attestation/service/device_document.js';
import { loadOrCreateIdentity } from '../../../attestation/service/identity.js';
import { buildServer } from '../../../attestation/service/server.js';
import { SqliteStore } from '../../../attestation/service/store/sqlite.js';
import { deviceIdOf } from '../../../attestation/verifier/enrolment.js';
import { SoftwareAttester } from '../../support/software_attester.js';
import { policyDocument } from './documents.js';

const FLEET = 'plant-1';
const PCRS = [0, 7];
const b64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

describe('attestation over the service', () => {
  let directory: string;
  let stores: SqliteStore[];
  /** Two verifiers on one database. */
  let verifiers: FastifyInstance[];
  let device: SoftwareAttester;
  let deviceId: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sealedge-service-'));
    const identity = await loadOrCreateIdentity(directory);
    stores = [];
    verifiers = [];
    for (let i = 0; i < 2; i++) {
      const store = await SqliteStore.open(join(directory, 'verifier.db'));
      stores.push(store);
      verifiers.push(await buildServer({ store, identity, operatorRoutes: false }));
    }
    device = new SoftwareAttester();
    deviceId = deviceIdOf(device.ek.public);
    await stores[0]?.swapPolicy(FLEET, policyDocument().policy, 0, Date.now());
    await enrol();
  });
  afterEach(async () => {
    for (const app of verifiers) await app.close();
    for (const store of stores) await store.close();
    await rm(directory, { recursive: true });
  });

  /** As the routes of enrolment leave it. */
  async function enrol(): Promise<void> {
    const record: DeviceRecord = {
      format: 'sealedge-device/1',
      deviceId,
      fleet: FLEET,
      ekPublic: b64(device.ek.public),
      akPublic: b64(device.ak.public),
      akName: b64(device.ak.name),
      storageKeyPublic: b64(device.storageKey.public),
      storageKeyName: b64(device.storageKey.name),
      counterPublic: b64(device.counterPublic),
      counterName: b64(device.counterName),
      counterValue: String(device.counterValue),
      ekChain: [],
    };
    const enrolmentId = randomBytes(16).toString('base64url');
    const now = Date.now();
    const document = writeDeviceDocument({ record, counterBase: 0n });
    const row = { fleet: FLEET, akName: record.akName, document };
    await stores[0]?.beginEnrolment({ enrolmentId, deviceId, document: {}, createdAt: now, expiresAt: now + 9_999 });
    const done = await stores[0]?.completeEnrolment(enrolmentId, deviceId, () => ({ device: row, result: {} }), now);
    expect(done?.status).toBe('completed');
  }

  const post = (verifier: number, url: string, payload: object) =>
    (verifiers[verifier] as FastifyInstance).inject({ method: 'POST', url, payload });

  async function challenge(verifier = 0): Promise<AttestChallenge> {
    const answer = await post(verifier, '/v1/challenges', { protocol: 1, deviceId });
    expect(answer.statusCode).toBe(200);
    return answer.json() as AttestChallenge;
  }

  function evidenceFor({ exchangeId, nonce }: AttestChallenge, counted = true): EvidenceMessage {
    const { quote, pcrs, storageKey, counter }: Evidence = device.evidence(Buffer.from(nonce, 'base64url'), PCRS);
    const signed = (one: { attest: Uint8Array; signature: Uint8Array }) => ({
      attest: b64(one.attest),
      signature: b64(one.signature),
    });
    return {
      protocol: 1,
      exchangeId,
      deviceId,
      quote: signed(quote),
      pcrs: pcrs.map((pcr) => ({ ...pcr, value: b64(pcr.value) })),
      storageKey: { public: b64(storageKey.public), ...signed(storageKey) },
      ...(counted && counter !== undefined ? { counter: { nvPublic: b64(counter.nvPublic), ...signed(counter) } } : {}),
    };
  }

  const attest = async (counted = true) => post(1, '/v1/attestations', evidenceFor(await challenge(), counted));
  const refusal = (kind: string) => expect.objectContaining({ type: `urn:sealedge:problem:${kind}` });

  it('takes Evidence once, from either verifier', async () => {
    const message = evidenceFor(await challenge(0));
    expect((await post(1, '/v1/attestations', message)).statusCode).toBe(200);
    for (const verifier of [0, 1]) {
      const again = await post(verifier, '/v1/attestations', message);
      expect(again.json()).toEqual(refusal('nonce-unknown'));
    }
  });

  it('spends the nonce on Evidence that is refused', async () => {
    const asked = await challenge();
    const message = evidenceFor(asked);
    const forged = { ...message, quote: { ...message.quote, signature: message.storageKey.signature } };
    expect((await post(0, '/v1/attestations', forged)).json()).toEqual(refusal('quote-signature'));
    expect((await post(0, '/v1/attestations', message)).json()).toEqual(refusal('nonce-unknown'));
  });

  it('holds a device to the clock and the counter of its last Evidence, also over Evidence without the counter', async () => {
    device.counterValue = 9n;
    expect((await attest()).statusCode).toBe(200);
    expect((await attest(false)).statusCode).toBe(200);
    device.counterValue = 8n;
    expect((await attest()).json()).toEqual(refusal('nv-certify'));
    device.counterValue = 9n;
    device.clockInfo = { ...device.clockInfo, clock: device.clockInfo.clock - 1n };
    expect((await attest()).json()).toEqual(refusal('clock'));
  });

  it('never lets the accepted clock go back, however many verifiers appraise at once', async () => {
    const messages: EvidenceMessage[] = [];
    for (let i = 0; i < 6; i++) {
      device.clockInfo = { ...device.clockInfo, clock: device.clockInfo.clock + 1n };
      messages.push(evidenceFor(await challenge()));
    }
    const newest = device.clockInfo.clock;
    // The newest first: all that come after it have an older clock.
    const answers = await Promise.all(messages.toReversed().map((one, i) => post(i % 2, '/v1/attestations', one)));
    expect(answers[0]?.statusCode).toBe(200);
    for (const answer of answers) expect([200, 403]).toContain(answer.statusCode);
    const row = await stores[0]?.getDevice(deviceId);
    expect(row?.lastAppraisal?.accepted).toMatchObject({ clock: { clock: String(newest) } });
  });

  it('gives a revoked device neither challenge nor appraisal', async () => {
    const message = evidenceFor(await challenge());
    await stores[1]?.revokeDevice(deviceId, 'stolen', Date.now());
    expect((await post(0, '/v1/attestations', message)).json()).toEqual(refusal('device-revoked'));
    expect((await post(0, '/v1/challenges', { protocol: 1, deviceId })).json()).toEqual(refusal('device-revoked'));
  });
});
