/**
 * The verifier service: routes of PROTOCOL.md over HTTP. It holds no state of its own (design decision 18): what it knows is in
 * the store, what it is, in its identity; two of these on one database answer alike.
 */
import { randomUUID } from 'node:crypto';
import swagger from '@fastify/swagger';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { ServiceContext } from './context.js';
import { registerProblems } from './http_errors.js';
import type { VerifierIdentity } from './identity.js';
import { isLoopback, operatorTokenChecker } from './operator_auth.js';
import { DEFAULT_REQUESTS_PER_MINUTE } from './rate_limit.js';
import { registerAttestationRoutes } from './routes/attestation.js';
import { registerEnrolmentRoutes } from './routes/enrolment.js';
import { registerHealthRoute } from './routes/health.js';
import { registerOperatorRoutes } from './routes/operator.js';
import { registerReleaseRoutes } from './routes/release.js';
import { SHARED_SCHEMAS } from './schemas.js';
import type { Store } from './store/store.js';

const BODY_LIMIT_BYTES = 256 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
const DRAIN_TIMEOUT_MS = 10_000;
const PURGE_INTERVAL_MS = 60_000;

export interface ServerOptions {
  store: Store;
  identity: VerifierIdentity;
  now?: () => number;
  /** Of one address, for challenges and for enrolments; 0: no limit. Default {@link DEFAULT_REQUESTS_PER_MINUTE}. */
  requestsPerMinute?: number;
  /** Serve /v1/operator. */
  operatorRoutes: boolean;
  tls?: { cert: string | Buffer; key: string | Buffer };
  /** Structured log, one JSON object per line; none when absent. */
  log?: { level: string; stream: { write(line: string): void } };
}

export async function buildServer(options: ServerOptions): Promise<FastifyInstance> {
  const app = Fastify({
    logger: options.log === undefined ? false : { level: options.log.level, stream: options.log.stream },
    genReqId: () => randomUUID(),
    // Our own lines only, and never a body or a header in them: neither a content key nor a token has a way into the log.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    // What does not fit its schema is refused, not bent into shape.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false } },
    ...(options.tls === undefined ? {} : { https: { ...options.tls, minVersion: 'TLSv1.3' as const } }),
  }) as unknown as FastifyInstance;
  for (const schema of SHARED_SCHEMAS) app.addSchema(schema);
  registerProblems(app);
  registerAccessLog(app);
  await app.register(swagger, OPENAPI);

  const context: ServiceContext = {
    store: options.store,
    identity: options.identity,
    now: options.now ?? Date.now,
    requestsPerMinute: options.requestsPerMinute ?? DEFAULT_REQUESTS_PER_MINUTE,
  };
  await app.register(async (scope) => {
    registerHealthRoute(scope, context);
    registerEnrolmentRoutes(scope, context);
    registerAttestationRoutes(scope, context);
    registerReleaseRoutes(scope, context);
    scope.get('/v1/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  });
  if (options.operatorRoutes) {
    const isOperator = operatorTokenChecker(options.identity.operatorToken);
    await app.register((scope) => registerOperatorRoutes(scope, context, isOperator), { prefix: '/v1/operator' });
  }
  await app.ready();
  return app;
}

export interface RunningServer {
  url: string;
  /** Answers what is under way, then closes the store. Repeatable. */
  close(): Promise<void>;
}

export interface StartOptions extends Omit<ServerOptions, 'operatorRoutes'> {
  host: string;
  port: number;
  /** Default: only when `host` is a loopback address. */
  operatorRoutes?: boolean;
}

/** Builds, listens, and takes over the store: closing the server closes it. */
export async function startServer(options: StartOptions): Promise<RunningServer> {
  const { host, port, ...rest } = options;
  const app = await buildServer({ ...rest, operatorRoutes: options.operatorRoutes ?? isLoopback(host) });
  const url = await app.listen({ host, port });
  const purge = setInterval(() => purgeExpired(options.store, options.now ?? Date.now, app.log), PURGE_INTERVAL_MS);
  purge.unref();
  let closing: Promise<void> | undefined;
  return {
    url,
    close: () => {
      closing ??= drain(app, options.store, purge);
      return closing;
    },
  };
}

async function drain(app: FastifyInstance, store: Store, purge: NodeJS.Timeout): Promise<void> {
  clearInterval(purge);
  const force = setTimeout(() => app.server.closeAllConnections(), DRAIN_TIMEOUT_MS);
  try {
    await app.close();
  } finally {
    clearTimeout(force);
    await store.close();
  }
}

async function purgeExpired(store: Store, now: () => number, log: FastifyBaseLogger): Promise<void> {
  try {
    // An hour late, so that a device that comes too late is told "expired" and not "unknown".
    await store.purgeExpired(now() - 3_600_000);
  } catch (err) {
    log.error({ err }, 'purge failed');
  }
}

function registerAccessLog(app: FastifyInstance): void {
  app.addHook('onResponse', async (request, reply) => {
    request.log.info(
      {
        method: request.method,
        route: request.routeOptions.url ?? null,
        remote: request.ip,
        status: reply.statusCode,
        duration_ms: Math.round(reply.elapsedTime * 1_000) / 1_000,
      },
      'answered',
    );
  });
}

const OPENAPI = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'sealedge verifier',
      version: '1',
      description: 'Attestation and key release for sealed models: docs/PROTOCOL.md',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    components: { securitySchemes: { operatorToken: { type: 'http' as const, scheme: 'bearer' } } },
  },
  refResolver: {
    buildLocalReference: (json: { $id?: string; title?: string }, _base: unknown, _fragment: unknown, index: number) =>
      json.title ?? json.$id ?? `schema-${index}`,
  },
};
