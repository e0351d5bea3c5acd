/** A device in software and two verifiers on one database: what the tests of routes share. No TPM, no network. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { expect } from 'vitest';
import type { AttestChallenge, EnrolProof, EvidenceMessage } from '../../../attestation/protocol/messages.js';
import { loadOrCreateIdentity, type VerifierIdentity } from '../../../attestation/service/identity.js';
import { buildServer } from '../../../attestation/service/server.js';
import { SqliteStore } from '../../../attestation/service/store/sqlite.js';
import { credentialDigest, deviceIdOf } from '../../../attestation/verifier/enrolment.js';
import { SoftwareAttester } from '../../support/software_attester.js';
import { keyFile, policyDocument, stateApproval } from './documents.js';

export const FLEET = 'plant-1';
const PCRS = [0];
const b64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

export const refusal = (kind: string) => expect.objectContaining({ type: `urn:sealedge:problem:${kind}` });

export class SoftwareFleet {
  readonly device = new SoftwareAttester();
  readonly deviceId = deviceIdOf(this.device.ek.public);
  readonly stores: SqliteStore[] = [];
  /** Two verifiers on one database. */
  readonly verifiers: FastifyInstance[] = [];
  nowMs = Date.now();
  identity!: VerifierIdentity;
  #directory = '';

  /** The state the device is in is known as good, and approved in epoch 1; the device is enrolled. */
  static async start(): Promise<SoftwareFleet> {
    const fleet = new SoftwareFleet();
    fleet.#directory = await mkdtemp(join(tmpdir(), 'sealedge-service-'));
    fleet.identity = await loadOrCreateIdentity(fleet.#directory);
    for (let i = 0; i < 2; i++) {
      const store = await SqliteStore.open(join(fleet.#directory, 'verifier.db'));
      fleet.stores.push(store);
      const { identity } = fleet;
      const now = () => fleet.nowMs;
      fleet.verifiers.push(await buildServer({ store, identity, operatorRoutes: true, now }));
    }
    await fleet.#setPolicy();
    expect((await fleet.prove(await fleet.openEnrolment())).statusCode).toBe(200);
    return fleet;
  }

  async #setPolicy(): Promise<void> {
    const { policy, stateKey } = policyDocument();
    const pcrs = { 0: [Buffer.from(this.device.pcrs.get(0) ?? []).toString('hex')] };
    const referenceValues = { ...policy.referenceValues, states: [{ id: 'good', bank: 'sha256', pcrs }] };
    const document = { ...policy, appraisal: { ...policy.appraisal, pcrs: PCRS }, referenceValues };
    await this.store.swapPolicy(FLEET, document, 0, this.nowMs);
    const approval = stateApproval(stateKey, FLEET, 1, 0);
    await this.store.swapApproval({ fleet: FLEET, epoch: 1, document: [approval] }, 0, this.nowMs);
  }

  get store(): SqliteStore {
    return this.stores[0] as SqliteStore;
  }

  async stop(): Promise<void> {
    for (const app of this.verifiers) await app.close();
    for (const store of this.stores) await store.close();
    await rm(this.#directory, { recursive: true });
  }

  post(verifier: number, url: string, payload: object) {
    return (this.verifiers[verifier] as FastifyInstance).inject({ method: 'POST', url, payload });
  }

  /** As step 1 leaves it; the credential's secret is known here without a TPM. */
  async openEnrolment(): Promise<{ url: string; proof: EnrolProof }> {
    const { device, deviceId } = this;
    const enrolmentId = randomBytes(16).toString('base64url');
    const [nonce, secret] = [randomBytes(32), randomBytes(32)];
    const request = { fleet: FLEET, ekPublic: b64(device.ek.public), akPublic: b64(device.ak.public) };
    const document = { request, ekChain: [], nonce: b64(nonce), credentialDigest: b64(credentialDigest(secret)) };
    const expiresAt = this.nowMs + 1_000;
    await this.store.beginEnrolment({ enrolmentId, deviceId, document, createdAt: this.nowMs, expiresAt });
    const { storageKey, counter } = this.evidence({ exchangeId: enrolmentId, nonce: b64(nonce) });
    if (counter === undefined) throw new Error('no counter');
    return {
      url: `/v1/enrolments/${enrolmentId}/proof`,
      proof: { protocol: 1, credential: b64(secret), storageKey, counter },
    };
  }

  prove({ url, proof }: { url: string; proof: EnrolProof }, verifier = 0) {
    return this.post(verifier, url, proof);
  }

  async challenge(verifier = 0): Promise<AttestChallenge> {
    const answer = await this.post(verifier, '/v1/challenges', { protocol: 1, deviceId: this.deviceId });
    expect(answer.statusCode).toBe(200);
    return answer.json() as AttestChallenge;
  }

  evidence({ exchangeId, nonce }: Pick<AttestChallenge, 'exchangeId' | 'nonce'>, counted = true): EvidenceMessage {
    const { deviceId } = this;
    const { quote, pcrs, storageKey, counter } = this.device.evidence(Buffer.from(nonce, 'base64url'), PCRS);
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

  async attest(counted = true) {
    return this.post(1, '/v1/attestations', this.evidence(await this.challenge(), counted));
  }

  /** An Attestation Result, whatever it says. */
  async result(counted = true): Promise<string> {
    const answer = await this.attest(counted);
    expect(answer.statusCode).toBe(200);
    return answer.json().result as string;
  }

  /** A key for a version of a model, granted to the fleet. */
  async addKey(version: number, grant = true): Promise<string> {
    const { text, keyId } = keyFile('motor', version);
    const headers = { authorization: `Bearer ${this.identity.operatorToken}` };
    const app = this.verifiers[0] as FastifyInstance;
    const url = '/v1/operator/keys';
    expect((await app.inject({ method: 'POST', url, headers, payload: { keyFile: text } })).statusCode).toBe(201);
    if (grant) await this.store.grantKey(keyId, { fleet: FLEET }, this.nowMs);
    return keyId;
  }

  release(result: string, change: object = {}) {
    const storageKey = b64(this.device.storageKey.public);
    return this.post(0, '/v1/releases', { protocol: 1, result, model: 'motor', storageKey, ...change });
  }

  lease(result: string, keyId: string) {
    return this.post(1, '/v1/leases', { protocol: 1, result, keyId });
  }
}
