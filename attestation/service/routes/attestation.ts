/** PROTOCOL.md steps 3 and 4: a challenge, and the appraisal of the Evidence that answers it. */
import { randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { AppraisalError, EvidenceError, ServiceError } from '../../../src/errors.js';
import { decodeEvidenceMessage, type Evidence } from '../../protocol/decode.js';
import { readDeviceRecord } from '../../protocol/device_record.js';
import { type ChallengeRequest, PROTOCOL_VERSION } from '../../protocol/messages.js';
import { policySelectionMessage } from '../../verifier/appraisal_policy.js';
import { type Appraisal, appraise } from '../../verifier/appraise.js';
import { buildAttestationResult } from '../../verifier/attestation_result.js';
import { signAttestationResult } from '../../verifier/sign_result.js';
import type { ServiceContext } from '../context.js';
import { readDeviceDocument } from '../device_document.js';
import { readProgress, writeProgress } from '../device_progress.js';
import { requireFleetPolicy } from '../fleet_policy.js';
import { rateLimit } from '../rate_limit.js';
import { answers, ref } from '../schemas.js';
import type { DeviceRow } from '../store/store.js';

const CHALLENGE_LIFETIME_MS = 120_000;
const NONCE_BYTES = 32;
const EXCHANGE_ID_BYTES = 16;
/** `ear.verifier-id`. */
const VERIFIER = { developer: 'sealedge', build: `verifier protocol ${PROTOCOL_VERSION}` };
const EVIDENCE_LIMIT_BYTES = 4 << 20;
const MAX_ATTEMPTS = 8;

export function registerAttestationRoutes(app: FastifyInstance, context: ServiceContext): void {
  const { store, now } = context;

  app.post<{ Body: ChallengeRequest }>(
    '/v1/challenges',
    {
      onRequest: rateLimit(context, 'challenge'),
      schema: {
        summary: 'A single-use challenge',
        tags: ['attestation'],
        body: ref('ChallengeRequest'),
        response: answers(200, ref('AttestChallenge')),
      },
    },
    async (request) => {
      const device = await requireDevice(context, request.body.deviceId);
      const policy = await requireFleetPolicy(store, device.fleet);
      const exchangeId = newExchangeId();
      const nonce = newNonce();
      const issuedAt = now();
      const expiresAt = issuedAt + CHALLENGE_LIFETIME_MS;
      const { deviceId } = device;
      await store.issueChallenge({ exchangeId, deviceId, document: { nonce }, issuedAt, expiresAt });
      const pcrSelection = policySelectionMessage(policy.appraisal);
      return { exchangeId, nonce, expiresAt: Math.floor(expiresAt / 1_000), pcrSelection };
    },
  );

  app.post(
    '/v1/attestations',
    {
      bodyLimit: EVIDENCE_LIMIT_BYTES,
      schema: {
        summary: 'Appraise Evidence',
        tags: ['attestation'],
        body: ref('Evidence'),
        response: answers(200, ref('AttestResponse')),
      },
    },
    async (request) => {
      const { exchangeId, deviceId, evidence } = decodeEvidenceMessage(request.body);
      // [V1]: consumed before anything else is looked at, so that Evidence is never accepted twice.
      const expectedNonce = await consumeNonce(context, exchangeId, deviceId);
      // A few requests of one device at once, perhaps at several verifiers: whoever was overtaken judges again.
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const judged = await judge(context, evidence, deviceId, expectedNonce);
        if (judged.recorded === 'moved') continue;
        logAppraisal(request.log, judged.appraisal);
        return { result: judged.result };
      }
      throw new ServiceError('ERR_STORE', `device ${deviceId} is being appraised by too many at once`);
    },
  );
}

/** Appraises on what is known of the device now, and records that if nothing has changed meanwhile. */
async function judge(context: ServiceContext, evidence: Evidence, deviceId: string, expectedNonce: Buffer) {
  const { store, identity, now } = context;
  const device = await requireDevice(context, deviceId);
  const policy = await requireFleetPolicy(store, device.fleet);
  const appraisal = appraise({
    evidence,
    endorsements: readDeviceRecord(readDeviceDocument(device).record, readProgress(device)),
    referenceValues: policy.referenceValues,
    policy: policy.appraisal,
    expectedNonce,
    now: new Date(now()),
  });
  const jti = newExchangeId();
  const result = await signAttestationResult(buildAttestationResult(appraisal, VERIFIER, jti), identity.resultKey);
  const row = {
    deviceId,
    at: now(),
    status: appraisal.status,
    resultId: jti,
    accepted: writeProgress(appraisal, device),
    document: { failedClaims: appraisal.failedClaims, referenceState: appraisal.claims.referenceState ?? null },
  };
  return { appraisal, result, recorded: await store.recordAppraisal(row, device) };
}

export async function requireDevice({ store }: ServiceContext, deviceId: string): Promise<DeviceRow> {
  const device = await store.getDevice(deviceId);
  if (device === undefined)
    throw new AppraisalError('ERR_DEVICE_UNKNOWN', `device ${deviceId} is not enrolled`, { fields: { deviceId } });
  if (device.revokedAt !== null)
    throw new AppraisalError('ERR_DEVICE_REVOKED', `device ${deviceId} is revoked: ${device.revokedReason}`, {
      fields: { deviceId, revokedAt: device.revokedAt },
    });
  return device;
}

async function consumeNonce({ store, now }: ServiceContext, exchangeId: string, deviceId: string): Promise<Buffer> {
  const consumed = await store.consumeChallenge(exchangeId, deviceId, now());
  if (consumed.status === 'consumed') return Buffer.from((consumed.document as { nonce: string }).nonce, 'base64url');
  const code = consumed.status === 'expired' ? 'ERR_NONCE_EXPIRED' : 'ERR_NONCE_UNKNOWN';
  throw new EvidenceError(code, `challenge ${exchangeId}: expected one that is open, got ${consumed.status}`, {
    fields: { exchangeId, deviceId, status: consumed.status },
  });
}

/** A bad state is no error of the protocol: it gets a result that says so, and a line in the log that says why. */
function logAppraisal(log: FastifyInstance['log'], appraisal: Appraisal): void {
  const entry = { deviceId: appraisal.deviceId, appraisal: appraisal.status, failedClaims: appraisal.failedClaims };
  if (appraisal.status === 'affirming') log.info(entry, 'appraised');
  else log.warn(entry, 'appraised');
}

export function newExchangeId(): string {
  return randomBytes(EXCHANGE_ID_BYTES).toString('base64url');
}

export function newNonce(): string {
  return randomBytes(NONCE_BYTES).toString('base64url');
}
