// npm run test:long: what takes minutes. The C++ suites under sanitizers and with the scalar kernels alone, loading and running
// models in Node under the address sanitizer, the TypeScript suites on Node 24, then tests/long.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ask, root, ScriptError, say } from './process.mjs';
import { counted, runNative, runVitest } from './tests.mjs';

const HALT = 'halt_on_error=1:abort_on_error=0';
/** Whatever crosses between JavaScript and native code. */
const ACROSS_THE_BINDING = ['tests/src/runtime', 'tests/src/container', 'tests/node-tpm2-tss'];
/** These bound the process's memory, of which the sanitizer keeps what was freed. */
const BOUND_MEMORY = ['tests/src/runtime/session_limits.test.ts', 'tests/src/container/seal_memory.test.ts'];

/** Under the address sanitizer everything takes several times as long. */
const SANITIZED_TIMEOUT_MS = 900_000;

/** @param {string[]} args - when given, select from tests/long, and nothing else runs */
export function runLongTests(args) {
  return counted(async (results, total) => {
    if (args.length === 0) {
      const env = {
        ASAN_OPTIONS: HALT,
        UBSAN_OPTIONS: 'print_stacktrace=1',
        TSAN_OPTIONS: `${HALT}:second_deadlock_stack=1`,
      };
      await runNative({ preset: 'asan', level: 'secretmem', env }, results, total);
      await runNative({ preset: 'asan', level: 'locked', env }, results, total);
      await runNative({ preset: 'tsan', level: 'secretmem', env }, results, total);
      await runNative({ preset: 'scalar', level: 'secretmem' }, results, total);
      say('test: Node with the addons of preset asan');
      const across = [
        ...ACROSS_THE_BINDING,
        ...BOUND_MEMORY.flatMap((file) => ['--exclude', file]),
        `--testTimeout=${SANITIZED_TIMEOUT_MS}`,
      ];
      await runVitest({ args: across, env: sanitizedNode() }, results, total);
    }
    if (args.length === 0) {
      say('test: TypeScript suites on Node 24');
      await runVitest({ args: [], node: node24() }, results, total);
    }
    await runVitest({ args, config: 'vitest.long.config.ts' }, results, total);
  });
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
function node24() {
  const path = join(root, `tests/node24/node_modules/node-linux-${process.arch}/bin/node`);
  if (!existsSync(path)) throw new ScriptError(`Node 24 is missing: ${path}`);
  return path;
}
