/** PROTOCOL.md steps 1 and 2: the credential challenge, and the proof that makes a device known. */
import { createPublicKey, randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { AppraisalError, EvidenceError } from '../../../src/errors.js';
import { counterBase } from '../../key_release/lease.js';
import { makeCredential } from '../../key_release/make_credential.js';
import { approvalKey } from '../../protocol/approval_key.js';
import { decodeEnrolProof, decodeEnrolRequest, EXCHANGE_ID } from '../../protocol/decode.js';
import type { DeviceRecord } from '../../protocol/device_record.js';
import type { EnrolChallenge, EnrolRequest, EnrolResult } from '../../protocol/messages.js';
import { credentialDigest, verifyEnrolProof, verifyEnrolRequest } from '../../verifier/enrolment.js';
import type { ServiceContext } from '../context.js';
import { type DeviceDocument, readDeviceDocument, writeDeviceDocument } from '../device_document.js';
import { requireFleetPolicy } from '../fleet_policy.js';
import { rateLimit } from '../rate_limit.js';
import { answers, exactly, ref } from '../schemas.js';
import type { CompletedEnrolment, EnrolmentDecision, KnownDevice } from '../store/store.js';
import { newExchangeId, newNonce } from './attestation.js';

const ENROLMENT_LIFETIME_MS = 300_000;
const CREDENTIAL_BYTES = 32;

/** What is kept between the two steps: of the credential only its digest. */
interface PendingEnrolment {
  request: Pick<EnrolRequest, 'fleet' | 'ekPublic' | 'akPublic'>;
  ekChain: string[];
  nonce: string;
  credentialDigest: string;
}

export function registerEnrolmentRoutes(app: FastifyInstance, context: ServiceContext): void {
  app.post(
    '/v1/enrolments',
    {
      onRequest: rateLimit(context, 'enrolment'),
      schema: {
        summary: 'Check the endorsements of a TPM and challenge it with a credential',
        tags: ['enrolment'],
        body: ref('EnrolRequest'),
        response: answers(200, ref('EnrolChallenge')),
      },
    },
    async (request) => beginEnrolment(context, request.body as EnrolRequest),
  );

  app.post<{ Params: { exchangeId: string } }>(
    '/v1/enrolments/:exchangeId/proof',
    {
      schema: {
        summary: 'Prove that attestation key, storage key and counter are in that TPM',
        tags: ['enrolment'],
        params: exactly({ exchangeId: { type: 'string', pattern: EXCHANGE_ID.source } }),
        body: ref('EnrolProof'),
        response: answers(200, ref('EnrolResult')),
      },
    },
    async (request) => {
      const result = await completeEnrolment(context, request.params.exchangeId, request.body);
      request.log.info({ deviceId: result.deviceId, fleet: result.fleet }, 'device enrolled');
      return result;
    },
  );
}

async function beginEnrolment({ store, now }: ServiceContext, message: EnrolRequest): Promise<EnrolChallenge> {
  const request = decodeEnrolRequest(message);
  const policy = await requireFleetPolicy(store, request.fleet);
  const createdAt = now();
  const identity = verifyEnrolRequest(request, policy.trust, new Date(createdAt));
  if (policy.devices?.has(identity.deviceId) === false)
    throw new AppraisalError(
      'ERR_DEVICE_UNKNOWN',
      `device ${identity.deviceId} is not admitted to fleet ${request.fleet}`,
      {
        fields: { deviceId: identity.deviceId, fleet: request.fleet, hint: 'sealedge verifier policy set --admit' },
      },
    );
  await refuseRevoked({ store }, identity.deviceId);
  const secret = randomBytes(CREDENTIAL_BYTES);
  const credential = makeCredential(identity.ekPublic, identity.akName, secret);
  const exchangeId = newExchangeId();
  const nonce = newNonce();
  const { fleet, ekPublic, akPublic } = message;
  const document: PendingEnrolment = {
    request: { fleet, ekPublic, akPublic },
    ekChain: identity.ekChain,
    nonce,
    credentialDigest: credentialDigest(secret).toString('base64url'),
  };
  secret.fill(0);
  const expiresAt = createdAt + ENROLMENT_LIFETIME_MS;
  await store.beginEnrolment({ enrolmentId: exchangeId, deviceId: identity.deviceId, document, createdAt, expiresAt });
  return {
    exchangeId,
    nonce,
    expiresAt: Math.floor(expiresAt / 1_000),
    credentialBlob: credential.credentialBlob.toString('base64url'),
    encryptedSecret: credential.encryptedSecret.toString('base64url'),
  };
}

async function completeEnrolment(context: ServiceContext, exchangeId: string, message: unknown): Promise<EnrolResult> {
  const { store, now } = context;
  const proof = decodeEnrolProof(message);
  const pending = await requirePending(context, exchangeId);
  // Checked on every repetition too: the answer goes only to who proves again.
  const record = verifyEnrolProof(proof, challengeState(pending));
  const { release } = await requireFleetPolicy(store, record.fleet);
  const decide = (known: KnownDevice) => decideEnrolment(context, record, release.stateKey.public, known);
  const done = await store.completeEnrolment(exchangeId, record.deviceId, decide, now());
  if (done.status === 'completed' || done.status === 'repeated') return done.result as EnrolResult;
  if (done.status === 'revoked') throw revoked(record.deviceId);
  throw notOpen(exchangeId, done.status);
}

/** Runs in the store's transaction: no release can slip in between what is counted and what is written. */
function decideEnrolment(
  { identity }: ServiceContext,
  record: DeviceRecord,
  stateKeyPublic: Buffer,
  { previous, highestReleasedGeneration }: KnownDevice,
): EnrolmentDecision {
  const before = previous === undefined ? undefined : continued(record, readDeviceDocument(previous)).counterBase;
  const base = counterBase(BigInt(record.counterValue), highestReleasedGeneration, before);
  const result: EnrolResult = {
    deviceId: record.deviceId,
    fleet: record.fleet,
    stateKey: stateKeyPublic.toString('base64url'),
    leaseKey: approvalKey(identity.leaseKey).public.toString('base64url'),
    resultKey: createPublicKey(identity.resultKey).export({ type: 'spki', format: 'der' }).toString('base64url'),
    counterBase: (base < 0n ? 0n : base).toString(),
  };
  const document = writeDeviceDocument({ record, counterBase: base });
  return { device: { fleet: record.fleet, akName: record.akName, document }, result };
}

/**
 * A known device keeps its fleet and its counter. With another counter, old pins and grants beside the old one would bring older
 * versions back; in another fleet, what was granted to the device under one policy would be released under another.
 */
function continued(record: DeviceRecord, previous: DeviceDocument): DeviceDocument {
  const { fleet, counterName } = previous.record;
  if (record.fleet !== fleet)
    throw new AppraisalError(
      'ERR_RELEASE_DENIED',
      `device ${record.deviceId}: expected fleet ${fleet}, got ${record.fleet}`,
      {
        fields: { deviceId: record.deviceId, what: 'fleet', expected: fleet, got: record.fleet },
      },
    );
  if (record.counterName !== counterName)
    throw new EvidenceError('ERR_NV_CERTIFY', `counter Name: expected ${counterName}, got ${record.counterName}`, {
      fields: { deviceId: record.deviceId, what: 'counter Name', expected: counterName, got: record.counterName },
    });
  return previous;
}

async function requirePending({ store, now }: ServiceContext, exchangeId: string): Promise<CompletedEnrolment> {
  const pending = await store.getEnrolment(exchangeId);
  if (pending === undefined) throw notOpen(exchangeId, 'unknown');
  if (now() >= pending.expiresAt) throw notOpen(exchangeId, 'expired');
  return pending;
}

function challengeState(pending: CompletedEnrolment) {
  const { request, ekChain, nonce, credentialDigest } = pending.document as PendingEnrolment;
  const bytes = (text: string) => Buffer.from(text, 'base64url');
  return {
    request: { fleet: request.fleet, ekPublic: bytes(request.ekPublic), akPublic: bytes(request.akPublic) },
    ekChain,
    nonce: bytes(nonce),
    credentialDigest: bytes(credentialDigest),
  };
}

async function refuseRevoked({ store }: Pick<ServiceContext, 'store'>, deviceId: string): Promise<void> {
  const known = await store.getDevice(deviceId);
  if (known !== undefined && known.revokedAt !== null) throw revoked(deviceId);
}

function revoked(deviceId: string): AppraisalError {
  return new AppraisalError('ERR_DEVICE_REVOKED', `device ${deviceId} is revoked: enrolling again does not lift that`, {
    fields: { deviceId },
  });
}

function notOpen(exchangeId: string, status: 'unknown' | 'expired'): EvidenceError {
  const code = status === 'expired' ? 'ERR_NONCE_EXPIRED' : 'ERR_NONCE_UNKNOWN';
  return new EvidenceError(code, `enrolment ${exchangeId}: expected one that is open, got ${status}`, {
    fields: { exchangeId, status },
  });
}
