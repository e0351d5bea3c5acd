import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Probe, ProbeSearch } from '../../../tools/residency/probe_search.js';

const CHUNK = 4 * 1024 * 1024;

/** Which of the probes are in a core dump of `pid`, taken by gdb as root: memory that may be dumped, and all registers. */
export function probesInCoreDump(pid: number, probes: readonly Probe[]): Set<string> {
  const directory = mkdtempSync(join(tmpdir(), 'sealedge-core-'));
  try {
    execFileSync('gcore', ['-o', join(directory, 'core'), String(pid)], { stdio: 'pipe' });
    return probesInFile(join(directory, `core.${pid}`), probes);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A dump is mostly untouched address space: chunks of zeros are passed over. */
function probesInFile(path: string, probes: readonly Probe[]): Set<string> {
  const found = new Set<string>();
  const search = new ProbeSearch(probes);
  const zeros = Buffer.alloc(CHUNK);
  const chunk = Buffer.alloc(CHUNK);
  const file = openSync(path, 'r');
  const { size } = statSync(path);
  for (let at = 0; at < size; at += CHUNK - search.longest + 1) {
    const length = readSync(file, chunk, 0, CHUNK, at);
    if (chunk.compare(zeros, 0, length, 0, length) === 0) continue;
    search.search(chunk, length, 0, ({ name }) => found.add(name));
  }
  closeSync(file);
  return found;
}
