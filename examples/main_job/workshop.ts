import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The folder and the processes of one run. Whatever happens, nothing of it is left behind. */
export class Workshop {
  readonly directory: string;
  readonly #keep: boolean;
  readonly #work: Promise<unknown>[] = [];
  readonly #closers: (() => Promise<void>)[] = [];
  #closing: Promise<void> | undefined;

  constructor(keep: string | undefined) {
    this.#keep = keep !== undefined;
    if (keep !== undefined) mkdirSync(keep, { recursive: true, mode: 0o700 });
    this.directory = keep ?? mkdtempSync(join(tmpdir(), 'sealedge-main-job-'));
  }

  path(...names: string[]): string {
    return join(this.directory, ...names);
  }

  /** Ends `thing` with the workshop, the last one first. */
  adopt<T extends { stop(): Promise<void> }>(thing: T): T {
    this.#closers.push(() => thing.stop());
    return thing;
  }

  /** Lets work go on beside the main story; it is waited for before anything is taken down, so that it leaves nothing behind. */
  meanwhile<T>(work: Promise<T>): Promise<T> {
    this.#work.push(work.catch(() => {}));
    return work;
  }

  /** Repeatable: whoever calls it waits for all of it, a signal's handler and the story that it has interrupted alike. */
  close(): Promise<void> {
    this.#closing ??= this.#takeDown();
    return this.#closing;
  }

  async #takeDown(): Promise<void> {
    // What waits for a process that a signal has ended may wait for ever: it gets some time, and a timer keeps this process.
    let patience: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      patience = setTimeout(resolve, 20_000);
    });
    await Promise.race([Promise.all(this.#work), late]);
    clearTimeout(patience);
    try {
      for (let closer = this.#closers.pop(); closer; closer = this.#closers.pop()) {
        await closer().catch((cause: unknown) => process.stderr.write(`taking down: ${String(cause)}\n`));
      }
    } finally {
      if (!this.#keep) rmSync(this.directory, { recursive: true, force: true });
    }
  }
}
