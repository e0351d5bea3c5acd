/**
 * Checks a release grant before anything of it is used or kept (PROTOCOL.md [D2] to [D4]): signed by the pinned result key, for
 * this device, with policies that follow from the pinned keys. A false verifier can refuse service, not slip in a key.
 */
import { KeyError, SealedgeError } from '../../src/errors.js';
import { FLEET_NAME, KEY_ID } from '../protocol/decode.js';
import { verifyGrant as verifyGrantToken } from '../protocol/grant_token.js';
import { JsonReader } from '../protocol/json_reader.js';
import { keyAuthPolicy, leasePolicy, refLease, refState } from '../protocol/key_policy.js';
import { TPM_ALG_KEYEDHASH, TPMA_OBJECT_ADMINWITHPOLICY, TPMA_OBJECT_NODA } from '../tpm/constants.js';
import { computeName, parseTpmtPublic } from '../tpm/tpmt_public.js';
import { type PcrChoice, readPcrChoice } from './answers.js';
import { encode } from './certify.js';
import type { DevicePins } from './pins.js';

export interface Approval {
  approvedPolicy: Buffer;
  policyRef: Buffer;
  /** TPMT_SIGNATURE; the TPM verifies it. */
  signature: Buffer;
}

export interface Grant {
  issuedAt: number;
  keyId: string;
  model: string;
  version: bigint;
  authPolicy: Buffer;
  wrapped?: { public: Buffer; duplicate: Buffer; encryptedSeed: Buffer };
  counter: { limit: bigint; advanceTo: bigint };
  unsealOncePerBoot: boolean;
  stateApprovals: (Approval & { pcrSelection: PcrChoice })[];
  lease: Approval & { epoch: bigint; counterLimit: bigint; clockLimit?: bigint; resetLimit?: number };
}

const SEALED_OBJECT_ATTRIBUTES = TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_NODA;
const DIGEST = { min: 32, max: 32 };
const STRUCTURE = { min: 1, max: 4096 };

/** @throws KeyError `ERR_NO_MATCHING_KEY` naming the first check that fails */
export async function verifyGrant(jws: string, pins: DevicePins): Promise<Grant> {
  const payload = await verifySignature(jws, pins);
  let grant: Grant;
  try {
    grant = readGrant(payload, pins);
  } catch (cause) {
    if (!(cause instanceof SealedgeError) || cause instanceof KeyError) throw cause;
    throw new KeyError('ERR_NO_MATCHING_KEY', `release grant is malformed: ${cause.message}`, { cause });
  }
  checkPolicies(grant, pins);
  return grant;
}

async function verifySignature(jws: string, pins: DevicePins): Promise<unknown> {
  try {
    return await verifyGrantToken(jws, pins.resultKey);
  } catch (cause) {
    if (!(cause instanceof SealedgeError)) throw cause;
    throw new KeyError('ERR_NO_MATCHING_KEY', 'release grant is not signed by the verifier that enrolled this device', {
      cause,
      fields: { check: 'D2' },
    });
  }
}

function readGrant(payload: unknown, pins: DevicePins): Grant {
  const json = new JsonReader(payload, 'ReleaseGrant');
  json.integer('protocol', 1, 1);
  const issuedAt = json.integer('iat', 0, Number.MAX_SAFE_INTEGER);
  same('deviceId', pins.deviceId, String(json.value('deviceId')));
  same('akName', encode(pins.ak.name), encode(json.bytes('akName', STRUCTURE)));
  const grant: Grant = {
    issuedAt,
    keyId: json.text('keyId', KEY_ID),
    model: json.text('model', /^[\s\S]{1,256}$/),
    version: json.u64('version'),
    authPolicy: json.bytes('authPolicy', DIGEST),
    ...(json.has('wrapped') ? { wrapped: readWrapped(json.object('wrapped')) } : {}),
    counter: readCounter(json.object('counter'), pins),
    unsealOncePerBoot: json.boolean('unsealOncePerBoot'),
    stateApprovals: json
      .list('stateApprovals', { min: 1, max: 64 })
      .map((one, i) => readStateApproval(new JsonReader(one, `ReleaseGrant.stateApprovals[${i}]`), pins)),
    lease: readLease(json.object('leaseApproval')),
  };
  // The payload inside the wrapped key is what says who may sign; this copy is for people.
  json.bytes('publisher', DIGEST);
  json.finish();
  return grant;
}

