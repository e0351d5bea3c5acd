// npm test: the C++ suites through ctest, then the TypeScript suites through vitest, counted together.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, bin, root, run, say } from './process.mjs';

/** @returns the exit code: 0 only when something ran and nothing failed. */
export function runTests(args) {
  return counted(async (results, total) => {
    // A filter names TypeScript tests; the C++ suites have none, so they run only in full.
    if (args.length > 0) say('test: the C++ suites are left out, because arguments select TypeScript tests');
    else for (const level of ['secretmem', 'locked']) await runNative({ level }, results, total);
    await runVitest({ args }, results, total);
  });
}

/** Calls `run(results, total)`: a folder for reports, and what the functions below count into. */
export async function counted(run) {
  const results = mkdtempSync(join(tmpdir(), 'sealedge-results-'));
  const total = { passed: 0, failed: 0, skipped: 0 };
  try {
    await run(results, total);
  } finally {
    rmSync(results, { recursive: true, force: true });
  }
  if (total.skipped > 0) say(`${total.skipped} skipped (named above)`);
  process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

/** Every C++ suite of one preset at one level of secret memory (design decision 1). */
export async function runNative({ level, preset = 'release', env = {} }, results, total) {
  const build = join(root, 'native/build', preset);
  const folder = join(results, `${preset}-${level}`);
  const suites = JSON.parse(ask('ctest', ['--test-dir', build, '--show-only=json-v1']) ?? '{"tests":[]}').tests;
  say(`test: ${suites.length} C++ suites at memory level ${level}${preset === 'release' ? '' : `, preset ${preset}`}`);
  const code = await run('ctest', ['--test-dir', build, '--output-on-failure', '-j', String(availableParallelism())], {
    env: { ...env, GTEST_OUTPUT: `json:${folder}/`, SEALEDGE_MEMORY: level },
  });
  const reports = reportsIn(folder);
  for (const report of reports) {
    const skipped = report.testsuites.flatMap((s) => s.testsuite).filter((t) => t.result === 'SKIPPED');
    for (const test of skipped) say(`skipped: ${test.classname}.${test.name}`);
    total.passed += report.tests - report.failures - report.errors - report.disabled - skipped.length;
    total.failed += report.failures + report.errors;
    total.skipped += report.disabled + skipped.length;
  }
  // A suite that crashed wrote no report.
  const silent = suites.length - reports.length;
  const named = reports.some((report) => report.failures + report.errors > 0);
  total.failed += Math.max(silent, code !== 0 && !named ? 1 : 0);
}

function reportsIn(folder) {
  try {
    return readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')));
  } catch {
    return [];
  }
}

/** The TypeScript suites that `config` includes and `args` select, on `node`; so are the processes that they start. */
export async function runVitest(
  { args, config = 'vitest.config.ts', env = {}, node = process.execPath },
  results,
  total,
) {
  const file = join(results, 'vitest.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  rmSync(file, { force: true });
  const code = await run(node, [bin('vitest'), 'run', '--config', config, ...reporters, ...args], { env });
  let report = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] };
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    // vitest ended before its report: counted as one failure below.
  }
  // A file that fails to load has no tests of its own to count.
  const unloaded = report.testResults.filter(
    (f) => f.status === 'failed' && !f.assertionResults.some((t) => t.status === 'failed'),
  );
  for (const f of report.testResults) {
    for (const t of f.assertionResults)
      if (t.status === 'skipped' || t.status === 'pending') say(`skipped: ${t.fullName}`);
  }
  const failed = report.numFailedTests + unloaded.length;
  total.passed += report.numPassedTests;
  total.failed += code !== 0 && failed === 0 ? 1 : failed;
  total.skipped += report.numPendingTests + report.numTodoTests;
}
