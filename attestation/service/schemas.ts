/**
 * JSON Schemas of the wire (PROTOCOL.md "Messages"), shared by name between routes and the OpenAPI document. They bound
 * sizes and shapes before any code sees a message; what the bytes mean is decided by the verifier.
 */

import { RESIDENCY_LEVELS } from '../protocol/residency.js';

/** 12 KiB of base64url: no TPM structure of the protocol comes near it. */
const TPM_STRUCTURE_CHARS = 16_384;
const CERTIFICATE_CHARS = 16_384;
const LOG_CHARS = 2 * 1024 * 1024;

const base64url = (maxLength: number) => ({ type: 'string', pattern: '^[A-Za-z0-9_-]+$', maxLength }) as const;
const bytes32 = { type: 'string', pattern: '^[A-Za-z0-9_-]{43}$' } as const;
const decimalU64 = { type: 'string', pattern: '^(0|[1-9][0-9]{0,19})$' } as const;
const numericDate = { type: 'integer', minimum: 0 } as const;
const exchangeId = { type: 'string', pattern: '^[A-Za-z0-9_-]{22}$' } as const;
const protocol = { type: 'integer', const: 1 } as const;
const jws = {
  type: 'string',
  pattern: '^[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+$',
  maxLength: 65_536,
} as const;
const ref = (name: string) => ({ $ref: `${name}#` });

export const DEVICE_ID = { type: 'string', pattern: '^[0-9a-f]{32}$' } as const;
export const KEY_ID = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const;
export const FLEET = { type: 'string', pattern: '^[a-z0-9][a-z0-9._-]{0,62}$' } as const;
const MODEL = { type: 'string', minLength: 1, maxLength: 256 } as const;

/** An object that has exactly these properties, those in `optional` perhaps not. */
export function exactly(properties: Readonly<Record<string, unknown>>, optional: readonly string[] = []) {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', additionalProperties: false, required, properties };
}

function shared(name: string, properties: Readonly<Record<string, unknown>>, optional: readonly string[] = []) {
  return { $id: name, title: name, ...exactly(properties, optional) };
}

const signedAttest = { attest: base64url(TPM_STRUCTURE_CHARS), signature: base64url(TPM_STRUCTURE_CHARS) };
const BANK = { type: 'string', enum: ['sha1', 'sha256', 'sha384', 'sha512'] } as const;
const SIZE = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;
const PCR = { type: 'integer', minimum: 0, maximum: 23 } as const;

export const SHARED_SCHEMAS = [
  shared('SignedAttest', signedAttest),
  shared('CertifiedKey', { public: base64url(TPM_STRUCTURE_CHARS), ...signedAttest }),
  shared('CertifiedCounter', { nvPublic: base64url(TPM_STRUCTURE_CHARS), ...signedAttest }),
  shared('PcrSelection', {
    bank: BANK,
    pcrs: { type: 'array', minItems: 1, maxItems: 24, uniqueItems: true, items: PCR },
  }),
  shared('PcrValue', { bank: BANK, index: PCR, value: base64url(86) }),
  shared('EnrolRequest', {
    protocol,
    fleet: FLEET,
    ekCertificates: { type: 'array', minItems: 1, maxItems: 8, items: base64url(CERTIFICATE_CHARS) },
    ekPublic: base64url(TPM_STRUCTURE_CHARS),
    akPublic: base64url(TPM_STRUCTURE_CHARS),
  }),
  shared('EnrolChallenge', {
    exchangeId,
    nonce: bytes32,
    expiresAt: numericDate,
    credentialBlob: base64url(TPM_STRUCTURE_CHARS),
    encryptedSecret: base64url(TPM_STRUCTURE_CHARS),
  }),
  shared('EnrolProof', {
    protocol,
    credential: base64url(88),
    storageKey: ref('CertifiedKey'),
    counter: ref('CertifiedCounter'),
  }),
  shared('EnrolResult', {
    deviceId: DEVICE_ID,
    fleet: FLEET,
    stateKey: base64url(TPM_STRUCTURE_CHARS),
    leaseKey: base64url(TPM_STRUCTURE_CHARS),
    resultKey: base64url(TPM_STRUCTURE_CHARS),
    counterBase: decimalU64,
  }),
  shared('ChallengeRequest', { protocol, deviceId: DEVICE_ID }),
  shared('AttestChallenge', {
    exchangeId,
    nonce: bytes32,
    expiresAt: numericDate,
    pcrSelection: ref('PcrSelection'),
  }),
  shared(
    'Evidence',
    {
      protocol,
      exchangeId,
      deviceId: DEVICE_ID,
      quote: ref('SignedAttest'),
      pcrs: { type: 'array', minItems: 1, maxItems: 24, items: ref('PcrValue') },
      storageKey: ref('CertifiedKey'),
      counter: ref('CertifiedCounter'),
      residency: exactly({
        keyId: KEY_ID,
        level: { type: 'string', enum: [...RESIDENCY_LEVELS] },
        weightBytes: SIZE,
        secretBytes: SIZE,
        probes: SIZE,
        bytesRead: SIZE,
        hitCount: SIZE,
        controlFound: { type: 'boolean' },
      }),
      eventLogs: exactly({ firmware: base64url(LOG_CHARS), ima: base64url(LOG_CHARS) }, ['firmware', 'ima']),
    },
    ['counter', 'residency', 'eventLogs'],
  ),
  shared('AttestResponse', { result: jws }),
  shared(
    'ReleaseRequest',
    { protocol, result: jws, model: MODEL, version: decimalU64, storageKey: base64url(TPM_STRUCTURE_CHARS) },
    ['version'],
  ),
  shared('LeaseRequest', { protocol, result: jws, keyId: KEY_ID }),
  shared('ReleaseResponse', { grant: jws }),
  shared('StateApproval', {
    fleet: FLEET,
    epoch: decimalU64,
    pcrSelection: ref('PcrSelection'),
    approvedPolicy: bytes32,
    policyRef: bytes32,
    signature: base64url(TPM_STRUCTURE_CHARS),
  }),
  // RFC 9457. Not closed: the standard lets a problem carry more.
  {
    $id: 'Problem',
    title: 'Problem',
    type: 'object',
    required: ['type', 'title', 'status'],
    properties: {
      type: { type: 'string' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string' },
      instance: { type: 'string' },
    },
  },
] as const;

/** What any route may answer besides its own success. */
const PROBLEM_RESPONSES = {
  '4xx': {
    description: 'Refused; the reason in full is in the log of the verifier',
    content: { 'application/problem+json': { schema: ref('Problem') } },
  },
  '5xx': {
    description: 'The verifier failed',
    content: { 'application/problem+json': { schema: ref('Problem') } },
  },
} as const;

export function answers(status: number, schema: object) {
  return { [status]: schema, ...PROBLEM_RESPONSES };
}

export { ref };
