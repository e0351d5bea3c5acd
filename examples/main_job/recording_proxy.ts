import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** An attacker on the wire between device and verifier: passes everything on, and keeps what the device sent. */
export class RecordingProxy {
  readonly #server: Server;
  readonly #recorded = new Map<string, Buffer>();

  private constructor(upstream: string) {
    this.#server = createServer(async (request, response) => {
      const body = await buffer(request);
      const path = request.url ?? '/';
      this.#recorded.set(path, body);
      const method = request.method ?? 'GET';
      const contentType = request.headers['content-type'] ?? 'application/json';
      try {
        const answer = await fetch(new URL(path, upstream), {
          method,
          ...(method === 'GET' ? {} : { body: new Uint8Array(body), headers: { 'content-type': contentType } }),
        });
        response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'application/json' });
        response.end(Buffer.from(await answer.arrayBuffer()));
      } catch {
        response.writeHead(502).end();
      }
    });
  }

  static async start(upstream: string): Promise<RecordingProxy> {
    const proxy = new RecordingProxy(upstream);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The last body that went to `path`. */
  recorded(path: string): Buffer {
    const body = this.#recorded.get(path);
    if (!body) throw new Error(`the proxy has seen nothing go to ${path}`);
    return body;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
