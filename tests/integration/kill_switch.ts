/** Lets a test kill a process at an exact point: an HTTP proxy before the verifier, that says when a request has come or gone. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Moment = 'request' | 'answer';

export class KillSwitch {
  readonly #server: Server;
  #target = '';
  #armed: { path: RegExp; moment: Moment; kill: () => Promise<void> } | undefined;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<KillSwitch> {
    const server = createServer();
    const gate = new KillSwitch(server);
    server.on('request', async (request, response) => {
      try {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        if (await gate.#fire(request.url ?? '', 'request')) return void response.destroy();
        const { method = 'GET', headers } = request;
        const answer = await fetch(new URL(request.url ?? '', gate.#target), {
          method,
          headers: { 'content-type': headers['content-type'] ?? 'application/json' },
          ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
        });
        const body = Buffer.from(await answer.arrayBuffer());
        if (await gate.#fire(request.url ?? '', 'answer')) return void response.destroy();
        response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(body);
      } catch {
        // The verifier is down, or the device is: to the other side the connection breaks.
        response.destroy();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return gate;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Where the verifier is now: it may come back on another port. */
  forwardTo(url: string): void {
    this.#target = url;
  }

  /** Kills at the next request whose path matches: when it has come, or when it has been answered but not passed on. */
  arm(path: RegExp, moment: Moment, kill: () => Promise<void>): void {
    this.#armed = { path, moment, kill };
  }

  get armed(): boolean {
    return this.#armed !== undefined;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #fire(path: string, moment: Moment): Promise<boolean> {
    const armed = this.#armed;
    if (armed === undefined || armed.moment !== moment || !armed.path.test(path)) return false;
    this.#armed = undefined;
    await armed.kill();
    return true;
  }
}
