/** JSON Schemas of the operator's routes: not part of PROTOCOL.md, but of the OpenAPI document. */
import { DEVICE_ID, exactly, FLEET, KEY_ID, ref } from './schemas.js';

const time = { type: 'integer', description: 'milliseconds since 1970' } as const;
const nullable = (schema: Record<string, unknown>) => ({ ...schema, type: [schema.type, 'null'] });
const document = { type: 'object', additionalProperties: true } as const;
const model = { type: 'string', minLength: 1, maxLength: 256 } as const;
const version = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;
const revision = { type: 'integer', minimum: 0 } as const;

export const DEVICE_PARAMS = exactly({ deviceId: DEVICE_ID });
export const FLEET_PARAMS = exactly({ fleet: FLEET });
export const KEY_PARAMS = exactly({ keyId: KEY_ID });

const device = exactly({
  deviceId: DEVICE_ID,
  fleet: FLEET,
  akName: { type: 'string' },
  enrolledAt: time,
  lastAppraisedAt: nullable(time),
  lastStatus: nullable({ type: 'string' }),
  revokedAt: nullable(time),
  revokedReason: nullable({ type: 'string' }),
});

const release = exactly({
  deviceId: DEVICE_ID,
  keyId: KEY_ID,
  epoch: { type: 'integer' },
  generation: { type: 'integer' },
  at: time,
  document,
});

const appraisal = exactly({ at: time, status: { type: 'string' }, resultId: { type: 'string' }, document });

export const DEVICES_QUERY = exactly({ fleet: FLEET, after: DEVICE_ID }, ['fleet', 'after']);
export const DEVICES = exactly({ devices: { type: 'array', items: device } });
export const DEVICE_DETAILS = exactly({
  device,
  appraisals: { type: 'array', items: appraisal },
  releases: { type: 'array', items: release },
});
export const REVOCATION = exactly({ reason: { type: 'string', minLength: 1, maxLength: 500 } });
export const RELEASES = exactly({ releases: { type: 'array', items: release } });
export const RELEASES_QUERY = exactly({ deviceId: DEVICE_ID }, ['deviceId']);

export const NEW_POLICY = exactly({ expectedRevision: revision, policy: document });
export const POLICY = exactly({ fleet: FLEET, revision, updatedAt: time, policy: document });

export const NEW_APPROVALS = exactly({
  approvals: { type: 'array', minItems: 1, maxItems: 64, items: ref('StateApproval') },
});
export const APPROVALS = exactly({
  fleet: FLEET,
  epoch: { type: 'integer' },
  revision,
  updatedAt: time,
  approvals: { type: 'array', items: ref('StateApproval') },
});

export const KEY = exactly({
  keyId: KEY_ID,
  model,
  version,
  generation: { type: 'integer', minimum: 0 },
  createdAt: time,
});
export const KEYS = exactly({ keys: { type: 'array', items: KEY } });
/** The file that `sealedge seal --key-out` wrote, as text: it is parsed by the code that wrote it. */
export const NEW_KEY = exactly({ keyFile: { type: 'string', minLength: 1, maxLength: 16_384 } });
export const GRANT = exactly({ fleet: FLEET, deviceId: DEVICE_ID }, ['fleet', 'deviceId']);
export const GRANTS = exactly({
  keyId: KEY_ID,
  grants: {
    type: 'array',
    items: exactly({ fleet: FLEET, deviceId: DEVICE_ID, createdAt: time }, ['fleet', 'deviceId']),
  },
});
