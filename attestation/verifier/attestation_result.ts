/**
 * The Attestation Result of a sealedge device: an EAR with one submodule "device" (PROTOCOL.md "The Attestation Result"), built
 * from an appraisal and read back by the Relying Party. No signature here: see sign_result.ts.
 */

import { DEVICE_ID, FLEET_NAME } from '../protocol/decode.js';
import { JsonReader } from '../protocol/json_reader.js';
import { policyOfState } from '../protocol/key_policy.js';
import { isResident, type ResidencyStatement } from '../protocol/residency.js';
import { malformed } from '../tpm/byte_reader.js';
import { marshalPcrSelection } from '../tpm/pcr_selection.js';
import type { ClockInfo } from '../tpm/tpms_attest.js';
import type { Appraisal } from './appraise.js';
import {
  EAR_PROFILE,
  type Ear,
  type EarStatus,
  type EarSubmodule,
  statusOfVector,
  type TrustVector,
  validateEar,
} from './ear.js';

export interface VerifierId {
  developer: string;
  build: string;
}

/** What the Relying Party decides on. */
export interface AttestationResult {
  jti: string;
  status: EarStatus;
  issuedAt: number;
  expiresAt: number;
  deviceId: string;
  fleet: string;
  akName: Buffer;
  storageKeyName: Buffer;
  /** policyDigest after PolicyPCR over the quoted values: the state that must be approved. */
  statePolicy: Buffer;
  clock: ClockInfo;
  counterValue?: bigint;
  arbitraryRootCodeExcluded: boolean;
  failedClaims: string[];
}

const SUBMODULE = 'device';
const NAME = { min: 34, max: 34 };
const JTI = /^[A-Za-z0-9_-]{16,64}$/;

/**
 * @param jti - unique; lets the service find the newest result of a device.
 */
export function buildAttestationResult(appraisal: Appraisal, verifier: VerifierId, jti: string): Ear {
  const seconds = (date: Date): number => Math.floor(date.getTime() / 1000);
  return validateEar({
    eat_profile: EAR_PROFILE,
    iat: seconds(appraisal.issuedAt),
    exp: seconds(appraisal.expiresAt),
    jti,
    'ear.verifier-id': { ...verifier },
    eat_nonce: base64url(appraisal.nonce),
    submods: { [SUBMODULE]: deviceSubmodule(appraisal) },
  });
}

function deviceSubmodule(appraisal: Appraisal): EarSubmodule {
  const { claims, failedClaims, counterValue } = appraisal;
  const vector = trustVector(appraisal);
  const statePolicy = policyOfState(appraisal.selection, appraisal.values);
  if (statePolicy === undefined) throw malformed('PCR values', 'one for each quoted PCR', 'fewer');
  return {
    'ear.status': appraisal.status === 'affirming' ? statusOfVector(vector) : appraisal.status,
    'ear.trustworthiness-vector': vector,
    'ear.appraisal-policy-id': appraisal.policyUri,
    'sealedge.device-id': appraisal.deviceId,
    'sealedge.fleet': appraisal.fleet,
    'sealedge.ak-name': base64url(appraisal.akName),
    'sealedge.storage-key-name': base64url(appraisal.storageKeyName),
    'sealedge.pcr-selection': base64url(marshalPcrSelection(appraisal.selection)),
    'sealedge.state-policy': base64url(statePolicy),
    'sealedge.clock': { ...claims.clock, clock: String(claims.clock.clock) },
    ...(counterValue === undefined ? {} : { 'sealedge.counter': String(counterValue) }),
    ...(claims.referenceState === undefined ? {} : { 'sealedge.reference-state': claims.referenceState }),
    ...(claims.residency === undefined ? {} : { 'sealedge.residency': claims.residency }),
    'sealedge.arbitrary-root-code-excluded': claims.arbitraryRootCodeExcluded,
    // Names only: what was expected and what was found is in the verifier's log.
    'sealedge.failed-claims': failedClaims.map((failed) => failed.claim),
  };
}

/**
 * AR4SI values: a recognised instance with an endorsed TPM; boot approved (3) or not recognised (33); configuration fine (2)
 * or not as the policy demands (32); what is sealed is under hardware keys. Of memory only what a device says: out of root's reach
 * (2) or found elsewhere (96); memory that is merely locked is said in `sealedge.residency` and makes the result no worse.
 */
function trustVector({ claims, failedClaims }: Appraisal): TrustVector {
  const known = claims.referenceState !== undefined;
  const other = failedClaims.some((failed) => !claims.referenceMismatches.includes(failed));
  return {
    'instance-identity': 2,
    hardware: 2,
    executables: known ? 3 : 33,
    configuration: other ? 32 : 2,
    'storage-opaque': 2,
    ...runtimeOpaque(claims.residency),
  };
}

function runtimeOpaque(residency: ResidencyStatement | undefined): TrustVector {
  if (residency === undefined) return {};
  if (!isResident(residency)) return { 'runtime-opaque': 96 };
  return residency.level === 'secretmem' ? { 'runtime-opaque': 2 } : {};
}

/** @throws EvidenceError `ERR_EVIDENCE_MALFORMED` when the claims set is not a result of ours. */
export function readAttestationResult(claims: unknown): AttestationResult {
  const ear = validateEar(claims, [EAR_PROFILE]);
  const submodule = ear.submods[SUBMODULE];
  if (submodule === undefined) throw malformed('submods', `a submodule "${SUBMODULE}"`, 'none');
  const { jti, exp } = ear;
  if (typeof jti !== 'string' || !JTI.test(jti)) throw malformed('jti', 'an identifier', 'none');
  if (exp === undefined) throw malformed('exp', 'a time', 'none');
  const json = new JsonReader(submodule, `submods.${SUBMODULE}`);
  const counter = json.has('sealedge.counter') ? { counterValue: json.u64('sealedge.counter') } : {};
  return {
    jti,
    status: submodule['ear.status'],
    issuedAt: ear.iat,
    expiresAt: exp,
    deviceId: json.text('sealedge.device-id', DEVICE_ID),
    fleet: json.text('sealedge.fleet', FLEET_NAME),
    akName: json.bytes('sealedge.ak-name', NAME),
    storageKeyName: json.bytes('sealedge.storage-key-name', NAME),
    statePolicy: json.bytes('sealedge.state-policy', { min: 32, max: 32 }),
    clock: readClock(json.object('sealedge.clock')),
    ...counter,
    arbitraryRootCodeExcluded: json.boolean('sealedge.arbitrary-root-code-excluded'),
    failedClaims: json.list('sealedge.failed-claims', { max: 256 }).map(String),
  };
}

/** Also how a device's last clock is stored: see {@link clockToJson}. */
export function readClock(json: JsonReader): ClockInfo {
  const clock = {
    clock: json.u64('clock'),
    resetCount: json.integer('resetCount', 0, 0xffffffff),
    restartCount: json.integer('restartCount', 0, 0xffffffff),
    safe: json.boolean('safe'),
  };
  json.finish();
  return clock;
}

export function clockToJson(clock: ClockInfo): {
  clock: string;
  resetCount: number;
  restartCount: number;
  safe: boolean;
} {
  return { ...clock, clock: String(clock.clock) };
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
