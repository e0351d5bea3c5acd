import { performance } from 'node:perf_hooks';
import { type Probe, ProbeSearch } from './probe_search.js';
import { isKernelMapping, type Mapping, readMaps } from './proc_maps.js';
import { ProcessMemory } from './proc_memory.js';
import { whileStopped } from './stopped_process.js';

/** A range that the process under scan says is secret memory (`secretMemoryReport().regions`). */
export interface SecretRegion {
  begin: number;
  sizeBytes: number;
  purpose: string;
}

interface Hit {
  probe: string;
  address: string;
  mapping: string;
}

export interface ScanReport {
  mappings: number;
  bytesRead: number;
  durationMs: number;
  /** Probes found in memory that is not registered as secret: each is a leak. */
  hits: Hit[];
  /** Probes found in registered secret regions that the scanner could read (memory level `locked`, read by root). */
  hitsInSecretRegions: Hit[];
  /** Mappings whose pages the kernel would not hand out, its own ([vvar] and the like) left out. */
  unreadable: { begin: string; sizeBytes: number; path: string }[];
  /** Unreadable mappings that no registered region explains, and registered regions that could be read. */
  unreadableNotRegistered: string[];
  registeredReadable: string[];
}

const PAGE = 4096;
const CHUNK = 4 * 1024 * 1024;

/** Stops every thread of `pid`, reads all of its memory through /proc/PID/mem and looks for every probe at every offset. */
export function scanProcess(
  pid: number,
  probes: readonly Probe[],
  regions: readonly SecretRegion[],
): Promise<ScanReport> {
  return whileStopped(pid, () => {
    const memory = new ProcessMemory(pid);
    try {
      return new Scan(memory, new ProbeSearch(probes), regions).run(readMaps(pid));
    } finally {
      memory.close();
    }
  });
}

class Scan {
  readonly #memory: ProcessMemory;
  readonly #search: ProbeSearch;
  readonly #regions: readonly SecretRegion[];
  readonly #report: ScanReport;
  readonly #chunk = Buffer.allocUnsafe(CHUNK);

  constructor(memory: ProcessMemory, search: ProbeSearch, regions: readonly SecretRegion[]) {
    this.#memory = memory;
    this.#search = search;
    this.#regions = regions;
    this.#report = {
      mappings: 0,
      bytesRead: 0,
      durationMs: 0,
      hits: [],
      hitsInSecretRegions: [],
      unreadable: [],
      unreadableNotRegistered: [],
      registeredReadable: [],
    };
  }

  run(mappings: readonly Mapping[]): ScanReport {
    const began = performance.now();
    for (const mapping of mappings) {
      this.#report.mappings += 1;
      if (!this.#scanMapping(mapping) && !isKernelMapping(mapping)) this.#noteUnreadable(mapping);
    }
    for (const region of this.#regions) {
      if (this.#memory.isReadable(region.begin))
        this.#report.registeredReadable.push(`${hex(region.begin)} ${region.purpose}`);
    }
    this.#report.durationMs = performance.now() - began;
    return this.#report;
  }

  /** False when some page of the mapping exists and cannot be read. */
  #scanMapping(mapping: Mapping): boolean {
    let readable = true;
    for (const range of this.#memory.populatedRanges(mapping)) {
      // Chunks overlap, so that a probe across their border is seen whole in one of them.
      for (let at = range.begin; at < range.end; ) {
        const got = this.#memory.read(at, this.#chunk, Math.min(CHUNK, range.end - at));
        if (got === 0) {
          readable = false;
          at = (Math.floor(at / PAGE) + 1) * PAGE;
          continue;
        }
        this.#report.bytesRead += got;
        this.#search.search(this.#chunk, got, 0, (probe, offset) => this.#noteHit(probe, at + offset, mapping));
        if (at + got >= range.end) break;
        at += Math.max(got - this.#search.longest + 1, 1);
      }
    }
    return readable;
  }

  #noteHit(probe: Probe, address: number, mapping: Mapping): void {
    const hit = {
      probe: probe.name,
      address: hex(address),
      mapping: mapping.path || `anonymous ${mapping.permissions}`,
    };
    const list = this.#regionAt(address) ? this.#report.hitsInSecretRegions : this.#report.hits;
    if (!list.some((known) => known.address === hit.address && known.probe === hit.probe)) list.push(hit);
  }

  #noteUnreadable(mapping: Mapping): void {
    const entry = { begin: hex(mapping.begin), sizeBytes: mapping.end - mapping.begin, path: mapping.path };
    this.#report.unreadable.push(entry);
    const region = this.#regionAt(mapping.begin);
    if (!region || region.begin !== mapping.begin || region.sizeBytes !== entry.sizeBytes) {
      this.#report.unreadableNotRegistered.push(`${entry.begin} ${entry.sizeBytes} bytes ${entry.path}`);
    }
  }

  #regionAt(address: number): SecretRegion | undefined {
    return this.#regions.find((region) => address >= region.begin && address < region.begin + region.sizeBytes);
  }
}

function hex(address: number): string {
  return `0x${address.toString(16)}`;
}
