/** PROTOCOL.md steps 5 and 7: a key, or a new lease for one, against an Attestation Result. */
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { AppraisalError } from '../../../src/errors.js';
import { checkStateApproval } from '../../key_release/approvals.js';
import { openKeyRecord, readKeyLabel } from '../../key_release/key_store.js';
import { release, type WrapInput } from '../../key_release/release.js';
import { readDeviceRecord } from '../../protocol/device_record.js';
import { signGrant } from '../../protocol/grant_token.js';
import type { LeaseRequest, ReleaseGrant, ReleaseRequest, ReleaseResponse } from '../../protocol/messages.js';
import type { AttestationResult } from '../../verifier/attestation_result.js';
import { verifyAttestationResult } from '../../verifier/sign_result.js';
import type { ServiceContext } from '../context.js';
import { readDeviceDocument } from '../device_document.js';
import { type FleetPolicy, requireFleetPolicy } from '../fleet_policy.js';
import { answers, ref } from '../schemas.js';
import type { DeviceRow, KeyRow, RecordReleaseResult } from '../store/store.js';
import { requireDevice } from './attestation.js';

export function registerReleaseRoutes(app: FastifyInstance, context: ServiceContext): void {
  app.post<{ Body: ReleaseRequest }>(
    '/v1/releases',
    {
      schema: {
        summary: 'Release a key, wrapped to the storage key of the attested TPM',
        tags: ['release'],
        body: ref('ReleaseRequest'),
        response: answers(200, ref('ReleaseResponse')),
      },
    },
    async (request) => {
      const { result, model, version, storageKey } = request.body;
      const key = await context.store.findKey(model, version === undefined ? undefined : Number(version));
      const storageKeyPublic = Buffer.from(storageKey, 'base64url');
      return grantKey(context, result, key, `model ${model}`, request.log, (row) => ({
        storageKeyPublic,
        openContentKey: () => openKeyRecord(context.identity.masterKey, row.record).contentKey,
      }));
    },
  );

  app.post<{ Body: LeaseRequest }>(
    '/v1/leases',
    {
      schema: {
        summary: 'Renew the lease of a key that the device holds',
        tags: ['release'],
        body: ref('LeaseRequest'),
        response: answers(200, ref('ReleaseResponse')),
      },
    },
    async (request) => {
      const { result, keyId } = request.body;
      return grantKey(context, result, await context.store.getKey(keyId), `key ${keyId}`, request.log);
    },
  );
}

async function grantKey(
  context: ServiceContext,
  resultToken: string,
  key: KeyRow | undefined,
  asked: string,
  log: FastifyBaseLogger,
  wrap?: (key: KeyRow) => WrapInput,
): Promise<ReleaseResponse> {
  const { store, identity, now } = context;
  const at = now();
  const result = await verifyAttestationResult(resultToken, identity.resultKey, new Date(at));
  const device = await requireDevice(context, result.deviceId);
  // Before anything is said about the key: who may not have it does not learn whether there is one.
  if (key === undefined || !(await store.isGranted(key.keyId, device.deviceId, device.fleet)))
    throw denied('grant', `one of ${asked} for device ${device.deviceId} or fleet ${device.fleet}`, 'none');
  const policy = await requireFleetPolicy(store, device.fleet);
  const { grant, epoch } = await makeGrant(context, { result, device, key, policy, at }, wrap?.(key));
  // Recorded, with everything checked again at that instant, before the answer leaves.
  const { generation } = await requireGenerations(context, key);
  const row = { deviceId: device.deviceId, keyId: key.keyId, epoch, generation, at, document: shownGrant(grant) };
  const recorded = await store.recordRelease(row, result.jti);
  if (recorded !== 'recorded') throw overtaken(recorded, device.deviceId);
  log.info({ deviceId: device.deviceId, keyId: key.keyId, ...shownGrant(grant), epoch }, 'key released');
  return { grant: await signGrant(grant, identity.resultKey) };
}

interface GrantInput {
  result: AttestationResult;
  device: DeviceRow;
  key: KeyRow;
  policy: FleetPolicy;
  at: number;
}

async function makeGrant(
  context: ServiceContext,
  { result, device, key, policy, at }: GrantInput,
  wrap: WrapInput | undefined,
): Promise<{ grant: ReleaseGrant; epoch: number }> {
  const { store, identity } = context;
  const approval = await store.getApproval(device.fleet);
  if (approval === undefined) throw denied('state approval', `one for fleet ${device.fleet}`, 'none');
  const { record, counterBase } = readDeviceDocument(device);
  const approvals = (approval.document as unknown[]).map((one) => checkStateApproval(one, policy.release.stateKey));
  const grant = release(
    {
      result,
      device: readDeviceRecord(record),
      policy: policy.release,
      key: readKeyLabel(key.record),
      generations: await requireGenerations(context, key),
      counterBase,
      epoch: BigInt(approval.epoch),
      approvals,
      leaseKey: identity.leaseKey,
      now: new Date(at),
    },
    wrap,
  );
  return { grant, epoch: approval.epoch };
}

async function requireGenerations({ store }: ServiceContext, key: KeyRow) {
  const generations = await store.generationsOf(key.keyId);
  if (generations === undefined) throw denied('key', key.keyId, 'none');
  return generations;
}

/** For the record and the log: what was given on which terms, and not the wrapped key. */
function shownGrant(grant: ReleaseGrant) {
  const { model, version, counter, wrapped, leaseApproval } = grant;
  const { clockLimit, resetLimit } = leaseApproval;
  return { model, version, counter, lease: { clockLimit, resetLimit }, wrapped: wrapped !== undefined };
}

const OVERTAKEN: Readonly<Record<Exclude<RecordReleaseResult, 'recorded'>, [expected: string, got: string]>> = {
  unknown: ['an enrolled device', 'none'],
  revoked: ['a device that is not revoked', 'a revoked one'],
  'result-stale': ['the newest attestation result of the device', 'an older one'],
  'not-granted': ['a grant of the key', 'none'],
  'version-older': ['no older version than the device was given before', 'an older one'],
  'epoch-moved': ['the current approval epoch', 'an older one'],
};

function overtaken(reason: Exclude<RecordReleaseResult, 'recorded'>, deviceId: string): AppraisalError {
  const [expected, got] = OVERTAKEN[reason];
  if (reason === 'revoked') return new AppraisalError('ERR_DEVICE_REVOKED', `device ${deviceId} is revoked`);
  return denied(reason, expected, got);
}

function denied(what: string, expected: string, got: string): AppraisalError {
  return new AppraisalError('ERR_RELEASE_DENIED', `${what}: expected ${expected}, got ${got}`, {
    fields: { what, expected, got },
  });
}
