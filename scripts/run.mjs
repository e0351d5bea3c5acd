// The one entry of every npm script: readies what the command needs, then runs it. Depends on nothing but Node.
import { asksForHelp, checkCommandLine, overview } from './command_line.mjs';
import { run, ScriptError, say } from './process.mjs';
import { setUp } from './setup.mjs';

// onnxruntime-node reports its use to its maker and leaves files of that in /tmp; not from here.
process.env.ORT_DISABLE_TELEMETRY = '1';

const tsx = (file, args) => run(process.execPath, ['--import', 'tsx', file, ...args]);

const commands = {
  async start(args) {
    await setUp('start');
    return tsx('examples/main_job/main.ts', args);
  },
  async test(args) {
    await setUp('test');
    const { runTests } = await import('./tests.mjs');
    return runTests(args);
  },
  async 'test:long'(args) {
    const { runLongTests } = await import('./test_long.mjs');
    return runLongTests(args);
  },
  async 'test:onnx'(args) {
    await setUp('test:onnx');
    return tsx('tests/conformance/run.ts', args);
  },
  async 'docs:operators'() {
    await setUp('test:onnx');
    return tsx('tests/conformance/operators/generate.ts', []);
  },
  async 'test:arm64'(args) {
    const { runArm64Tests } = await import('./test_arm64.mjs');
    return runArm64Tests(args);
  },
  async build() {
    await setUp('build');
    return 0;
  },
  async package() {
    await setUp('build');
    const { packageAll } = await import('./package.mjs');
    return packageAll();
  },
  async lint(args) {
    await setUp('lint');
    const { lint } = await import('./lint.mjs');
    return lint({ deep: args.includes('--deep') });
  },
  async bench(args) {
    await setUp('bench');
    return tsx('benchmarks/run.ts', args);
  },
  async fuzz(args) {
    await setUp('fuzz');
    const { fuzz } = await import('./fuzz.mjs');
    return fuzz(args);
  },
};

const [name, ...args] = process.argv.slice(2);
const command = Object.hasOwn(commands, name ?? '') ? commands[name] : undefined;
if (!command) {
  const asked = asksForHelp([name ?? '']);
  (asked ? process.stdout : process.stderr).write(overview());
  process.exitCode = asked ? 0 : 2;
} else {
  checkCommandLine(name, args);
  try {
    process.exitCode = await command(args);
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    say(`sealedge: ${error.message}`);
    process.exitCode = 1;
  }
}
