/**
 * Errors on the wire (PROTOCOL.md "Errors"): a short type and title, the same for everyone; what failed, expected and got goes to
 * the log under the same request id. A refusal must not teach an attacker what to change next.
 */
import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify';
import { SealedgeError, ServiceError, UsageError } from '../../src/errors.js';
import type { Problem } from '../protocol/messages.js';
import { problemOf } from '../protocol/problem.js';

const PROBLEM_MEDIA_TYPE = 'application/problem+json';

export function registerProblems(app: FastifyInstance): void {
  app.setErrorHandler((cause: FastifyError, request, reply) => {
    const problem = toProblem(cause, `urn:uuid:${request.id}`);
    logRefusal(request, cause, problem);
    return reply.status(problem.status).type(PROBLEM_MEDIA_TYPE).send(problem);
  });
  app.setNotFoundHandler((request, reply) => {
    const problem = { type: 'about:blank', title: 'no such route', status: 404, instance: `urn:uuid:${request.id}` };
    return reply.status(404).type(PROBLEM_MEDIA_TYPE).send(problem);
  });
}

/**
 * The same for the operator's routes, where the caller has shown a token: the title says what is wrong, down to the member of a
 * document. Never more than the error's own message, which by contract holds no secret.
 */
export function registerOperatorProblems(app: FastifyInstance): void {
  app.setErrorHandler((cause: FastifyError, request, reply) => {
    const problem = toOperatorProblem(cause, `urn:uuid:${request.id}`);
    logRefusal(request, cause, problem);
    return reply.status(problem.status).type(PROBLEM_MEDIA_TYPE).send(problem);
  });
}

/** A refusal whose title may say what is wrong. */
export function operatorRefusal(status: number, kind: string, title: string): ServiceError {
  return new ServiceError('ERR_SERVICE_REFUSED', title, {
    fields: { status, type: `urn:sealedge:problem:${kind}`, title },
  });
}

function toProblem(cause: unknown, instance: string): Problem {
  if (cause instanceof ServiceError && cause.code === 'ERR_SERVICE_REFUSED') {
    const { status, type, title } = cause.fields as { status: number; type: string; title: string };
    return { type, title, status, instance };
  }
  const status = cause instanceof SealedgeError ? undefined : (cause as FastifyError).statusCode;
  if (status !== undefined && status >= 400 && status < 500)
    return { type: 'urn:sealedge:problem:evidence-malformed', title: 'evidence malformed', status, instance };
  return problemOf(cause, instance);
}

function toOperatorProblem(cause: FastifyError, instance: string): Problem {
  const problem = toProblem(cause, instance);
  if (cause instanceof UsageError)
    return { type: 'urn:sealedge:problem:option-invalid', title: cause.message, status: 400, instance };
  if (cause instanceof SealedgeError) return problem.status < 500 ? { ...problem, title: cause.message } : problem;
  if (problem.status >= 500) return problem;
  // Fastify's messages may quote the body, which may be a key: where the schema was not met, and how, but not with what.
  const places = cause.validation?.map(({ instancePath, keyword, params }) => {
    const where = instancePath === '' ? (cause.validationContext ?? 'request') : instancePath.slice(1);
    return `${where}: ${expectation(keyword, params)}`;
  });
  const title = places?.join('; ') ?? `request: ${String(cause.code ?? 'malformed')}`;
  return { type: 'urn:sealedge:problem:option-invalid', title, status: problem.status, instance };
}

/** What a JSON Schema keyword asked for, from the schema alone. */
function expectation(keyword: string, params: Readonly<Record<string, unknown>>): string {
  if (keyword === 'required') return `lacks ${params.missingProperty}`;
  const asked = params.pattern ?? params.limit ?? params.type;
  return asked === undefined ? `does not meet ${keyword}` : `expected ${keyword} ${asked}`;
}

function logRefusal(request: FastifyRequest, cause: unknown, problem: Problem): void {
  const entry = { problem: problem.type, status: problem.status, refusal: describeError(cause) };
  if (problem.status >= 500) request.log.error(entry, 'failed');
  else request.log.warn(entry, 'refused');
}

const MAX_CAUSES = 8;

/** The error and its causes, with their typed fields, which by contract hold no secret (src/errors.ts). */
function describeError(cause: unknown, depth = 0): unknown {
  if (!(cause instanceof Error)) return { name: typeof cause };
  const { statusCode, validation, code } = cause as FastifyError;
  // Fastify's own refusals of a request: their messages may quote the body, which may be a key.
  if (statusCode !== undefined && statusCode < 500)
    return { name: cause.name, code, validation: validation?.map((one) => `${one.instancePath}: ${one.keyword}`) };
  const nested = cause.cause === undefined || depth >= MAX_CAUSES ? undefined : describeError(cause.cause, depth + 1);
  return {
    name: cause.name,
    code,
    message: cause.message,
    ...(cause instanceof SealedgeError ? { fields: cause.fields } : { stack: cause.stack }),
    ...(nested === undefined ? {} : { cause: nested }),
  };
}
