/** What is known of every case: "pass", or the reason why not. A change in either direction is a failure of the build. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Outcome } from './run_case.js';

export type Manifest = Readonly<Record<string, string>>;
const PASS = 'pass';
const file = join(import.meta.dirname, 'manifest.json');

export function readManifest(): Manifest {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** One line per case that does not do what the manifest says. */
export function departures(manifest: Manifest, outcomes: ReadonlyMap<string, Outcome>): string[] {
  return [...outcomes].flatMap(([name, { result, detail }]) => {
    const listed = manifest[name];
    if (listed === undefined) return [`${name}: is not in the manifest`];
    if (result === 'passed') return listed === PASS ? [] : [`${name}: passes now, listed as: ${listed}`];
    return listed === PASS ? [`${name}: does not pass any more: ${detail}`] : [];
  });
}

/** Reasons that people wrote stay as long as the case does not pass; a new one is what the run said. */
export function updateManifest(manifest: Manifest, outcomes: ReadonlyMap<string, Outcome>): void {
  const updated = { ...manifest };
  for (const [name, { result, detail }] of outcomes) {
    const listed = manifest[name];
    updated[name] = result === 'passed' ? PASS : listed === undefined || listed === PASS ? detail : listed;
  }
  const sorted = Object.fromEntries(Object.entries(updated).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify(sorted, null, 2)}\n`);
}
