import { closeSync, openSync, readSync } from 'node:fs';
import type { Mapping } from './proc_maps.js';

const PAGE = 4096;
const PAGEMAP_ENTRY = 8;
const PRESENT_OR_SWAPPED = 0xc0; // bits 63 and 62 of a pagemap entry, in its last byte

/** Another process's memory, read as the kernel has it: pages that were never touched are not read, so not made either. */
export class ProcessMemory {
  readonly #mem: number;
  readonly #pagemap: number;

  constructor(pid: number) {
    this.#mem = openSync(`/proc/${pid}/mem`, 'r');
    this.#pagemap = openSync(`/proc/${pid}/pagemap`, 'r');
  }

  close(): void {
    closeSync(this.#mem);
    closeSync(this.#pagemap);
  }

  /** The runs of pages of `mapping` that exist, in memory or in swap. */
  *populatedRanges(mapping: Mapping): Generator<{ begin: number; end: number }> {
    if (mapping.path === '[vsyscall]') return;
    const entries = Buffer.allocUnsafe(64 * 1024 * PAGEMAP_ENTRY);
    let runBegin = -1;
    let page = mapping.begin / PAGE;
    const lastPage = mapping.end / PAGE;
    while (page < lastPage) {
      const wanted = Math.min(entries.length, (lastPage - page) * PAGEMAP_ENTRY);
      const got = readSync(this.#pagemap, entries, 0, wanted, page * PAGEMAP_ENTRY);
      if (got === 0) break;
      for (let at = 0; at < got; at += PAGEMAP_ENTRY, page += 1) {
        const populated = ((entries[at + 7] ?? 0) & PRESENT_OR_SWAPPED) !== 0;
        if (populated && runBegin < 0) runBegin = page;
        if (!populated && runBegin >= 0) {
          yield { begin: runBegin * PAGE, end: page * PAGE };
          runBegin = -1;
        }
      }
    }
    if (runBegin >= 0) yield { begin: runBegin * PAGE, end: lastPage * PAGE };
  }

  /** Bytes read into `into` from `address` on; 0 when the kernel refuses. */
  read(address: number, into: Buffer, length: number): number {
    try {
      return readSync(this.#mem, into, 0, length, address);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EIO' || code === 'EFAULT') return 0;
      throw error;
    }
  }

  isReadable(address: number): boolean {
    return this.read(address, Buffer.alloc(1), 1) === 1;
  }
}
