// npm test: the C++ suites through ctest, then the TypeScript suites through vitest, counted together.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
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

/** C++ suites of one preset at one level of secret memory (design decision 1): all, or those of the rooms in `only`. */
export async function runNative({ level, preset = 'release', env = {}, only = [] }, results, total) {
  const build = join(root, 'native/build', preset);
  const isa = env.SEALEDGE_ISA === undefined ? '' : `, ${env.SEALEDGE_ISA} kernels`;
  const folder = mkdtempSync(join(results, 'native-'));
  const selected = ['--test-dir', build, ...(only.length > 0 ? ['-R', `^(${only.join('|')})$`] : [])];
  const suites = JSON.parse(ask('ctest', [...selected, '--show-only=json-v1']) ?? '{"tests":[]}').tests;
  const built = preset === 'release' ? '' : `, preset ${preset}`;
  say(`test: ${suites.length} C++ suites at memory level ${level}${built}${isa}`);
  const code = await run('ctest', [...selected, '--output-on-failure', '-j', String(availableParallelism())], {
    env: { ...env, GTEST_OUTPUT: `json:${folder}/`, SEALEDGE_MEMORY: level },
  });
  const reasons = reasonsForSkipping(join(build, 'Testing/Temporary/LastTest.log'));
  const reports = reportsIn(folder);
  for (const report of reports) {
    const skipped = report.testsuites.flatMap((s) => s.testsuite).filter((t) => t.result === 'SKIPPED');
    for (const { classname, name } of skipped) {
      const reason = reasons.get(`${classname}.${name}`);
      say(`skipped: ${classname}.${name}${reason === undefined ? '' : `, ${reason}`}`);
    }
    total.passed += report.tests - report.failures - report.errors - report.disabled - skipped.length;
    total.failed += report.failures + report.errors;
    total.skipped += report.disabled + skipped.length;
  }
  // A suite that crashed wrote no report.
  const silent = suites.length - reports.length;
  const named = reports.some((report) => report.failures + report.errors > 0);
  total.failed += Math.max(silent, code !== 0 && !named ? 1 : 0);
}

/** By name of test, what GTEST_SKIP was given: the JSON reports of GoogleTest 1.12 leave it out, ctest's log has it. */
function reasonsForSkipping(log) {
  const text = existsSync(log) ? readFileSync(log, 'utf8') : '';
  const skips = text.matchAll(/: Skipped\n(.*)\n\n?\[ {2}SKIPPED \] (\S+)/g);
  return new Map([...skips].map(([, reason, name]) => [name, reason]));
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
