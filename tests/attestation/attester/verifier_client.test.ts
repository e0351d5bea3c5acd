/** What a device makes of answers: of a verifier's refusals, and of servers that are none. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { verifierClient } from '../../../attestation/attester/verifier_client.js';

describe('verifier client', () => {
  let server: Server | undefined;
  afterEach(async () => {
    server?.closeAllConnections();
    await new Promise((resolve) => (server === undefined ? resolve(0) : server.close(resolve)));
    server = undefined;
  });

  async function ask(listener: RequestListener) {
    server = createServer(listener);
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return verifierClient(`http://127.0.0.1:${port}`).challenge({ protocol: 1, deviceId: 'a'.repeat(32) });
  }
  const problem = (status: number, kind: string) => (_: unknown, response: Parameters<RequestListener>[1]) =>
    response
      .writeHead(status, { 'content-type': 'application/problem+json' })
      .end(JSON.stringify({ type: `urn:sealedge:problem:${kind}`, title: kind, status, instance: 'urn:uuid:x' }));

  it.each([
    [403, 'device-revoked', 'AppraisalError', 'ERR_DEVICE_REVOKED'],
    [404, 'device-unknown', 'AppraisalError', 'ERR_DEVICE_UNKNOWN'],
    [403, 'release-denied', 'AppraisalError', 'ERR_RELEASE_DENIED'],
    [401, 'nonce-expired', 'EvidenceError', 'ERR_NONCE_EXPIRED'],
    [403, 'clock', 'EvidenceError', 'ERR_CLOCK'],
    [400, 'evidence-malformed', 'EvidenceError', 'ERR_EVIDENCE_MALFORMED'],
    [418, 'of-the-future', 'ServiceError', 'ERR_SERVICE_REFUSED'],
    [500, 'internal', 'ServiceError', 'ERR_SERVICE_UNAVAILABLE'],
  ])('turns status %i, %s into %s %s', async (status, kind, name, code) => {
    await expect(ask(problem(status, kind))).rejects.toMatchObject({
      name,
      code,
      fields: expect.objectContaining({ status, instance: 'urn:uuid:x' }),
    });
  });

  it.each<[string, RequestListener]>([
    ['no JSON', (_, response) => response.end('<html>')],
    ['an endless answer', (_, response) => response.end('x'.repeat(2 << 20))],
    ['a redirect', (_, response) => response.writeHead(302, { location: 'http://192.0.2.1/' }).end()],
    ['a broken connection', (request) => request.socket.destroy()],
  ])('takes %s for an absent verifier', async (_, listener) => {
    await expect(ask(listener)).rejects.toMatchObject({ code: 'ERR_SERVICE_UNAVAILABLE' });
  });

  it('takes a refusal without a problem for a refusal', async () => {
    const answer = ask((_, response) => response.writeHead(403).end('no'));
    await expect(answer).rejects.toMatchObject({ code: 'ERR_SERVICE_REFUSED', fields: { status: 403 } });
  });

  it.each(['127.0.0.1:8711', 'verifier.example', 'ftp://verifier.example', ''])('takes no URL %j', (url) => {
    expect(() => verifierClient(url)).toThrow(`verifier URL: expected http:// or https://, got ${url}`);
  });
});
