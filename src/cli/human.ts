/** Sizes and durations for people. */

export function humanBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** `name   value` lines, names padded to one width; undefined values are left out. */
export function humanTable(rows: readonly (readonly [string, string | undefined])[]): string {
  const present = rows.filter(([, value]) => value !== undefined);
  const width = Math.max(...present.map(([name]) => name.length));
  return present.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}

/** A callback for long work: a line on stderr for every tenth part, and none when it takes no time. */
export function progressPrinter(what: string, print: (text: string) => void): (done: number, total: number) => void {
  const started = performance.now();
  let shown = 0;
  return (done, total) => {
    const tenth = total === 0 ? 10 : Math.floor((10 * done) / total);
    if (tenth <= shown || performance.now() - started < 1000) return;
    shown = tenth;
    print(`${what}: ${tenth * 10} % of ${humanBytes(total)}`);
  };
}

export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
