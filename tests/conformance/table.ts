import type { ConformanceCase } from './cases.js';
import type { Outcome } from './run_case.js';

export interface Count {
  cases: number;
  passed: number;
  failed: number;
  unsupported: number;
}

/** Per operator, in order of name. */
export function countByGroup(
  cases: readonly ConformanceCase[],
  outcomes: ReadonlyMap<string, Outcome>,
): Map<string, Count> {
  const groups = [...new Set(cases.map(({ group }) => group))].sort();
  const counts = new Map<string, Count>(groups.map((group) => [group, none()]));
  for (const { name, group } of cases) add(counts.get(group) as Count, outcomes.get(name));
  return counts;
}

export function countAll(outcomes: ReadonlyMap<string, Outcome>): Count {
  const count = none();
  for (const outcome of outcomes.values()) add(count, outcome);
  return count;
}

/** A row per operator: cases, then passed, failed and not supported of each backend side by side. */
export function conformanceTable(backends: ReadonlyMap<string, ReadonlyMap<string, Count>>): string {
  const header = ['operator', 'cases', ...[...backends.keys()].flatMap((name) => [`${name}: passed`, 'failed', 'no'])];
  const [first] = backends.values();
  const groups = [...(first?.keys() ?? [])];
  const rows = [...groups, 'total'].map((group) => {
    const counts = [...backends.values()].map((byGroup) => byGroup.get(group) ?? sum([...byGroup.values()]));
    return [group, counts[0]?.cases ?? 0, ...counts.flatMap((c) => [c.passed, c.failed, c.unsupported])].map(String);
  });
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ');
  const total = rows.pop() as string[];
  return [line(header), ...rows.map(line), '', line(total)].join('\n');
}

function none(): Count {
  return { cases: 0, passed: 0, failed: 0, unsupported: 0 };
}

function add(count: Count, outcome: Outcome | undefined): void {
  count.cases += 1;
  if (outcome) count[outcome.result] += 1;
}

function sum(counts: readonly Count[]): Count {
  return counts.reduce<Count>((total, count) => {
    for (const key of Object.keys(total) as (keyof Count)[]) total[key] += count[key];
    return total;
  }, none());
}
