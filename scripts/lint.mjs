// npm run lint: every checker, all of their findings, exit code 1 when one objects.
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { bin, collect, root, say } from './process.mjs';
import { walk } from './setup.mjs';

export async function lint({ deep = false } = {}) {
  const began = Date.now();
  const cpp = [...walk(join(root, 'native')), ...walk(join(root, 'tests/native'))].filter((f) => /\.(cc|h)$/.test(f));
  const checks = [
    ['biome (TypeScript: format and lint)', () => collect(bin('biome'), ['check', '--error-on-warnings', '.'])],
    ['tsc (types)', () => collect(bin('tsc'), ['--noEmit', '-p', 'tsconfig.json'])],
    ['knip (unused files, exports, dependencies)', () => collect(bin('knip'), ['--no-progress'])],
    ['clang-format (C++)', () => collect('clang-format-19', ['--dry-run', '-Werror', ...cpp])],
    ['clang-tidy (C++)', () => clangTidy(deep)],
  ];
  let failed = 0;
  for (const [name, check] of checks) {
    const { code, output } = await check();
    if (code === 0) say(`ok      ${name}`);
    else {
      failed += 1;
      say(`FAILED  ${name}\n${output}`);
    }
  }
  say(
    `lint: ${failed === 0 ? 'nothing to object' : `${failed} of ${checks.length} checks failed`}, ${((Date.now() - began) / 1000).toFixed(0)} s`,
  );
  return failed === 0 ? 0 : 1;
}

/**
 * Our own sources as the release build compiles them, as many at a time as there are processors. Paths are followed less far than
 * the analyzer would by itself, which takes a third of the time; `npm run lint -- --deep` follows them all the way.
 */
const SHALLOW = ['-Xclang', '-analyzer-config', '-Xclang', 'mode=shallow'].map((arg) => `--extra-arg=${arg}`);

async function clangTidy(deep) {
  const build = join(root, 'native/build/release');
  const database = join(build, 'compile_commands.json');
  if (!existsSync(database)) return { code: 1, output: `no ${database}: run npm run build` };
  const entries = JSON.parse(readFileSync(database, 'utf8')).map((entry) => entry.file);
  // Once each, however many programs a file is compiled for.
  const files = [...new Set(entries)].filter((file) => file.startsWith(join(root, 'native/')) && existsSync(file));
  const depth = deep ? [] : SHALLOW;
  let code = 0;
  let output = '';
  const next = async () => {
    for (let file = files.pop(); file; file = files.pop()) {
      const result = await collect('clang-tidy-19', ['-p', build, '--quiet', '--warnings-as-errors=*', ...depth, file]);
      if (result.code !== 0) {
        code = 1;
        output += result.output.replace(/^\d+ warnings? generated\.\n/gm, '');
      }
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, next));
  return { code, output };
}
