/** The service over its routes, without TPM: what it refuses, what it says, and what it logs. */
import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadOrCreateIdentity, type VerifierIdentity } from '../../../attestation/service/identity.js';
import { isLoopback } from '../../../attestation/service/operator_auth.js';
import { buildServer, startServer } from '../../../attestation/service/server.js';
import { SqliteStore } from '../../../attestation/service/store/sqlite.js';
import type { Store } from '../../../attestation/service/store/store.js';
import { keyFile, policyDocument, stateApproval } from './documents.js';

const FLEET = 'plant-1';

describe('verifier service', () => {
  let directory: string;
  let identity: VerifierIdentity;
  let store: Store;
  let app: FastifyInstance;
  let lines: string[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sealedge-service-'));
    identity = await loadOrCreateIdentity(directory);
    store = await SqliteStore.open(join(directory, 'verifier.db'));
    lines = [];
    const log = { level: 'trace', stream: { write: (line: string) => void lines.push(line) } };
    app = await buildServer({ store, identity, operatorRoutes: true, log });
  });
  afterEach(async () => {
    await app.close();
    await store.close();
    await rm(directory, { recursive: true });
  });

  const operator = (token = identity.operatorToken) => ({ authorization: `Bearer ${token}` });
  const inject = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, payload?: object, headers = operator()) =>
    app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });

  it('is healthy while its store answers, and says so when it does not', async () => {
    expect((await app.inject('/v1/health')).json()).toEqual({ status: 'ok' });
    await store.close();
    const failed = await app.inject('/v1/health');
    expect(failed.statusCode).toBe(500);
    expect(failed.headers['content-type']).toContain('application/problem+json');
    expect(failed.json()).toMatchObject({ type: 'urn:sealedge:problem:internal', status: 500 });
  });

  it('describes every route, with request and answer, in an OpenAPI document', async () => {
    const document = (await app.inject('/v1/openapi.json')).json() as {
      openapi: string;
      paths: Record<string, Record<string, { responses: Record<string, unknown>; requestBody?: unknown }>>;
      components: { schemas: Record<string, unknown> };
    };
    expect(document.openapi).toBe('3.1.0');
    const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
    );
    expect(routes.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'post /v1/enrolments',
        'post /v1/enrolments/{exchangeId}/proof',
        'post /v1/challenges',
        'post /v1/attestations',
        'post /v1/releases',
        'post /v1/leases',
        'get /v1/health',
        'get /v1/operator/devices',
        'put /v1/operator/policies/{fleet}',
      ]),
    );
    for (const { name, operation } of routes) {
      expect(Object.keys(operation.responses), name).toEqual(expect.arrayContaining(['4XX', '5XX']));
      if (/^(post|put|delete)/.test(name)) expect(operation.requestBody, name).toBeDefined();
    }
    expect(Object.keys(document.components.schemas)).toContain('EnrolRequest');
  });

  it('refuses what its schema does not allow, and does not bend it into shape', async () => {
    const device = 'a'.repeat(32);
    for (const payload of [
      { protocol: '1', deviceId: device },
      { protocol: 1 },
      { protocol: 1, deviceId: device.toUpperCase() },
      { protocol: 1, deviceId: device, extra: 1 },
    ]) {
      const answer = await inject('POST', '/v1/challenges', payload);
      expect(answer.statusCode).toBe(400);
      expect(answer.json()).toMatchObject({ type: 'urn:sealedge:problem:evidence-malformed', status: 400 });
    }
  });

  it('answers an unknown device with a short problem and logs the reason under the same id', async () => {
    const answer = await inject('POST', '/v1/challenges', { protocol: 1, deviceId: 'ab'.repeat(16) });
    expect(answer.statusCode).toBe(404);
    const problem = answer.json() as { instance: string };
    expect(Object.keys(problem).sort()).toEqual(['instance', 'status', 'title', 'type']);
    const logged = lines.map((line) => JSON.parse(line)).find((line) => line.msg === 'refused');
    expect(problem.instance).toBe(`urn:uuid:${logged.reqId}`);
    expect(logged.refusal).toMatchObject({ code: 'ERR_DEVICE_UNKNOWN', fields: { deviceId: 'ab'.repeat(16) } });
  });

  it('refuses a body that is too long', async () => {
    const answer = await inject('POST', '/v1/challenges', { protocol: 1, deviceId: 'a'.repeat(300_000) });
    expect(answer.statusCode).toBe(413);
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });

  it('answers one address a bounded number of challenges and enrolments a minute, however many verifiers it asks', async () => {
    let at = 1_800_000_000_000;
    const second = await SqliteStore.open(join(directory, 'verifier.db'));
    const limited = { identity, operatorRoutes: false, requestsPerMinute: 3, now: () => at };
    const verifiers = [await buildServer({ store, ...limited }), await buildServer({ store: second, ...limited })];
    const ask = async (i: number, remoteAddress: string, url = '/v1/challenges') => {
      const payload = { protocol: 1, deviceId: 'ab'.repeat(16) };
      return (verifiers[i % 2] as FastifyInstance).inject({ method: 'POST', url, payload, remoteAddress });
    };
    for (let i = 0; i < 3; i++) expect((await ask(i, '192.0.2.1')).statusCode).toBe(404);
    const refused = await ask(3, '192.0.2.1');
    expect(refused.json()).toMatchObject({ type: 'urn:sealedge:problem:rate-limited', status: 429 });
    expect(refused.headers['retry-after']).toBe('60');
    expect((await ask(4, '192.0.2.1', '/v1/enrolments')).statusCode).toBe(400);
    expect((await ask(5, '192.0.2.2')).statusCode).toBe(404);
    // One network of IPv6 is one caller.
    for (let i = 0; i < 3; i++) expect((await ask(i, `2001:db8::${i + 1}`)).statusCode).toBe(404);
    expect((await ask(0, '2001:db8:0:0:ffff::1')).statusCode).toBe(429);
    expect((await ask(0, '2001:db8:0:1::1')).statusCode).toBe(404);
    at += 60_000;
    expect((await ask(0, '192.0.2.1')).statusCode).toBe(404);
    for (const one of verifiers) await one.close();
    await second.close();
  });

  it('answers an unknown route with a problem', async () => {
    expect((await app.inject('/nothing')).json()).toMatchObject({ status: 404 });
  });

  describe('operator routes', () => {
    it('need the token', async () => {
      for (const headers of [{}, operator('x'.repeat(43)), { authorization: identity.operatorToken }, operator('')]) {
        const answer = await app.inject({ url: '/v1/operator/devices', headers });
        expect(answer.statusCode).toBe(401);
        expect(answer.json()).toMatchObject({ type: 'urn:sealedge:problem:operator-token' });
      }
      expect((await inject('GET', '/v1/operator/devices')).json()).toEqual({ devices: [] });
    });

    it('are absent where they are not asked for', async () => {
      const bare = await buildServer({ store, identity, operatorRoutes: false });
      expect((await bare.inject({ url: '/v1/operator/devices', headers: operator() })).statusCode).toBe(404);
      await bare.close();
    });

    it('set a policy by compare and set, and say which member is wrong', async () => {
      const { policy } = policyDocument();
      const url = `/v1/operator/policies/${FLEET}`;
      expect((await inject('GET', url)).statusCode).toBe(404);
      expect((await inject('PUT', url, { expectedRevision: 0, policy })).statusCode).toBe(204);
      expect((await inject('PUT', url, { expectedRevision: 0, policy })).statusCode).toBe(409);
      expect((await inject('GET', url)).json()).toMatchObject({ revision: 1, policy });
      const bad = await inject('PUT', url, { expectedRevision: 1, policy: { ...policy, ekRoots: ['nonsense'] } });
      expect(bad.statusCode).toBe(400);
      expect(bad.json().title).toContain('fleetPolicy.ekRoots[0]');
    });

    it('take state approvals by K_state alone, in rising epochs', async () => {
      const { policy, stateKey } = policyDocument();
      await inject('PUT', `/v1/operator/policies/${FLEET}`, { expectedRevision: 0, policy });
      const url = `/v1/operator/approvals/${FLEET}`;
      const post = (...approvals: object[]) => inject('POST', url, { approvals });
      const first = stateApproval(stateKey, FLEET, 1, 1);
      expect((await post(first)).json()).toMatchObject({ epoch: 1, revision: 1, approvals: [first] });
      expect((await post(first)).json()).toMatchObject({ revision: 2, approvals: [first] });
      const second = stateApproval(stateKey, FLEET, 1, 2);
      expect((await post(second)).json().approvals).toEqual([first, second]);
      const third = stateApproval(stateKey, FLEET, 2, 3);
      expect((await post(third)).json()).toMatchObject({ epoch: 2, approvals: [third] });
      const past = await post(first);
      expect(past.statusCode).toBe(409);
      expect(past.json().type).toBe('urn:sealedge:problem:epoch-past');
      expect((await post(third, second)).statusCode).toBe(400);
      const forged = stateApproval(policyDocument().stateKey, FLEET, 3, 1);
      expect((await post(forged)).statusCode).toBe(403);
      expect((await post(stateApproval(stateKey, 'plant-2', 3, 1))).statusCode).toBe(400);
      expect((await inject('GET', url)).json()).toMatchObject({ epoch: 2, approvals: [third] });
    });

    it('import a key once, keep it only wrapped, and never show it', async () => {
      const file = keyFile('motor', 1);
      const added = await inject('POST', '/v1/operator/keys', { keyFile: file.text });
      expect(added.statusCode).toBe(201);
      expect(added.json()).toMatchObject({ keyId: file.keyId, model: 'motor', version: 1, generation: 0 });
      expect((await inject('POST', '/v1/operator/keys', { keyFile: file.text })).statusCode).toBe(409);
      const listed = await inject('GET', '/v1/operator/keys');
      expect(listed.body).not.toContain(file.contentKey.toString('hex'));
      const database = Buffer.concat(
        await Promise.all(['', '-wal'].map((end) => readFile(join(directory, `verifier.db${end}`)))),
      );
      for (const form of forms(file.contentKey)) expect(database.includes(form)).toBe(false);
    });

    it('grant a key and withdraw it', async () => {
      const { policy } = policyDocument();
      await inject('PUT', `/v1/operator/policies/${FLEET}`, { expectedRevision: 0, policy });
      const { text, keyId } = keyFile('motor', 1);
      await inject('POST', '/v1/operator/keys', { keyFile: text });
      const url = `/v1/operator/keys/${keyId}/grants`;
      expect((await inject('POST', url, { fleet: FLEET })).json().grants).toMatchObject([{ fleet: FLEET }]);
      expect((await inject('POST', url, { fleet: FLEET, deviceId: 'a'.repeat(32) })).statusCode).toBe(400);
      expect((await inject('POST', url, {})).statusCode).toBe(400);
      expect((await inject('DELETE', url, { fleet: FLEET })).json().grants).toEqual([]);
      expect((await inject('DELETE', url, { fleet: FLEET })).statusCode).toBe(404);
      const unknown = `/v1/operator/keys/${'0'.repeat(64)}/grants`;
      expect((await inject('POST', unknown, { fleet: FLEET })).statusCode).toBe(404);
      const nowhere = await inject('POST', url, { fleet: 'plant-9' });
      expect(nowhere.json()).toMatchObject({ status: 404, title: 'fleet plant-9 has no policy' });
    });

    it('say what is wrong with a request, and never what was in it', async () => {
      const device = await inject('GET', '/v1/operator/devices/NOT-AN-ID');
      const kind = 'urn:sealedge:problem:option-invalid';
      expect(device.json()).toMatchObject({
        status: 400,
        type: kind,
        title: 'deviceId: expected pattern ^[0-9a-f]{32}$',
      });
      const { approvals } = { approvals: [stateApproval(policyDocument().stateKey, FLEET, 1, 1)] };
      const early = await inject('POST', `/v1/operator/approvals/${FLEET}`, { approvals });
      expect(early.json()).toMatchObject({
        status: 404,
        title: expect.stringContaining(`fleet ${FLEET} has no policy`),
      });
      const secret = 'ab'.repeat(32);
      const misspelt = await inject('POST', '/v1/operator/keys', { keyfile: secret });
      expect(misspelt.json()).toMatchObject({ status: 400, type: kind });
      expect(misspelt.body).not.toContain(secret);
      const other = await inject('POST', '/v1/operator/keys', { keyFile: `{"contentKey": "${secret}"}` });
      expect(other.json().title).toMatch(/^key file: /);
      expect(other.body).not.toContain(secret);
    });

    it('refuse to revoke a device that is not there', async () => {
      const url = `/v1/operator/devices/${'a'.repeat(32)}/revocation`;
      expect((await inject('POST', url, { reason: 'stolen' })).statusCode).toBe(404);
    });
  });

  it('logs no secret, whatever happens to it', async () => {
    const file = keyFile('motor', 1);
    await inject('POST', '/v1/operator/keys', { keyFile: file.text });
    await inject('POST', '/v1/operator/keys', { keyFile: file.text });
    await inject('POST', '/v1/operator/keys', { keyFile: file.text.replace('"format"', '"farmat"') });
    await inject('POST', '/v1/operator/keys', { keyFile: `${file.text} and more` });
    await inject('POST', '/v1/operator/keys', { keyfile: file.text });
    await inject('POST', '/v1/operator/keys', { keyFile: { nested: file.text } });
    const headers = { ...operator(), 'content-type': 'application/json' };
    await app.inject({ method: 'POST', url: '/v1/operator/keys', headers, payload: `{"keyFile": ${file.text}` });
    await app.inject({
      method: 'POST',
      url: '/v1/operator/keys',
      headers,
      payload: `${file.contentKey.toString('hex')}}`,
    });
    await app.inject({
      url: `/v1/operator/devices?token=${identity.operatorToken}`,
      headers: operator('wrong'.repeat(9)),
    });
    await store.close();
    await inject('POST', '/v1/operator/keys', { keyFile: keyFile('motor', 2).text });
    const log = lines.join('');
    expect(lines.length).toBeGreaterThan(10);
    for (const secret of [file.contentKey, identity.masterKey, Buffer.from(identity.operatorToken)])
      for (const form of forms(secret)) expect(log).not.toContain(form.toString('latin1'));
  });

  it('closes its store when it has answered what is under way, and only once', async () => {
    const path = join(directory, 'second.db');
    const server = await startServer({ store: await SqliteStore.open(path), identity, host: '127.0.0.1', port: 0 });
    expect((await fetch(`${server.url}/v1/health`)).status).toBe(200);
    await Promise.all([server.close(), server.close()]);
    await expect(fetch(`${server.url}/v1/health`)).rejects.toThrow();
  });

  it('serves operator routes by default on loopback alone', async () => {
    expect(['127.0.0.1', '127.8.9.1', '::1', 'localhost'].every(isLoopback)).toBe(true);
    expect(['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example.com'].some(isLoopback)).toBe(false);
    const open = await startServer({
      store: await SqliteStore.open(join(directory, 'third.db')),
      identity,
      host: '0.0.0.0',
      port: 0,
    });
    const { port } = new URL(open.url);
    expect((await fetch(`http://127.0.0.1:${port}/v1/operator/devices`, { headers: operator() })).status).toBe(404);
    await open.close();
  });
});

