/** Reads the memory of another process through /proc/PID/mem, as root or a debugger would. */

import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

interface Mapping {
  begin: bigint;
  end: bigint;
  name: string;
  residentKiB: number;
}

function mappings(pid: number): Mapping[] {
  const found: Mapping[] = [];
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+ *(.*)$/.exec(line);
    if (range) {
      const [, begin, end, name = ''] = range;
      found.push({ begin: BigInt(`0x${begin}`), end: BigInt(`0x${end}`), name, residentKiB: 0 });
    }
    const size = /^(?:Rss|Swap): +(\d+) kB/.exec(line);
    const mapping = found.at(-1);
    if (size && mapping) mapping.residentKiB += Number(size[1]);
  }
  return found;
}

/** Where any of `needles` (of one length) is in the memory of a process, outside of `except`. */
export function findInMemory(
  pid: number,
  needles: readonly Buffer[],
  except: readonly { begin: bigint; sizeBytes: number }[],
): string[] {
  const found: string[] = [];
  const file = openSync(`/proc/${pid}/mem`, 'r');
  const chunk = Buffer.alloc(1 << 22);
  const overlap = BigInt(needles[0]?.length ?? 0);
  try {
    for (const { begin, end, name, residentKiB } of mappings(pid)) {
      // Reserved and never touched: V8 reserves gigabytes.
      if (residentKiB === 0) continue;
      if (except.some((region) => begin >= region.begin && end <= region.begin + BigInt(region.sizeBytes))) continue;
      for (let at = begin; at < end; at += BigInt(chunk.length) - overlap) {
        const want = Number(end - at < BigInt(chunk.length) ? end - at : BigInt(chunk.length));
        let got: number;
        try {
          got = readSync(file, chunk, 0, want, at);
        } catch {
          break; // secret memory, vvar: not readable even so
        }
        for (const needle of needles) {
          if (chunk.subarray(0, got).includes(needle)) found.push(`${name || 'anonymous'} at 0x${at.toString(16)}`);
        }
      }
    }
  } finally {
    closeSync(file);
  }
  return found;
}
