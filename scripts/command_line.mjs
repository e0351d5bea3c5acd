// How the commands of package.json are called. Checked before anything is set up, so that a wrong option costs no build; the programs
// behind the commands read the same table when they are started without npm.
import { parseArgs } from 'node:util';

const TESTS = `[what vitest takes]
Arguments select TypeScript tests, as vitest does it: a part of a file's path, -t PART OF A TEST'S NAME.`;

const STAGES = `--list       the stages, in order
  --only A,B   these stages
  --from A     this stage and those after it, for instance where an earlier run stopped`;

/** First line: the arguments. A command without `syntax` hands its arguments to another program. */
export const COMMAND_LINES = /** @type {const} */ ({
  start: {
    usage: `[--json] [--keep DIR]
The whole way of a model, every party a process of its own: sealed, attested, released, run; then the attacker's tries.
  --json       the report as one object on standard output (npm start --silent -- --json)
  --keep DIR   leave keys, sealed files, TPM states and logs in DIR`,
    syntax: { options: { json: { type: 'boolean', default: false }, keep: { type: 'string' } } },
  },
  test: { usage: `${TESTS}\nWithout arguments everything runs, the C++ suites too.` },
  'test:long': {
    usage: `[--list | --only STAGE[,STAGE] | --from STAGE | what vitest takes]
Sanitizers, Node 24, where all models' weights are, power cuts, in stages; about an hour on four cores.
  ${STAGES}
Other arguments select tests of tests/long, as vitest does it.`,
  },
  'test:onnx': {
    usage: `[--filter PART[,PART]] [--backend native|onnxruntime|both] [--list] [--json] [--update] [--jobs N]
The standard cases of ONNX, compared with tests/conformance/manifest.json; a table per operator.
  --filter PART   parts of names of cases, or whole op_types: --filter LSTM,Conv
  --backend NAME  native (default), onnxruntime, or both
  --list          every case that did not pass, with its reason
  --json          the same as data
  --update        write manifest.json
  --jobs N        processes at a time`,
    syntax: {
      options: {
        filter: { type: 'string' },
        backend: { type: 'string', default: 'native' },
        list: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        update: { type: 'boolean', default: false },
        jobs: { type: 'string' },
      },
    },
  },
  'docs:operators': { usage: '\nWrites docs/OPERATORS.md from the operators that are there.', syntax: {} },
  'test:arm64': {
    usage: `[--list | --only STAGE[,STAGE] | --from STAGE]
Cross-builds for 64-bit Arm and runs suites, models and standard cases emulated, in stages.
  ${STAGES}`,
    syntax: {
      options: {
        list: { type: 'boolean', default: false },
        only: { type: 'string' },
        from: { type: 'string' },
      },
    },
  },
  build: { usage: '\nThe addons and dist/, after which npx sealedge works in this folder.', syntax: {} },
  package: { usage: '\nThe two npm packages, addons inside, into build/packages.', syntax: {} },
  lint: {
    usage: `[--deep]
biome, tsc, knip, clang-format and clang-tidy: all findings of all of them.
  --deep   let clang's analyzer follow paths all the way; three times as long`,
    syntax: { options: { deep: { type: 'boolean', default: false } } },
  },
  bench: {
    usage: `[TRIAL ...] [--model NAME] [--rounds N] [--json]
Trials: latency, threads, load, behaviour, seal, kernels; all when none is named. benchmarks/README.md says how to read them.
  --model NAME   one model of $SEALEDGE_TEST_DATA/models (default ../shared/models), or motor
  --rounds N     how often each of two sides is measured, in turns (default 40)
  --json         data on standard output, progress on standard error`,
    syntax: {
      allowPositionals: true,
      options: {
        model: { type: 'string' },
        rounds: { type: 'string', default: '40' },
        json: { type: 'boolean', default: false },
      },
    },
  },
  fuzz: {
    usage: `--target NAME [--seconds N] [--runs N] [--jobs N]
  --target NAME   one of native/fuzz/NAME_fuzz.cc
  --seconds N     for how long (default 60), or
  --runs N        how many inputs
  --jobs N        processes that share what they find (default 1)`,
    syntax: {
      options: {
        target: { type: 'string' },
        seconds: { type: 'string' },
        runs: { type: 'string' },
        jobs: { type: 'string', default: '1' },
      },
    },
  },
});

/** @param {keyof typeof COMMAND_LINES} name */
const spoken = (name) => (['start', 'test'].includes(name) ? `npm ${name}` : `npm run ${name}`);

/**
 * What `parse` makes of the command line. Ends the process instead, with 0 where help is asked for and with 2 where `parse` throws.
 * @template T
 * @param {keyof typeof COMMAND_LINES} name
 * @param {() => T} parse
 * @param {string[]} [args]
 * @returns {T}
 */
export function readCommandLine(name, parse, args = process.argv.slice(2)) {
  if (asksForHelp(args)) {
    process.stdout.write(`usage: ${spoken(name)}${usageOf(name)}\n`);
    process.exit(0);
  }
  try {
    return parse();
  } catch (error) {
    // parseArgs goes on to explain how to pass what looks like an option.
    const [reason] = (error instanceof Error ? error.message : String(error)).split('. ');
    process.stderr.write(`${spoken(name)}: ${reason}\n${spoken(name)} -- --help says what there is\n`);
    process.exit(2);
  }
}

/** @param {string[]} args */
export function asksForHelp(args) {
  return args.includes('--help') || args.includes('-h');
}

/** @param {keyof typeof COMMAND_LINES} name @param {string[]} args */
export function checkCommandLine(name, args) {
  const line = COMMAND_LINES[name];
  readCommandLine(name, () => 'syntax' in line && parseArgs({ ...line.syntax, args }), args);
}

export function overview() {
  const lines = Object.keys(COMMAND_LINES).map((name) => `  ${spoken(name)}${firstLine(name)}`);
  return `usage:\n${lines.join('\n')}\nEach says more with -- --help.\n`;
}

function usageOf(name) {
  const { usage } = COMMAND_LINES[name];
  return usage.startsWith('\n') ? usage : ` -- ${usage}`;
}

function firstLine(name) {
  return usageOf(name).split('\n')[0];
}