function readWrapped(json: JsonReader): NonNullable<Grant['wrapped']> {
  const wrapped = {
    public: json.bytes('public', STRUCTURE),
    duplicate: json.bytes('duplicate', STRUCTURE),
    encryptedSeed: json.bytes('encryptedSeed', STRUCTURE),
  };
  json.finish();
  return wrapped;
}

function readCounter(json: JsonReader, pins: DevicePins): Grant['counter'] {
  const nvIndex = json.integer('nvIndex', 0, 0xffffffff);
  same('counter.nvIndex', String(pins.counter.nvIndex), String(nvIndex));
  const counter = { limit: json.u64('limit'), advanceTo: json.u64('advanceTo') };
  json.finish();
  return counter;
}

function readStateApproval(json: JsonReader, pins: DevicePins): Grant['stateApprovals'][number] {
  const fleet = json.text('fleet', FLEET_NAME);
  same('state approval fleet', pins.fleet, fleet);
  const epoch = json.u64('epoch');
  const approval = { pcrSelection: readPcrChoice(json.object('pcrSelection')), ...readApproval(json) };
  same('state approval policyRef', encode(refState(fleet, epoch)), encode(approval.policyRef));
  json.finish();
  return approval;
}

function readLease(json: JsonReader): Grant['lease'] {
  const lease = {
    epoch: json.u64('epoch'),
    counterLimit: json.u64('counterLimit'),
    ...(json.has('clockLimit') ? { clockLimit: json.u64('clockLimit') } : {}),
    ...(json.has('resetLimit') ? { resetLimit: json.integer('resetLimit', 0, 0xffffffff) } : {}),
    ...readApproval(json),
  };
  json.finish();
  return lease;
}

function readApproval(json: JsonReader): Approval {
  return {
    approvedPolicy: json.bytes('approvedPolicy', DIGEST),
    policyRef: json.bytes('policyRef', DIGEST),
    signature: json.bytes('signature', STRUCTURE),
  };
}

/** [D3] and [D4]: every policy digest recomputed from what was pinned. */
function checkPolicies(grant: Grant, pins: DevicePins): void {
  const { lease } = grant;
  const leaseRef = refLease(pins.ak.name, Buffer.from(grant.keyId, 'hex'));
  const authPolicy = keyAuthPolicy(nameOf(pins.leaseKey), leaseRef);
  same('authPolicy', encode(authPolicy), encode(grant.authPolicy));
  same('lease policyRef', encode(leaseRef), encode(lease.policyRef));
  const stateRef = refState(pins.fleet, lease.epoch);
  for (const approval of grant.stateApprovals)
    same('epoch of the state approval', encode(stateRef), encode(approval.policyRef));
  same('lease limit', grant.counter.limit.toString(), lease.counterLimit.toString());
  const leaseTerms = leasePolicy(nameOf(pins.stateKey), stateRef, pins.counter.name, lease);
  same('lease approvedPolicy', encode(leaseTerms), encode(lease.approvedPolicy));
  if (grant.wrapped !== undefined) checkSealedObject(grant.wrapped.public, authPolicy);
}

function checkSealedObject(publicArea: Buffer, authPolicy: Buffer): void {
  const area = parseTpmtPublic(publicArea);
  same('sealed object type', String(TPM_ALG_KEYEDHASH), String(area.type));
  same('sealed object attributes', SEALED_OBJECT_ATTRIBUTES.toString(16), area.objectAttributes.toString(16));
  same('sealed object authPolicy', encode(authPolicy), encode(area.authPolicy));
}

function nameOf(publicArea: Buffer): Buffer {
  return computeName(parseTpmtPublic(publicArea));
}

function same(what: string, expected: string, got: string): void {
  if (expected !== got) throw refused(what, expected, got);
}

function refused(what: string, expected: string, got: string): KeyError {
  return new KeyError('ERR_NO_MATCHING_KEY', `release grant: ${what}: expected ${expected}, got ${got.slice(0, 100)}`, {
    fields: { check: what, expected, got: got.slice(0, 100) },
  });
}
