/** The verifier over HTTP, as a device sees it: one method per message of PROTOCOL.md. */

import type { AppraisalErrorCode, EvidenceErrorCode } from '../../src/errors.js';
import { AppraisalError, EvidenceError, ServiceError, UsageError } from '../../src/errors.js';
import type {
  AttestChallenge,
  AttestResponse,
  ChallengeRequest,
  EnrolChallenge,
  EnrolProof,
  EnrolRequest,
  EnrolResult,
  EvidenceMessage,
  LeaseRequest,
  Problem,
  ReleaseRequest,
  ReleaseResponse,
} from '../protocol/messages.js';
import { codeOfProblem } from '../protocol/problem.js';

export interface VerifierApi {
  enrol(message: EnrolRequest): Promise<EnrolChallenge>;
  prove(exchangeId: string, message: EnrolProof): Promise<EnrolResult>;
  challenge(message: ChallengeRequest): Promise<AttestChallenge>;
  attest(message: EvidenceMessage): Promise<AttestResponse>;
  release(message: ReleaseRequest): Promise<ReleaseResponse>;
  lease(message: LeaseRequest): Promise<ReleaseResponse>;
}

const TIMEOUT_MS = 30_000;
/** No answer of the protocol comes near this; a hostile one is cut off. */
const MAX_ANSWER_BYTES = 1 << 20;

/** @throws UsageError `ERR_OPTION_INVALID` */
export function verifierClient(baseUrl: string): VerifierApi {
  const base = parseVerifierUrl(baseUrl);
  const post = <T>(path: string, message: unknown) => postJson<T>(new URL(path, base), message);
  return {
    enrol: (message) => post('v1/enrolments', message),
    prove: (exchangeId, message) => post(`v1/enrolments/${encodeURIComponent(exchangeId)}/proof`, message),
    challenge: (message) => post('v1/challenges', message),
    attest: (message) => post('v1/attestations', message),
    release: (message) => post('v1/releases', message),
    lease: (message) => post('v1/leases', message),
  };
}

async function postJson<T>(url: URL, message: unknown): Promise<T> {
  return (await requestJson(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(message),
  })) as T;
}

/** Sends one request and reads one JSON answer. @throws ServiceError, or the error that the verifier's problem names */
export async function requestJson(url: URL, init: RequestInit): Promise<unknown> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
    text = await readBounded(response);
  } catch (cause) {
    if (cause instanceof ServiceError) throw cause;
    const { reason, hint } = whyNoAnswer(cause);
    throw new ServiceError('ERR_SERVICE_UNAVAILABLE', `verifier at ${url.origin} does not answer: ${reason}`, {
      cause,
      fields: { url: url.href, hint },
    });
  }
  if (!response.ok) throw refusalOf(response.status, text, url);
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ServiceError('ERR_SERVICE_UNAVAILABLE', `verifier at ${url.origin} answered something that is no JSON`, {
      cause,
      fields: { url: url.href, status: response.status },
    });
  }
}

/** fetch says "fetch failed"; what failed is in its cause: a system error, or a code of OpenSSL's. */
function whyNoAnswer(error: unknown): { reason: string; hint: string } {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const { code, message } = cause as { code?: unknown; message?: unknown };
  const isCertificate = typeof code === 'string' && /CERT|SIGNATURE/.test(code);
  return {
    // Where a name has several addresses the error is one of many, and says nothing itself.
    reason: String(message || code || cause),
    hint: isCertificate
      ? 'for a private CA set NODE_EXTRA_CA_CERTS to its certificate'
      : 'is this its address, and does it run? `sealedge verifier start`',
  };
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES)
      throw new ServiceError(
        'ERR_SERVICE_UNAVAILABLE',
        `answer is too long: expected at most ${MAX_ANSWER_BYTES} bytes`,
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The same class and code that the verifier threw, as far as the problem says. */
function refusalOf(status: number, text: string, url: URL): Error {
  const problem = parseProblem(text);
  const hint =
    problem?.type === 'urn:sealedge:problem:policy-unknown'
      ? 'set one first: `sealedge verifier policy set`'
      : undefined;
  const fields = { status, type: problem?.type, instance: problem?.instance, url: url.href, ...(hint && { hint }) };
  const title = `verifier refused: ${problem?.title ?? `HTTP status ${status}`}`;
  // Only the operator's routes say this: the caller's own arguments.
  if (problem?.type === 'urn:sealedge:problem:option-invalid')
    return new UsageError('ERR_OPTION_INVALID', title, { fields });
  const code = problem === undefined ? undefined : codeOfProblem(problem);
  if (code !== undefined && status < 500) {
    if (isAppraisalCode(code)) return new AppraisalError(code, title, { fields });
    if (code !== 'ERR_OPTION_INVALID') return new EvidenceError(code as EvidenceErrorCode, title, { fields });
  }
  return status >= 500
    ? new ServiceError('ERR_SERVICE_UNAVAILABLE', title, { fields })
    : new ServiceError('ERR_SERVICE_REFUSED', title, { fields });
}

const APPRAISAL_CODES: readonly string[] = [
  'ERR_REFERENCE_VALUE_MISMATCH',
  'ERR_RELEASE_DENIED',
  'ERR_DEVICE_REVOKED',
  'ERR_DEVICE_UNKNOWN',
] satisfies AppraisalErrorCode[];

function isAppraisalCode(code: string): code is AppraisalErrorCode {
  return APPRAISAL_CODES.includes(code);
}

function parseProblem(text: string): Problem | undefined {
  try {
    const value = JSON.parse(text) as Partial<Problem> | null;
    return typeof value?.type === 'string' && typeof value.title === 'string' ? (value as Problem) : undefined;
  } catch {
    return undefined;
  }
}

/** @throws UsageError `ERR_OPTION_INVALID` */
export function parseVerifierUrl(text: string): URL {
  let url: URL | undefined;
  try {
    url = new URL(text.endsWith('/') ? text : `${text}/`);
  } catch {
    // Said below. A host and a port alone fail here or have the host as their scheme.
  }
  if (url !== undefined && (url.protocol === 'http:' || url.protocol === 'https:')) return url;
  throw new UsageError('ERR_OPTION_INVALID', `verifier URL: expected http:// or https://, got ${text}`);
}
