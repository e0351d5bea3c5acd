/**
 * node --import tsx tests/models/run.ts [PART ...]: every model of the test data whose name has one of the parts, with its
 * recorded cases: a table of what passes and the largest difference, exit code 1 if anything does not pass.
 */
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

const parts = process.argv.slice(2);
const models = findReferenceModels().filter(
  ({ name }) => parts.length === 0 || parts.some((part) => name.includes(part)),
);
if (models.length === 0) say(`skipped: reference models, because there is none in ${modelsFolder}`);
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
