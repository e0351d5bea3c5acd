// npm run lint: every checker, all of their findings, exit code 1 when one objects.
import { join } from 'node:path';
import { clangTidy } from './clang_tidy.mjs';
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
  // All at once, because most of them know one processor only; told in order.
  const outcomes = checks.map(([, check]) => check());
  for (const [index, [name]] of checks.entries()) {
    const { code, output } = await outcomes[index];
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
