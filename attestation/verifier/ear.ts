/**
 * EAT Attestation Results (draft-ietf-rats-ear): the claims set and what makes one acceptable, whoever issued it. What
 * sealedge puts into its own is in attestation_result.ts.
 */
import type { EvidenceError } from '../../src/errors.js';
import { malformed } from '../tpm/byte_reader.js';

export const EAR_PROFILE = 'tag:github.com,2023:veraison/ear';
/** Profiles a Relying Party of ours may accept. The second is Trustee's extension of the first. */
const EAR_PROFILES: readonly string[] = [EAR_PROFILE, 'tag:github.com,2024:confidential-containers/Trustee'];

const EAR_STATUSES = ['none', 'affirming', 'warning', 'contraindicated'] as const;
export type EarStatus = (typeof EAR_STATUSES)[number];

/** AR4SI trustworthiness claims (draft-ietf-rats-ar4si, 2.3). */
const TRUST_CLAIMS = [
  'instance-identity',
  'configuration',
  'executables',
  'file-system',
  'hardware',
  'runtime-opaque',
  'storage-opaque',
  'sourced-data',
] as const;
export type TrustVector = Partial<Record<(typeof TRUST_CLAIMS)[number], number>>;

export interface EarSubmodule {
  'ear.status': EarStatus;
  'ear.trustworthiness-vector'?: TrustVector;
  'ear.appraisal-policy-id'?: string;
  [extension: string]: unknown;
}

export interface Ear {
  eat_profile: string;
  iat: number;
  exp?: number;
  jti?: string;
  eat_nonce?: string | string[];
  'ear.verifier-id': { developer: string; build: string };
  'ear.raw-evidence'?: string;
  submods: Record<string, EarSubmodule>;
  [extension: string]: unknown;
}

type Json = Readonly<Record<string, unknown>>;
const BASE64URL = /^[A-Za-z0-9_-]+$/;
/** RFC 9711, 4.1, in JSON: 8 to 88 characters. */
const NONCE_LENGTH = { min: 8, max: 88 };
const MAX_SUBMODULES = 64;

/**
 * Checks a claims set. Unknown claims are allowed, as in every EAT; claims the draft defines must be what it says.
 * @throws EvidenceError `ERR_EVIDENCE_MALFORMED`
 */
export function validateEar(claims: unknown, profiles: readonly string[] = EAR_PROFILES): Ear {
  const ear = requireObject(claims, 'EAR');
  const profile = ear.eat_profile;
  if (typeof profile !== 'string' || !profiles.includes(profile))
    throw wrong('eat_profile', profiles.join(' or '), profile);
  requireTime(ear.iat, 'iat');
  if (ear.exp !== undefined) requireTime(ear.exp, 'exp');
  const verifier = requireObject(ear['ear.verifier-id'], 'ear.verifier-id');
  requireText(verifier.developer, 'ear.verifier-id developer');
  requireText(verifier.build, 'ear.verifier-id build');
  if (ear.eat_nonce !== undefined) checkNonce(ear.eat_nonce);
  if (ear['ear.raw-evidence'] !== undefined) requireBase64url(ear['ear.raw-evidence'], 'ear.raw-evidence');
  const submodules = Object.entries(requireObject(ear.submods, 'submods'));
  if (submodules.length === 0 || submodules.length > MAX_SUBMODULES) {
    throw wrong('submods', `1 to ${MAX_SUBMODULES} submodules`, submodules.length);
  }
  for (const [name, submodule] of submodules) checkSubmodule(name.slice(0, 60), submodule);
  return claims as Ear;
}

function checkSubmodule(name: string, value: unknown): void {
  const submodule = requireObject(value, `submods.${name}`);
  const status = EAR_STATUSES.find((one) => one === submodule['ear.status']);
  if (status === undefined) throw wrong(`${name} ear.status`, EAR_STATUSES.join(', '), submodule['ear.status']);
  const policy = submodule['ear.appraisal-policy-id'];
  if (policy !== undefined) requireText(policy, `${name} ear.appraisal-policy-id`);
  if (submodule['ear.trustworthiness-vector'] !== undefined) {
    checkVector(name, status, requireObject(submodule['ear.trustworthiness-vector'], `${name} trustworthiness vector`));
  }
  const keyAttestation = submodule['ear.veraison.key-attestation'];
  if (keyAttestation !== undefined) {
    const { akpub } = requireObject(keyAttestation, `${name} ear.veraison.key-attestation`);
    requireBase64url(akpub, `${name} ear.veraison.key-attestation akpub`);
  }
}

/** The status may be worse than the vector, never better. */
function checkVector(name: string, status: EarStatus, vector: Json): void {
  for (const [claim, value] of Object.entries(vector)) {
    if (!(TRUST_CLAIMS as readonly string[]).includes(claim)) {
      throw wrong(`${name} trustworthiness vector`, 'known claims', claim.slice(0, 60));
    }
    if (typeof value !== 'number' || !Number.isInteger(value) || value < -128 || value > 127) {
      throw wrong(`${name} ${claim}`, 'an integer from -128 to 127', value);
    }
    if (severity(tierOf(value)) > severity(status)) {
      throw wrong(`${name} ear.status`, `no better than ${claim} ${value} (${tierOf(value)})`, status);
    }
  }
}

/** Tier of a trustworthiness claim (AR4SI 2.3.2). */
export function tierOf(value: number): EarStatus {
  if (value >= 96 || value <= -97) return 'contraindicated';
  if (value >= 32 || value <= -33) return 'warning';
  if (value >= 2 || value <= -2) return 'affirming';
  return 'none';
}

/** `none` says nothing, so it makes nothing worse. */
function severity(status: EarStatus): number {
  return EAR_STATUSES.indexOf(status);
}

/** The worst tier of a vector: the best status that may stand over it. */
export function statusOfVector(vector: TrustVector): EarStatus {
  const tiers = Object.values(vector).map(tierOf);
  return tiers.reduce<EarStatus>((worst, tier) => (severity(tier) > severity(worst) ? tier : worst), 'none');
}

function checkNonce(nonce: unknown): void {
  const all = Array.isArray(nonce) ? nonce : [nonce];
  const good = all.every(
    (one) => typeof one === 'string' && one.length >= NONCE_LENGTH.min && one.length <= NONCE_LENGTH.max,
  );
  if (all.length === 0 || !good)
    throw wrong('eat_nonce', `${NONCE_LENGTH.min} to ${NONCE_LENGTH.max} characters`, nonce);
}

function requireObject(value: unknown, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(what, 'an object', value);
  return value as Json;
}

function requireText(value: unknown, what: string): void {
  if (typeof value !== 'string' || value.length === 0) throw wrong(what, 'text', value);
}

function requireBase64url(value: unknown, what: string): void {
  if (typeof value !== 'string' || !BASE64URL.test(value)) throw wrong(what, 'base64url', value);
}

function requireTime(value: unknown, what: string): void {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw wrong(what, 'a NumericDate', value);
}

function wrong(what: string, expected: string, got: unknown): EvidenceError {
  return malformed(what, expected, (JSON.stringify(got) ?? 'nothing').slice(0, 80));
}
