// clang-tidy over our own sources, as the release build compiles them.
//
// Most of what clang-tidy does for one file it does for the library headers that the file includes. So files are read several at a time,
// as units that include them, which takes half of the time. A unit only ever acquits: where something is found in one, or where its files do not
// go together, each of them is looked at by itself, and that decides.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { collect, root, say } from './process.mjs';

const SOURCES = join(root, 'native/');
const RELEASE = join(root, 'native/build/release');
const UNITS = join(root, 'native/build/lint');
const FILES_PER_UNIT = 8;
const PROGRESS_MS = 30_000;
/** Paths are followed less far than the analyzer would by itself, which takes a third of the time. */
const SHALLOW = ['-Xclang', '-analyzer-config', '-Xclang', 'mode=shallow'].map((arg) => `--extra-arg=${arg}`);

/** @param {boolean} deep - each file by itself, and paths all the way */
export async function clangTidy(deep) {
  const database = join(RELEASE, 'compile_commands.json');
  if (!existsSync(database)) return { code: 1, output: `no ${database}: run npm run build` };
  const entries = oncePerVariant(JSON.parse(readFileSync(database, 'utf8')));
  const units = deep ? entries.map((entry) => [entry]) : together(entries);
  rmSync(UNITS, { recursive: true, force: true });

  if (await findsNothing(entries[0]))
    return {
      code: 1,
      output: 'clang-tidy did not find the defect that was planted for it: what else it does not find proves nothing',
    };
  const waiting = units.map((members, number) => ({ members, name: `unit_${number}` }));
  let done = 0;
  const progress = setInterval(
    () => say(`lint: clang-tidy has looked at ${done} of ${entries.length} files`),
    PROGRESS_MS,
  );
  let code = 0;
  let output = '';
  const next = async () => {
    for (let unit = waiting.pop(); unit; unit = waiting.pop()) {
      const result = await lookAt(unit, deep);
      if (result.code === 0) done += unit.members.length;
      else if (unit.members.length > 1) {
        waiting.push(...unit.members.map((entry, number) => ({ members: [entry], name: `${unit.name}_${number}` })));
      } else {
        done += 1;
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
 * The build compiles some files several times: for the addon, for linear_test, for the fuzzers. Here each is looked at as it ships, and
 * once more with the test hooks where it knows of them; without precompiled headers, which lint does not build.
 */
function oncePerVariant(entries) {
  const variants = new Map();
  for (const { file, directory, command } of entries) {
    if (!file.startsWith(SOURCES) || !existsSync(file)) continue;
    const flags = command.replace(/ -Winvalid-pch| -Xclang -include(-pch)? -Xclang \S+| -o \S+| -c \S+/g, '');
    const key = `${file}\0${flags.includes('SEALEDGE_TEST_HOOKS')}`;
    if (!variants.has(key) || variants.get(key).flags.includes('-fsanitize'))
      variants.set(key, { file, directory, flags });
  }
  return [...variants.values()].sort((a, b) => (a.file < b.file ? -1 : 1));
}

/** Files of one room with the same flags, none of which defines a name that another of them has too. */
function together(entries) {
  const open = new Map();
  const units = [];
  for (const entry of entries) {
    const key = `${entry.file.slice(SOURCES.length).split('/')[0]}\0${entry.flags}`;
    const names = namesIn(readFileSync(entry.file, 'utf8'));
    const candidates = open.get(key) ?? [];
    let unit = candidates.find(
      (one) => one.members.length < FILES_PER_UNIT && !names.some((name) => one.names.has(name)),
    );
    if (unit === undefined) {
      unit = { members: [], names: new Set() };
      units.push(unit.members);
      open.set(key, [...candidates, unit]);
    }
    unit.members.push(entry);
    for (const name of names) unit.names.add(name);
  }
  return units;
}

/** What a file defines at namespace scope, which clang-format leaves without indentation. A guess: see the top. */
function namesIn(text) {
  return text.split('\n').flatMap((line) => {
    if (!/^[A-Za-z#]/.test(line) || /^(#include|namespace|using namespace|template <[^>]*>$)/.test(line)) return [];
    const definition = line.replace(/^template <.*?> /, '');
    const named =
      /^(?:struct|class|enum class|enum|union|using|#define) (\w+)/.exec(definition) ??
      /^[^(={;]*?(?<![\w:])(\w+)\s*[({=[;]/.exec(definition);
    return named === null ? [] : [named[1]];
  });
}

/** The analyzer follows paths in the main file only, or in what a file of this name includes. */
const UNIT_FILE = 'UnifiedSource.cc';
const PLANTED = 'int planted(int x) {\n  int* p = nullptr;\n  if (x > 3) p = &x;\n  return *p;\n}\n';

/** The positive control: a null dereference, looked at as everything else is. */
async function findsNothing(entry) {
  const folder = join(UNITS, 'planted/native/core');
  const file = join(folder, 'planted.cc');
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, PLANTED);
  const { output } = await lookAt({ members: [{ ...entry, file }], name: 'planted' }, false);
  return !/planted\.cc:4:.*clang-analyzer-core\.NullDereference/.test(output);
}

function lookAt({ members, name }, deep) {
  const folder = join(UNITS, name);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, UNIT_FILE);
  writeFileSync(file, members.map((entry) => `#include "${entry.file}"\n`).join(''));
  const [{ directory, flags }] = members;
  writeFileSync(
    join(folder, 'compile_commands.json'),
    JSON.stringify([{ file, directory, command: `${flags} -c ${file}` }]),
  );
  const depth = deep ? [] : SHALLOW;
  return collect('clang-tidy-19', ['-p', folder, '--quiet', '--warnings-as-errors=*', ...depth, file]);
}
