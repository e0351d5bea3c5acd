/**
 * What an operator does with a running verifier, under a token: devices, revocation, policy, state approvals. Keys and grants are
 * in operator_keys.ts.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppraisalError, UsageError } from '../../../src/errors.js';
import { checkStateApproval } from '../../key_release/approvals.js';
import type { StateApproval } from '../../protocol/messages.js';
import type { ServiceContext } from '../context.js';
import { parseFleetPolicy } from '../fleet_policy.js';
import { operatorRefusal, registerOperatorProblems } from '../http_errors.js';
import * as schemas from '../operator_schemas.js';
import { answers } from '../schemas.js';
import type { AppraisalRow, DeviceRow } from '../store/store.js';
import { registerKeyRoutes } from './operator_keys.js';

const NO_CONTENT = { 204: { type: 'null' } };
const APPRAISALS_SHOWN = 20;
const POLICY_LIMIT_BYTES = 4 << 20;

export async function registerOperatorRoutes(
  app: FastifyInstance,
  context: ServiceContext,
  isOperator: (request: FastifyRequest) => boolean,
): Promise<void> {
  app.addHook('onRequest', async (request) => {
    if (!isOperator(request)) throw operatorRefusal(401, 'operator-token', 'operator token is missing or wrong');
  });
  app.addHook('onRoute', (route) => {
    route.schema = { ...route.schema, tags: ['operator'], security: [{ operatorToken: [] }] };
  });
  registerOperatorProblems(app);
  registerDeviceRoutes(app, context);
  registerPolicyRoutes(app, context);
  registerApprovalRoutes(app, context);
  registerKeyRoutes(app, context);
}

function registerDeviceRoutes(app: FastifyInstance, { store, now }: ServiceContext): void {
  app.get<{ Querystring: { fleet?: string; after?: string } }>(
    '/devices',
    {
      schema: {
        summary: 'Enrolled devices, by id, at most 1000 after `after`',
        querystring: schemas.DEVICES_QUERY,
        response: answers(200, schemas.DEVICES),
      },
    },
    async (request) => ({ devices: (await store.listDevices(request.query)).map(shownDevice) }),
  );

  app.get<{ Params: { deviceId: string } }>(
    '/devices/:deviceId',
    {
      schema: {
        summary: 'One device with its last appraisals and releases',
        params: schemas.DEVICE_PARAMS,
        response: answers(200, schemas.DEVICE_DETAILS),
      },
    },
    async ({ params: { deviceId } }) => {
      const device = await store.getDevice(deviceId);
      if (device === undefined) throw operatorRefusal(404, 'device-unknown', `device ${deviceId} is not enrolled`);
      const appraisals = await store.listAppraisals(deviceId, APPRAISALS_SHOWN);
      const releases = await store.listReleases({ deviceId, limit: APPRAISALS_SHOWN });
      return { device: shownDevice(device), appraisals: appraisals.map(shownAppraisal), releases };
    },
  );

  app.post<{ Params: { deviceId: string }; Body: { reason: string } }>(
    '/devices/:deviceId/revocation',
    {
      schema: {
        summary: 'Revoke a device: no attestation, release or lease from now on; what it holds ends with its lease',
        params: schemas.DEVICE_PARAMS,
        body: schemas.REVOCATION,
        response: answers(204, NO_CONTENT[204]),
      },
    },
    async (request, reply) => {
      const { deviceId } = request.params;
      if (!(await store.revokeDevice(deviceId, request.body.reason, now())))
        throw operatorRefusal(404, 'device-unknown', `device ${deviceId} is not enrolled`);
      request.log.warn({ deviceId, reason: request.body.reason }, 'device revoked');
      return reply.status(204).send();
    },
  );

  app.get<{ Querystring: { deviceId?: string } }>(
    '/releases',
    {
      schema: {
        summary: 'Releases and leases, newest first',
        querystring: schemas.RELEASES_QUERY,
        response: answers(200, schemas.RELEASES),
      },
    },
    async (request) => ({ releases: await store.listReleases(request.query) }),
  );
}

function registerPolicyRoutes(app: FastifyInstance, { store, now }: ServiceContext): void {
  app.get<{ Params: { fleet: string } }>(
    '/policies/:fleet',
    {
      schema: {
        summary: 'The policy of a fleet',
        params: schemas.FLEET_PARAMS,
        response: answers(200, schemas.POLICY),
      },
    },
    async ({ params: { fleet } }) => {
      const row = await store.getPolicy(fleet);
      if (row === undefined) throw operatorRefusal(404, 'policy-unknown', `fleet ${fleet} has no policy`);
      return { fleet, revision: row.revision, updatedAt: row.updatedAt, policy: row.document };
    },
  );

  app.put<{ Params: { fleet: string }; Body: { expectedRevision: number; policy: unknown } }>(
    '/policies/:fleet',
    {
      bodyLimit: POLICY_LIMIT_BYTES,
      schema: {
        summary: 'Set the policy of a fleet, where its revision still is the expected one (0: none yet)',
        params: schemas.FLEET_PARAMS,
        body: schemas.NEW_POLICY,
        response: answers(204, NO_CONTENT[204]),
      },
    },
    async (request, reply) => {
      const { fleet } = request.params;
      const { policy, expectedRevision } = request.body;
      explainingUsage(() => parseFleetPolicy(policy));
      if (!(await store.swapPolicy(fleet, policy, expectedRevision, now())))
        throw operatorRefusal(409, 'policy-moved', `policy of fleet ${fleet}: revision is not ${expectedRevision}`);
      request.log.info({ fleet, revision: expectedRevision + 1 }, 'policy set');
      return reply.status(204).send();
    },
  );
}

function registerApprovalRoutes(app: FastifyInstance, { store, now }: ServiceContext): void {
  app.get<{ Params: { fleet: string } }>(
    '/approvals/:fleet',
    {
      schema: {
        summary: 'The approved states of the current epoch',
        params: schemas.FLEET_PARAMS,
        response: answers(200, schemas.APPROVALS),
      },
    },
    async ({ params: { fleet } }) => {
      const row = await store.getApproval(fleet);
      if (row === undefined) throw operatorRefusal(404, 'approval-unknown', `fleet ${fleet} has no approved state`);
      const { epoch, revision, updatedAt, document } = row;
      return { fleet, epoch, revision, updatedAt, approvals: document };
    },
  );

  app.post<{ Params: { fleet: string }; Body: { approvals: StateApproval[] } }>(
    '/approvals/:fleet',
    {
      schema: {
        summary: 'Add signed state approvals; a higher epoch replaces all of the lower',
        params: schemas.FLEET_PARAMS,
        body: schemas.NEW_APPROVALS,
        response: answers(200, schemas.APPROVALS),
      },
    },
    async (request) => {
      const { fleet } = request.params;
      const policy = await store.getPolicy(fleet);
      if (policy === undefined)
        throw operatorRefusal(
          404,
          'policy-unknown',
          `fleet ${fleet} has no policy, so no state key to check approvals with`,
        );
      const { stateKey } = parseFleetPolicy(policy.document).release;
      const approvals = explainingUsage(() =>
        request.body.approvals.map((approval) => {
          const checked = checkStateApproval(approval, stateKey);
          if (checked.fleet !== fleet)
            throw operatorRefusal(400, 'fleet-mismatch', `approval is for fleet ${checked.fleet}, not for ${fleet}`);
          return approval;
        }),
      );
      const current = await store.getApproval(fleet);
      const merged = mergeApprovals(
        fleet,
        current?.epoch ?? 0,
        (current?.document ?? []) as StateApproval[],
        approvals,
      );
      const document = merged.approvals;
      const row = { fleet, epoch: merged.epoch, document };
      const revision = current?.revision ?? 0;
      const at = now();
      if (!(await store.swapApproval(row, revision, at)))
        throw operatorRefusal(409, 'approval-moved', `approvals of fleet ${fleet} were changed meanwhile`);
      request.log.info({ fleet, epoch: merged.epoch, approvals: document.length }, 'state approvals imported');
      return { fleet, epoch: merged.epoch, revision: revision + 1, updatedAt: at, approvals: document };
    },
  );
}

const MAX_APPROVALS = 64;

/** One epoch at a time: lower ones are refused, a higher one starts afresh. */
function mergeApprovals(
  fleet: string,
  currentEpoch: number,
  current: readonly StateApproval[],
  added: readonly StateApproval[],
): { epoch: number; approvals: StateApproval[] } {
  const epochs = new Set(added.map((approval) => approval.epoch));
  const epoch = Number(added[0]?.epoch);
  if (epochs.size !== 1 || !Number.isSafeInteger(epoch) || epoch < 1)
    throw operatorRefusal(400, 'epoch-invalid', 'approvals must all be of one epoch, 1 or higher');
  if (epoch < currentEpoch)
    throw operatorRefusal(409, 'epoch-past', `fleet ${fleet} is in epoch ${currentEpoch}, approvals are of ${epoch}`);
  const kept = epoch === currentEpoch ? current : [];
  const fresh = added.filter((one) => !kept.some((other) => other.approvedPolicy === one.approvedPolicy));
  const approvals = [...kept, ...fresh];
  if (approvals.length > MAX_APPROVALS)
    throw operatorRefusal(
      409,
      'approvals-full',
      `at most ${MAX_APPROVALS} approved states in one epoch: raise the epoch`,
    );
  return { epoch, approvals };
}

/** An operator is told which member of a document is wrong. */
function explainingUsage<T>(body: () => T): T {
  try {
    return body();
  } catch (cause) {
    if (cause instanceof UsageError) throw operatorRefusal(400, 'option-invalid', cause.message);
    if (cause instanceof AppraisalError) throw operatorRefusal(403, 'release-denied', cause.message);
    throw cause;
  }
}

function shownDevice(row: DeviceRow) {
  const { deviceId, fleet, akName, enrolledAt, revokedAt, revokedReason, lastAppraisal } = row;
  return {
    deviceId,
    fleet,
    akName,
    enrolledAt,
    lastAppraisedAt: lastAppraisal?.at ?? null,
    lastStatus: lastAppraisal?.status ?? null,
    revokedAt,
    revokedReason,
  };
}

function shownAppraisal({ at, status, resultId, document }: AppraisalRow) {
  return { at, status, resultId, document };
}
