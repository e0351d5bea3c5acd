/**
 * npm run test:onnx.
 * Runs the standard cases of ONNX through InferenceSession and compares with manifest.json. `--filter` takes parts of case
 * names and whole op_types; `--list` prints every case that did not pass with its reason.
 */
import { parseArgs } from 'node:util';
import { COMMAND_LINES, readCommandLine } from '../../scripts/command_line.mjs';
import type { BackendName } from '../../src/index.js';
import { caseFolder, casesInstalled, findCases, selectCases } from './cases.js';
import { departures, readManifest, updateManifest } from './manifest.js';
import { runCases } from './pool.js';
import type { Outcome } from './run_case.js';
import { conformanceTable, countAll, countByGroup } from './table.js';

const DEPARTURES_SHOWN = 40;
const say = (line: string): void => void process.stderr.write(`${line}\n`);

const { values } = readCommandLine('test:onnx', () => parseArgs(COMMAND_LINES['test:onnx'].syntax));

/** What was asked for makes no sense: one line, no stack. */
function endWith(error: unknown): never {
  say(`test:onnx: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(2);
}

function backendsNamed(name: string): BackendName[] {
  if (name === 'both') return ['native', 'onnxruntime'];
  if (name === 'native' || name === 'onnxruntime') return [name];
  throw new Error(`--backend: expected native, onnxruntime or both, got ${name}`);
}

function jobsNamed(text: string): number {
  const jobs = Number(text);
  if (!Number.isInteger(jobs) || jobs < 1) throw new Error(`--jobs: expected a number from 1, got ${text}`);
  return jobs;
}

async function main(): Promise<number> {
  if (!casesInstalled()) {
    say(`skipped: ONNX conformance, because ${caseFolder} is absent (Debian's package libonnx-testdata)`);
    return 0;
  }
  const cases = selectCases(findCases(), values.filter);
  if (cases.length === 0) throw new Error(`--filter: no case matches ${values.filter}`);
  const outcomes = new Map<BackendName, Map<string, Outcome>>();
  for (const backend of backendsNamed(values.backend)) {
    const began = Date.now();
    outcomes.set(
      backend,
      await runCases(cases, backend, values.jobs === undefined ? {} : { jobs: jobsNamed(values.jobs) }),
    );
    const { passed } = countAll(outcomes.get(backend) ?? new Map());
    say(`${backend}: ${passed} of ${cases.length} cases pass, ${((Date.now() - began) / 1000).toFixed(1)} s`);
  }

  if (values.json) process.stdout.write(`${JSON.stringify(report(outcomes), null, 2)}\n`);
  else {
    const counts = new Map([...outcomes].map(([backend, results]) => [backend, countByGroup(cases, results)]));
    process.stdout.write(`${conformanceTable(counts)}\n`);
    if (values.list) for (const line of notPassed(outcomes)) process.stdout.write(`${line}\n`);
  }

  const native = outcomes.get('native');
  if (native === undefined) return 0;
  if (values.update) {
    updateManifest(readManifest(), native);
    return 0;
  }
  const changed = departures(readManifest(), native);
  for (const line of changed.slice(0, DEPARTURES_SHOWN)) say(line);
  if (changed.length > DEPARTURES_SHOWN) say(`and ${changed.length - DEPARTURES_SHOWN} more`);
  return changed.length === 0 ? 0 : 1;
}

function report(outcomes: ReadonlyMap<BackendName, ReadonlyMap<string, Outcome>>): object {
  return Object.fromEntries(
    [...outcomes].map(([backend, results]) => [
      backend,
      { ...countAll(results), outcomes: Object.fromEntries(results) },
    ]),
  );
}

function notPassed(outcomes: ReadonlyMap<BackendName, ReadonlyMap<string, Outcome>>): string[] {
  return [...outcomes].flatMap(([backend, results]) =>
    [...results]
      .filter(([, { result }]) => result !== 'passed')
      .map(([name, { result, detail }]) => `${backend} ${result} ${name}: ${detail}`),
  );
}

process.exitCode = await main().catch(endWith);
