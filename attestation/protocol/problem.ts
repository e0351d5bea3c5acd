/**
 * Errors over the wire (PROTOCOL.md "Errors"): an RFC 9457 problem says which kind of refusal it was and nothing else. The
 * message, fields and causes of the error are for the log.
 */
import { SealedgeError } from '../../src/errors.js';
import type { Problem } from './messages.js';

const TYPE_PREFIX = 'urn:sealedge:problem:';

const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  ERR_EVIDENCE_MALFORMED: 400,
  ERR_NONCE_MISMATCH: 401,
  ERR_NONCE_EXPIRED: 401,
  ERR_NONCE_UNKNOWN: 401,
  ERR_QUOTE_SIGNATURE: 401,
  ERR_CREDENTIAL: 401,
  ERR_PCR_SELECTION: 403,
  ERR_PCR_DIGEST: 403,
  ERR_CLOCK: 403,
  ERR_EK_CERTIFICATE: 403,
  ERR_EK_MISMATCH: 403,
  ERR_AK_TEMPLATE: 403,
  ERR_AK_NAME: 403,
  ERR_NV_CERTIFY: 403,
  ERR_STORAGE_KEY: 403,
  ERR_REFERENCE_VALUE_MISMATCH: 403,
  ERR_RELEASE_DENIED: 403,
  ERR_DEVICE_REVOKED: 403,
  ERR_DEVICE_UNKNOWN: 404,
};

/** @param instance - urn:uuid of the request, written to the log beside the full error. */
export function problemOf(error: unknown, instance?: string): Problem {
  const code = error instanceof SealedgeError ? error.code : 'ERR_INTERNAL';
  const status = STATUS_OF_CODE[code] ?? 500;
  const kind = status === 500 ? 'internal' : kindOf(code);
  return {
    type: `${TYPE_PREFIX}${kind}`,
    title: kind.replaceAll('-', ' '),
    status,
    ...(instance === undefined ? {} : { instance }),
  };
}

/** The error code a problem's type stands for; undefined for types of other origin. */
export function codeOfProblem(problem: Pick<Problem, 'type'>): string | undefined {
  if (!problem.type.startsWith(TYPE_PREFIX)) return undefined;
  const kind = problem.type.slice(TYPE_PREFIX.length);
  return Object.keys(STATUS_OF_CODE).find((code) => kindOf(code) === kind);
}

function kindOf(code: string): string {
  return code.replace(/^ERR_/, '').toLowerCase().replaceAll('_', '-');
}
