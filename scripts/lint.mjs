// npm run lint: every checker, all of their findings, exit code 1 when one objects.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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

/**
 * Our own sources as the release build compiles them, as many at a time as there are processors. Paths are followed less far than
 * the analyzer would by itself, which takes a third of the time; `npm run lint -- --deep` follows them all the way.
 */
const SHALLOW = ['-Xclang', '-analyzer-config', '-Xclang', 'mode=shallow'].map((arg) => `--extra-arg=${arg}`);
const PROGRESS_MS = 30_000;

async function clangTidy(deep) {
  const build = join(root, 'native/build/release');
  const database = join(build, 'compile_commands.json');
  if (!existsSync(database)) return { code: 1, output: `no ${database}: run npm run build` };
  const entries = oncePerVariant(JSON.parse(readFileSync(database, 'utf8')));
  const folder = join(root, 'native/build/lint');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'compile_commands.json'), JSON.stringify(entries));

  const files = [...new Set(entries.map(({ file }) => file))];
  const count = files.length;
  const progress = setInterval(
    () => say(`lint: clang-tidy has begun ${count - files.length} of ${count} files`),
    PROGRESS_MS,
  );
  const depth = deep ? [] : SHALLOW;
  let code = 0;
  let output = '';
  const next = async () => {
    for (let file = files.pop(); file; file = files.pop()) {
      const result = await collect('clang-tidy-19', [
        '-p',
        folder,
        '--quiet',
        '--warnings-as-errors=*',
        ...depth,
        file,
      ]);
      if (result.code !== 0) {
        code = 1;
        output += result.output.replace(/^\d+ warnings? generated\.\n/gm, '');
      }
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, next));
  clearInterval(progress);
  return { code, output };
}

/**
 * clang-tidy looks at a file as often as the build compiles it, for the addon, for linear_test, for the fuzzers. Here each is looked at
 * as it ships, and once more with the test hooks where it knows of them; without precompiled headers, which lint does not build.
 */
function oncePerVariant(entries) {
  const variants = new Map();
  for (const entry of entries) {
    if (!entry.file.startsWith(join(root, 'native/')) || !existsSync(entry.file)) continue;
    const key = `${entry.file}\0${entry.command.includes('SEALEDGE_TEST_HOOKS')}`;
    const command = entry.command.replace(/ -Winvalid-pch| -Xclang -include(-pch)? -Xclang \S+/g, '');
    if (!variants.has(key) || variants.get(key).command.includes('-fsanitize'))
      variants.set(key, { ...entry, command });
  }
  return [...variants.values()];
}