describe('identity of the verifier', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sealedge-identity-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('is made once, whoever comes first, and readable by its owner alone', async () => {
    const many = await Promise.all(Array.from({ length: 5 }, () => loadOrCreateIdentity(join(directory, 'data'))));
    const keys = new Set(many.map((one) => one.resultKey.export({ type: 'pkcs8', format: 'der' }).toString('hex')));
    const masters = new Set(many.map((one) => one.masterKey.toString('hex')));
    expect([keys.size, masters.size, new Set(many.map((one) => one.operatorToken)).size]).toEqual([1, 1, 1]);
    expect((await stat(join(directory, 'data'))).mode & 0o777).toBe(0o700);
    for (const name of ['result-key.pem', 'lease-key.pem', 'master-key', 'operator-token'])
      expect((await stat(join(directory, 'data', name))).mode & 0o777).toBe(0o600);
  });

  it.each(['result-key.pem', 'lease-key.pem', 'master-key', 'operator-token'])(
    'is not used when others can read its %s',
    async (name) => {
      const data = join(directory, 'data');
      await loadOrCreateIdentity(data);
      await chmod(join(data, name), 0o640);
      await expect(loadOrCreateIdentity(data)).rejects.toMatchObject({
        code: 'ERR_OPTION_INVALID',
        message: expect.stringContaining('readable by others'),
      });
    },
  );
});

/** The ways in which a secret might show up in text. */
function forms(secret: Buffer): Buffer[] {
  const texts = [
    secret.toString('hex'),
    secret.toString('base64'),
    secret.toString('base64url'),
    secret.toString('latin1'),
  ];
  return [secret, ...texts.map((text) => Buffer.from(text, 'latin1'))].filter((form) => form.length > 0);
}
