/** `sealedge verifier start`: the service in the foreground, until SIGINT or SIGTERM. Logs go to stderr, one JSON object a line. */
import { createPrivateKey, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Command } from 'commander';
import { ServiceError, UsageError } from '../errors.js';
import { readTextFile } from './files.js';
import { integerOption } from './options.js';
import { createOutput } from './output.js';

interface StartOptions {
  data: string;
  host: string;
  port: string;
  tlsCert?: string;
  tlsKey?: string;
  operatorRoutes?: boolean;
  requestsPerMinute?: number;
  logLevel: string;
  json?: boolean;
}

const LOG_LEVELS = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'];

export function registerVerifierStart(verifier: Command): void {
  verifier
    .command('start')
    .description('run the verifier service')
    .requiredOption('--data <directory>', 'keys and database; made with mode 0700 where missing')
    .option('--host <address>', 'to listen on', '127.0.0.1')
    .option('--port <number>', 'to listen on; 0 for any', '8711')
    .option('--tls-cert <pem>', 'certificate chain: serve https')
    .option('--tls-key <pem>', 'private key of the certificate')
    .option('--operator-routes', 'serve the operator routes on an address that is not loopback')
    .option('--no-operator-routes', 'do not serve the operator routes')
    .option(
      '--requests-per-minute <n>',
      'challenges, and enrolments, that one address may ask for; 0: no limit',
      integerOption(0, 1_000_000),
    )
    .option('--log-level <level>', LOG_LEVELS.join(', '), 'info')
    .option('--json', 'announce the address as JSON')
    .action(start);
  verifier.command('openapi').description('print the OpenAPI document of the service').action(printOpenApi);
}

async function start(options: StartOptions): Promise<void> {
  const output = createOutput(options.json === true);
  if (!LOG_LEVELS.includes(options.logLevel))
    throw new UsageError('ERR_OPTION_INVALID', `log level: expected ${LOG_LEVELS.join(', ')}, got ${options.logLevel}`);
  const { DATABASE_FILE, loadOrCreateIdentity, OPERATOR_TOKEN_FILE, SqliteStore, startServer } = await loadService();
  const port = parsePort(options.port);
  const tls = await readTls(options);
  const identity = await loadOrCreateIdentity(options.data);
  const store = await SqliteStore.open(join(options.data, DATABASE_FILE));
  const server = await startServer({
    store,
    identity,
    host: options.host,
    port,
    ...(tls === undefined ? {} : { tls }),
    ...(options.requestsPerMinute === undefined ? {} : { requestsPerMinute: options.requestsPerMinute }),
    ...(options.operatorRoutes === undefined ? {} : { operatorRoutes: options.operatorRoutes }),
    log: { level: options.logLevel, stream: process.stderr },
  }).catch(notListening);
  const stop = () => void server.close();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  output.result(`verifier listens on ${server.url}`, {
    url: server.url,
    pid: process.pid,
    operatorTokenFile: join(options.data, OPERATOR_TOKEN_FILE),
  });
}

function notListening(cause: unknown): never {
  if (!(cause instanceof Error && 'syscall' in cause && cause.syscall === 'listen')) throw cause;
  throw new ServiceError('ERR_SERVICE_UNAVAILABLE', `the verifier cannot listen: ${cause.message}`, {
    cause,
    fields: { hint: 'choose another address with --host and --port' },
  });
}

async function readTls({ tlsCert, tlsKey }: StartOptions): Promise<{ cert: Buffer; key: Buffer } | undefined> {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined)
    throw new UsageError('ERR_OPTION_INVALID', '--tls-cert and --tls-key go together');
  return { cert: Buffer.from(await readTextFile(tlsCert)), key: Buffer.from(await readTextFile(tlsKey)) };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535)
    throw new UsageError('ERR_OPTION_INVALID', `port: expected 0 to 65535, got ${text}`);
  return port;
}

/** The document needs no keys and no data: the routes are built on a database in memory and never listen. */
async function printOpenApi(): Promise<void> {
  const { buildServer, newSigningKey, SqliteStore } = await loadService();
  const store = await SqliteStore.open(':memory:');
  const identity = throwawayIdentity(newSigningKey());
  const app = await buildServer({ store, identity, operatorRoutes: true });
  process.stdout.write(`${JSON.stringify(app.swagger(), null, 2)}\n`);
  await app.close();
  await store.close();
}

/**
 * Only here: no other command should wait for the web server and the database to load, and a device is installed without
 * them (`npm install --omit=optional`).
 */
async function loadService() {
  try {
    const [server, identity, sqlite] = await Promise.all([
      import('../../attestation/service/server.js'),
      import('../../attestation/service/identity.js'),
      import('../../attestation/service/store/sqlite.js'),
    ]);
    return { ...server, ...identity, ...sqlite };
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND')) throw cause;
    throw new ServiceError('ERR_SERVICE_UNAVAILABLE', 'the verifier needs optional packages that are not installed', {
      cause,
      fields: { hint: 'npm install fastify @fastify/swagger libsql' },
    });
  }
}

function throwawayIdentity(signingKey: string) {
  const privateKey = createPrivateKey(signingKey);
  const operatorToken = randomBytes(32).toString('base64url');
  return { resultKey: privateKey, leaseKey: privateKey, masterKey: randomBytes(32), operatorToken };
}
