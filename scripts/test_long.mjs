// npm run test:long: what takes minutes. The C++ suites under sanitizers and with the scalar kernels alone, loading and running
// models in Node under the address sanitizer, the TypeScript suites on Node 24, then tests/long.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readCommandLine } from './command_line.mjs';
import { ask, root, ScriptError } from './process.mjs';
import { ensureSuites, setUp } from './setup.mjs';
import { chooseStages, runStages } from './stages.mjs';
import { counted, runNative, runVitest } from './tests.mjs';

const HALT = 'halt_on_error=1:abort_on_error=0';
/** Whatever crosses between JavaScript and native code. */
const ACROSS_THE_BINDING = ['tests/src/runtime', 'tests/src/container', 'tests/node-tpm2-tss'];
/** These bound the process's memory, of which the sanitizer keeps what was freed. */
const BOUND_MEMORY = ['tests/src/runtime/session_limits.test.ts', 'tests/src/container/seal_memory.test.ts'];

/** Under the address sanitizer everything takes several times as long. */
const SANITIZED_TIMEOUT_MS = 900_000;
const CONFIG = 'vitest.long.config.ts';

/** @type {import('./stages.mjs').Stage[]} */
const STAGES = [
  { name: 'asan', title: 'C++ suites, address and undefined-behaviour sanitizers', run: suites('asan') },
  { name: 'asan-locked', title: 'the same at memory level locked', run: suites('asan', 'locked') },
  { name: 'tsan', title: 'C++ suites, thread sanitizer', run: suites('tsan') },
  { name: 'scalar', title: 'C++ suites built with the scalar kernels alone', run: suites('scalar') },
  {
    name: 'node-asan',
    title: 'TypeScript suites that use the addons, with those of preset asan',
    run: acrossTheBinding,
  },
  { name: 'node24', title: 'TypeScript suites on Node 24', run: onNode24 },
  {
    name: 'long',
    title: 'tests/long: residency of all models, power cuts',
    run: (results, total) => runVitest({ args: [], config: CONFIG }, results, total),
  },
];

/** @param {string[]} args - stages, or what selects tests of tests/long */
export async function runLongTests(args) {
  const { chosen, others } = readCommandLine('test:long', () => chooseStages(STAGES, args), args);
  if (chosen.length === 0 && others.length === 0) return 0;
  await setUp(others.length > 0 ? 'test' : 'test:long');
  if (chosen.length > 0) return runStages('test:long', chosen);
  return counted((results, total) => runVitest({ args: others, config: CONFIG }, results, total));
}

function suites(preset, level = 'secretmem') {
  const env = {
    ASAN_OPTIONS: HALT,
    UBSAN_OPTIONS: 'print_stacktrace=1',
    TSAN_OPTIONS: `${HALT}:second_deadlock_stack=1`,
  };
  return async (results, total) => {
    await ensureSuites(preset);
    await runNative({ preset, level, env }, results, total);
  };
}

async function acrossTheBinding(results, total) {
  await ensureSuites('asan');
  const args = [
    ...ACROSS_THE_BINDING,
    ...BOUND_MEMORY.flatMap((file) => ['--exclude', file]),
    `--testTimeout=${SANITIZED_TIMEOUT_MS}`,
  ];
  await runVitest({ args, env: sanitizedNode() }, results, total);
}

/** Node is not instrumented: the runtime that the addons want has to be there before them. */
function sanitizedNode() {
  const arch = { x64: 'x86_64', arm64: 'aarch64' }[process.arch];
  const runtime = ask('clang++-19', [`-print-file-name=libclang_rt.asan-${arch}.so`])?.trim();
  if (!runtime || !existsSync(runtime)) {
    throw new ScriptError('the address sanitizer of clang 19 is missing: install libclang-rt-19-dev');
  }
  return {
    LD_PRELOAD: runtime,
    // Node frees little at exit, and what it keeps would be called leaked; tests/long bounds our own growth.
    ASAN_OPTIONS: `${HALT}:detect_leaks=0`,
    SEALEDGE_NATIVE_BUILD: join(root, 'native/build/asan'),
  };
}

/** The other Node that is promised to work; set-up installed it (tests/node24). */
async function onNode24(results, total) {
  const node = join(root, `tests/node24/node_modules/node-linux-${process.arch}/bin/node`);
  if (!existsSync(node)) throw new ScriptError(`Node 24 is missing: ${node}`);
  await runVitest({ args: [], node }, results, total);
}
