/**
 * Sits between a TCTI and swtpm, on a Unix socket: records every command and response as they cross the wire, and lets a
 * test answer in the TPM's place, change a response, or break the connection before or after the TPM has executed a command.
 */

import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Swtpm } from './swtpm.js';

export interface Exchange {
  commandCode: number;
  command: Buffer;
  /** Absent when the test broke the connection. */
  response?: Buffer;
}

/** What to do with a command: nothing said, it is forwarded and its response returned. */
export type Interference =
  | { respond: Buffer }
  /** Close the connection instead of forwarding. */
  | { drop: 'command' }
  /** Forward, and close the connection instead of returning the response. */
  | { drop: 'response' }
  /** Forward, and return something else. */
  | { change: (response: Buffer) => Buffer }
  /** Forward, and return the response, which the exchange now has, when this settles. */
  | { hold: () => Promise<unknown> };

export class TpmProxy {
  /** For the TCTI: `swtpm:path=...`. */
  readonly tcti: string;
  readonly traffic: Exchange[] = [];
  /** Called for each command; `index` counts the commands since it was set by {@link interfere}. */
  #interference: (exchange: Exchange, index: number) => Interference | undefined = () => undefined;
  #count = 0;
  readonly #path: string;
  readonly #upstream: string;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor(swtpm: Swtpm) {
    this.#upstream = swtpm.socketPath;
    this.#path = join(swtpm.directory, 'proxy.sock');
    this.tcti = `swtpm:path=${this.#path}`;
  }

  static async start(swtpm: Swtpm): Promise<TpmProxy> {
    const proxy = new TpmProxy(swtpm);
    await proxy.#listen(proxy.#path, (socket) => proxy.#serve(socket));
    await proxy.#listen(`${proxy.#path}.ctrl`, (socket) => {
      const upstream = connect(`${proxy.#upstream}.ctrl`);
      upstream.on('error', () => socket.destroy());
      // A client that was killed resets its end, which a pipe does not pass on; swtpm serves nobody else until this one has gone.
      socket.on('close', () => upstream.destroy());
      socket.pipe(upstream).pipe(socket);
    });
    return proxy;
  }

  /** Sets what happens to the commands from now on; without an argument, nothing. */
  interfere(interference: (exchange: Exchange, index: number) => Interference | undefined = () => undefined): void {
    this.#interference = interference;
    this.#count = 0;
  }

  /**
   * At the first command `commandCode` from now on: calls `kill` while the command or its response is held back, then breaks the
   * connection. Settles when `kill` has.
   */
  killAt(commandCode: number, drop: 'command' | 'response', kill: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.interfere((exchange) => {
        if (exchange.commandCode !== commandCode) return undefined;
        this.interfere();
        kill().then(resolve, reject);
        return { drop };
      });
    });
  }

  /** How many commands came since {@link interfere}. */
  get count(): number {
    return this.#count;
  }

  /** Everything that crossed, commands and responses, in order. */
  get bytes(): Buffer {
    return Buffer.concat(this.traffic.flatMap(({ command, response }) => [command, response ?? Buffer.alloc(0)]));
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(
      this.#servers.map((server) => {
        server.close();
        return once(server, 'close');
      }),
    );
    for (const path of [this.#path, `${this.#path}.ctrl`]) rmSync(path, { force: true });
  }

  async #listen(path: string, serve: (socket: Socket) => void): Promise<void> {
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.#sockets.delete(socket));
      serve(socket);
    });
    this.#servers.push(server);
    server.listen(path);
    await once(server, 'listening');
  }

  #serve(socket: Socket): void {
    let received = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      // tag (2), commandSize (4), commandCode (4)
      while (received.length >= 10 && received.length >= received.readUInt32BE(2)) {
        const size = received.readUInt32BE(2);
        const command = received.subarray(0, size);
        received = received.subarray(size);
        void this.#exchange(socket, Buffer.from(command));
      }
    });
  }

  async #exchange(socket: Socket, command: Buffer): Promise<void> {
    const exchange: Exchange = { commandCode: command.readUInt32BE(6), command };
    this.traffic.push(exchange);
    const what = this.#interference(exchange, this.#count++);
    if (what && 'drop' in what && what.drop === 'command') {
      socket.destroy();
      return;
    }
    if (what && 'respond' in what) {
      exchange.response = what.respond;
      socket.write(what.respond);
      return;
    }
    const response = await this.#forward(command);
    if (!response || (what && 'drop' in what)) {
      socket.destroy();
      return;
    }
    exchange.response = what && 'change' in what ? what.change(response) : response;
    if (what && 'hold' in what) await what.hold();
    socket.write(exchange.response);
  }

  /** undefined when the TPM is away. */
  #forward(command: Buffer): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      const upstream = connect(this.#upstream);
      let received = Buffer.alloc(0);
      upstream.on('error', () => resolve(undefined));
      upstream.on('close', () => resolve(undefined));
      upstream.on('connect', () => upstream.write(command));
      upstream.on('data', (chunk) => {
        received = Buffer.concat([received, chunk]);
        if (received.length >= 10 && received.length >= received.readUInt32BE(2)) {
          resolve(received);
          upstream.destroy();
        }
      });
    });
  }
}

/** A response that is only a response code. */
export function errorResponse(rc: number): Buffer {
  const response = Buffer.alloc(10);
  response.writeUInt16BE(0x8001, 0);
  response.writeUInt32BE(10, 2);
  response.writeUInt32BE(rc, 6);
  return response;
}
