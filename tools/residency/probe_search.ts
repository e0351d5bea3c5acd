/** Bytes that must not be found, with a name for the report. At least {@link PROBE_MIN_BYTES} long. */
export interface Probe {
  name: string;
  bytes: Uint8Array;
}

export const PROBE_MIN_BYTES = 16;

/**
 * Finds many byte strings at every offset of a buffer in one pass: a bit table over the first two bytes rejects almost
 * every offset, a map over the first four leads to the few probes to compare. About a gigabyte per second.
 */
export class ProbeSearch {
  readonly longest: number;
  readonly #first = new Uint8Array(65_536);
  readonly #byPrefix = new Map<number, Probe[]>();

  constructor(probes: readonly Probe[]) {
    let longest = 0;
    for (const probe of probes) {
      if (probe.bytes.length < PROBE_MIN_BYTES)
        throw new Error(`probe ${probe.name} is shorter than ${PROBE_MIN_BYTES} bytes`);
      longest = Math.max(longest, probe.bytes.length);
      const [a = 0, b = 0, c = 0, d = 0] = probe.bytes;
      this.#first[a | (b << 8)] = 1;
      const prefix = (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
      const bucket = this.#byPrefix.get(prefix);
      if (bucket) bucket.push(probe);
      else this.#byPrefix.set(prefix, [probe]);
    }
    this.longest = longest;
  }

  /** Calls `onHit` for every probe that lies wholly within the first `length` bytes, starting at or after `from`. */
  search(buffer: Uint8Array, length: number, from: number, onHit: (probe: Probe, offset: number) => void): void {
    const first = this.#first;
    const end = length - PROBE_MIN_BYTES;
    let low = buffer[from] ?? 0;
    for (let i = from; i <= end; i += 1) {
      const high = buffer[i + 1] as number;
      if (first[low | (high << 8)] === 1) this.#compare(buffer, length, i, onHit);
      low = high;
    }
  }

  #compare(buffer: Uint8Array, length: number, at: number, onHit: (probe: Probe, offset: number) => void): void {
    const [a = 0, b = 0, c = 0, d = 0] = buffer.subarray(at, at + 4);
    const bucket = this.#byPrefix.get((a | (b << 8) | (c << 16) | (d << 24)) >>> 0);
    if (!bucket) return;
    for (const probe of bucket) {
      if (at + probe.bytes.length > length) continue;
      if (probe.bytes.every((byte, i) => buffer[at + i] === byte)) onHit(probe, at);
    }
  }
}
