import { readFileSync } from 'node:fs';

/** One line of /proc/PID/maps (proc_pid_maps(5)). User addresses are below 2^47, so a number holds them. */
export interface Mapping {
  begin: number;
  end: number;
  permissions: string;
  /** File, `[stack]`, `/secretmem (deleted)`, or empty for anonymous memory. */
  path: string;
}

export function readMaps(pid: number): Mapping[] {
  return readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n').filter(Boolean).map(parseLine);
}

function parseLine(line: string): Mapping {
  const match = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \d+ *(.*)$/.exec(line);
  if (!match) throw new Error(`/proc/PID/maps: cannot parse ${line}`);
  const [, begin = '', end = '', permissions = '', path = ''] = match;
  return { begin: Number.parseInt(begin, 16), end: Number.parseInt(end, 16), permissions, path };
}

/** The kernel's own pages: code and clock data that it maps into every process, not readable through /proc/PID/mem. */
export function isKernelMapping(mapping: Mapping): boolean {
  return ['[vvar]', '[vvar_vclock]', '[vsyscall]'].includes(mapping.path);
}
