// The models of the test data with their recorded cases: how far each is from its reference.
import { asksForHelp } from '../../scripts/command_line.mjs';
import { runtimeInfo } from '../../src/index.js';
import {
  type CaseResult,
  findReferenceModels,
  modelsFolder,
  type ReferenceModel,
  runReferenceModel,
} from './reference.js';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function outcome(model: ReferenceModel): Promise<{ passed: boolean; text: string }> {
  const began = performance.now();
  let results: CaseResult[];
  try {
    results = await runReferenceModel(model);
  } catch (error) {
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    return { passed: false, text: reason };
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const wrong = results.find((result) => result.wrong !== '');
  if (wrong) return { passed: false, text: `case ${wrong.name}, ${wrong.wrong}` };
  const largest = Math.max(...results.map((result) => result.largestDifference));
  return { passed: true, text: `${results.length} cases, largest difference ${largest.toPrecision(3)}, ${seconds} s` };
}

const USAGE = `usage: node --import tsx tests/models/run.ts [PART ...]
Every model of $SEALEDGE_TEST_DATA/models (default ../shared/models) whose name has one of the parts, with its recorded cases: what
passes, and the largest difference. Exit code 1 when one does not pass.`;

const parts = process.argv.slice(2);
if (parts.some((part) => part.startsWith('-'))) {
  say(USAGE);
  process.exit(asksForHelp(parts) ? 0 : 2);
}
const models = findReferenceModels().filter(
  ({ name }) => parts.length === 0 || parts.some((part) => name.includes(part)),
);
if (models.length === 0 && findReferenceModels().length > 0) {
  say(`no model of ${modelsFolder} has ${parts.join(' or ')} in its name`);
  process.exitCode = 2;
} else if (models.length === 0) say(`skipped: reference models, because there is none in ${modelsFolder}`);
else {
  say(`${process.arch}, ${runtimeInfo().isa} kernels`);
  let passed = 0;
  for (const model of models) {
    const { passed: ok, text } = await outcome(model);
    if (ok) passed += 1;
    say(`${ok ? 'pass' : 'FAIL'}  ${model.name.padEnd(30)} ${text}`);
  }
  say(`${passed} of ${models.length} models pass`);
  process.exitCode = passed === models.length ? 0 : 1;
}
