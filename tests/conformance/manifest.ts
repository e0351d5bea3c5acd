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

/** Why a case is left out, by what the engine says when it refuses it. */
const reasons: readonly [refusal: RegExp, reason: string][] = [
  [/tensors of string|cast to type (8|STRING)/, 'strings: the engine computes with numbers'],
  [/no dense tensor/, 'sequences and optionals as inputs or outputs: the API has tensors'],
  [/bfloat16/, 'bfloat16 inputs or outputs: JavaScript has no array for them'],
  [/ai\.onnx\.preview\.training/, 'training: the engine runs trained models'],
  [/Bernoulli|RandomNormal|RandomUniform|its output is random/, 'random: there is no result to expect'],
];

/** The outcomes as the manifest of these cases; what has no reason above keeps the words of the run. */
export function updateManifest(manifest: Manifest, outcomes: ReadonlyMap<string, Outcome>): void {
  const updated = { ...manifest };
  for (const [name, { result, detail }] of outcomes) {
    updated[name] = result === 'passed' ? PASS : (reasons.find(([refusal]) => refusal.test(detail))?.[1] ?? detail);
  }
  const sorted = Object.fromEntries(Object.entries(updated).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify(sorted, null, 2)}\n`);
}
