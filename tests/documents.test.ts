/** What the documents name is there: links and their headings, paths, npm scripts, commands of sealedge with their options. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { COMMAND_LINES } from '../scripts/command_line.mjs';
import { createProgram } from '../src/cli/program.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const GENERATED = new Set(['node_modules', 'build', 'dist', '.git']);

function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return GENERATED.has(entry.name) ? [] : filesBelow(path, ending);
    return entry.name.endsWith(ending) ? [path] : [];
  });
}

const documents = filesBelow(ROOT, '.md').map((path) => ({
  path: relative(ROOT, path),
  text: readFileSync(path, 'utf8'),
}));
const withoutFences = (text: string) => text.replace(/^ *```[\s\S]*?^ *```$/gm, '');
const codeSpans = (text: string) => [...withoutFences(text).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
/** Lines to type: in fences without their prompt, and code spans. */
const commandLines = (text: string) => [
  ...[...text.matchAll(/^ *```[\s\S]*?^ *```$/gm)].flatMap(([fence]) =>
    fence
      .replaceAll('\\\n', ' ')
      .split('\n')
      .map((line) => line.trim().replace(/^\$ /, '')),
  ),
  ...codeSpans(text),
];

describe('documents', () => {
  it('are found', () => {
    expect(documents.map(({ path }) => path)).toEqual(expect.arrayContaining(['README.md', 'docs/guides/try.md']));
  });

  it.each(documents)('$path: its links lead somewhere', ({ path, text }) => {
    const broken = [...withoutFences(text).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^(https?|mailto):/.test(target) && !leads(path, target));
    expect(broken).toEqual([]);
  });

  it.each(documents)('$path: the files that it names are there', ({ path, text }) => {
    const missing = codeSpans(text)
      .filter((code) => /^[\w@.-]+(\/[\w@.*-]+)+\/?$/.test(code) && isOurs(code))
      .filter((code) => !BASES.concat(dirname(path)).some((base) => pathExists(join(ROOT, base), code)));
    expect(missing).toEqual([]);
  });

  it.each(documents)('$path: its npm commands exist', ({ text }) => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const named = commandLines(text).flatMap(
      (line) => /\bnpm (?:run )?(?:-s |--silent )?([\w:]+)/.exec(line)?.[1] ?? [],
    );
    const npmsOwn = ['install', 'ci', 'init', 'pack'];
    expect(named.filter((name) => !(name in scripts) && !npmsOwn.includes(name))).toEqual([]);
  });

  it.each(documents)('$path: what its npm commands are given, they take', ({ text }) => {
    const wrong = commandLines(text).filter((line) => {
      const [, name = '', rest = ''] =
        /\bnpm (?:run )?(?:-s |--silent )?([\w:]+)(?: --silent)? -- ([^#;>&|]*)/.exec(line) ?? [];
      const known = Object.entries(COMMAND_LINES).find(([command]) => command === name)?.[1];
      if (known === undefined || !('syntax' in known)) return false;
      try {
        parseArgs({ ...known.syntax, args: rest.trim().split(/\s+/) });
        return false;
      } catch {
        return true;
      }
    });
    expect(wrong).toEqual([]);
  });

  it.each(documents)('$path: its sealedge commands and their options exist', ({ text }) => {
    const wrong = commandLines(text)
      .filter((line) => /^(\w+=\S+ )*(npx )?sealedge [a-z]/.test(line))
      .flatMap((line) => line.split(/ (?:&&|\||\|\||&|;) |; do /))
      .flatMap((line) => /(?:^|\s)sealedge ([a-z].*)/.exec(line)?.[1]?.replace(/(^| )(#| {2}).*$/, '') ?? [])
      .flatMap(unknownIn);
    expect(wrong).toEqual([]);
  });
});

function leads(from: string, target: string): boolean {
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? join(ROOT, from) : resolve(ROOT, dirname(from), file);
  return existsSync(path) && (anchor === undefined || headingsOf(path).includes(anchor));
}

/** As GitHub makes anchors of headings. */
function headingsOf(path: string): string[] {
  const headings = [...withoutFences(readFileSync(path, 'utf8')).matchAll(/^#+ (.*)$/gm)];
  return headings.map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** A document may name files from the root, from its own folder, or below one of these; SECURITY.md names tests that way. */
const BASES = ['.', 'tests', 'tests/native', 'docs', 'native', 'attestation'];
const ROOMS = new Set(BASES.flatMap((base) => readdirSync(join(ROOT, base))));

/** A path of this repository, not a device, a media type or a package; what is built is not looked for. */
function isOurs(code: string): boolean {
  const [first = '', ...rest] = code.split('/');
  return ROOMS.has(first) && !rest.some((part) => GENERATED.has(part)) && !GENERATED.has(first);
}

function pathExists(base: string, path: string): boolean {
  const [first = '', ...rest] = path.split('/').filter(Boolean);
  if (first === '') return existsSync(base);
  // A header and its source are named as one.
  if (rest.length === 0 && ['.h', '.cc', '.ts'].some((ending) => existsSync(join(base, first + ending)))) return true;
  if (!first.includes('*')) return pathExists(join(base, first), rest.join('/'));
  if (!existsSync(base)) return false;
  const pattern = new RegExp(`^${first.replaceAll('.', '\\.').replaceAll('*', '.*')}$`);
  return readdirSync(base).some((name) => pattern.test(name) && pathExists(join(base, name), rest.join('/')));
}

/** What of a command line `sealedge` would not understand. */
function unknownIn(line: string): string[] {
  const words = line.replaceAll(/[[\]]/g, '').split(/\s+/);
  let command: Command = createProgram();
  while (command.commands.length > 0 && words.length > 0) {
    const name = words.shift() ?? '';
    const next = command.commands.find((child) => child.name() === name);
    if (next === undefined) return name.startsWith('-') || name === '...' ? [] : [`${line}: ${name}`];
    command = next;
  }
  const known = new Set(['--json', '--help', ...command.options.flatMap(({ long, short }) => [long, short])]);
  const options = words.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.replace(/[=,.:;)].*$/, ''));
  return options.filter((option) => !known.has(option)).map((option) => `${line}: ${option}`);
}
