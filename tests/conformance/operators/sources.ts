/**
 * What the engine's own sources say about each operator it imports: the tables of op_types, the operators they build, the
 * kernels those use, and the refusals written into both. Reads text by the conventions of native/onnx and native/graph/ops
 * (one `kImporters` table per family, `void name(NodeImport& node)`, `OpPtr make_name(`); the document's test fails when a
 * table stops being read.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

export interface SourceOperator {
  /** Empty: the standard's. */
  readonly domain: string;
  readonly opType: string;
  readonly minInputs: number;
  /** undefined: any number. */
  readonly maxInputs: number | undefined;
  /** Kernel families below native/kernels, "gemm"; none: a portable loop in native/graph/ops. */
  readonly kernels: readonly string[];
  /** Instruction sets that one of these families has a file for. */
  readonly isas: readonly string[];
  /** The texts of refusals: what is not supported about it. */
  readonly limits: readonly string[];
}

const native = join(import.meta.dirname, '..', '..', '..', 'native');
const isaOrder = ['scalar', 'avx2', 'avx512', 'vnni', 'neon', 'dotprod'];

export function sourceOperators(): SourceOperator[] {
  const importers = readFolder(join(native, 'onnx'));
  const operators = readFolder(join(native, 'graph', 'ops'));
  const functions = new Map([...importers].map(([file, text]) => [file, importFunctions(text)]));
  const makers = makerFiles(operators);
  const rows = [...importers].flatMap(([file, text]) =>
    importerRows(text).map((row) => ({ ...row, domain: domainOf(file), file })),
  );
  const found = rows.map(({ domain, opType, minInputs, maxInputs, build, file }) => {
    const text = reachable(build, file, functions);
    const files = [...new Set(matches(text, /\bmake_\w+/g).flatMap((name) => makers.get(name) ?? []))];
    const sources = files.map((file) => operators.get(file) ?? '');
    const kernels = kernelFamilies(sources);
    const limits = [
      ...literals(text, /\bunsupported\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)/g),
      ...sources.flatMap((source) => literals(source, /\bop_unsupported\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)/g)),
    ];
    return {
      domain,
      opType,
      minInputs,
      maxInputs,
      kernels,
      isas: isasOf(kernels),
      limits: [...new Set(limits)].filter(isLimit),
    };
  });
  return found.sort((a, b) => (a.domain + a.opType < b.domain + b.opType ? -1 : 1));
}

/** The newest operator set whose changes were looked at: import.h, kNewestOpset. */
export function newestOpset(): number {
  const text = readFileSync(join(native, 'onnx', 'import.h'), 'utf8');
  return Number(/kNewestOpset = (\d+);/.exec(text)?.[1]);
}

/** A table of another domain has its name: import_microsoft_fused.cc. */
function domainOf(file: string): string {
  if (file.startsWith('import_microsoft')) return 'com.microsoft';
  return file.startsWith('import_ml') ? 'ai.onnx.ml' : '';
}

/** The planner runs what it must before such a node can be planned: a limit of one plan, not of the engine. */
function isLimit(text: string): boolean {
  return !text.includes('depends on the data of a run');
}

function readFolder(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.cc'));
  return new Map(names.sort().map((name) => [name, withoutComments(readFileSync(join(folder, name), 'utf8'))]));
}

function withoutComments(text: string): string {
  return text.replace(/^\s*\/\/.*$|\s\/\/ .*$/gm, '');
}

interface Row {
  opType: string;
  minInputs: number;
  maxInputs: number | undefined;
  build: string;
}

function importerRows(text: string): Row[] {
  return [...text.matchAll(/std::to_array<OpImporter>\(\{([\s\S]*?)\n\}\);/g)].flatMap(([, table = '']) =>
    [...table.matchAll(/\{"(\w+)", (\d+), (\d+|kVariadic), ([^{}]+?)\}/g)].map(([, opType, min, max, build]) => ({
      opType: opType as string,
      minInputs: Number(min),
      maxInputs: max === 'kVariadic' ? undefined : Number(max),
      build: build as string,
    })),
  );
}

/** Bodies of everything in a file that takes a NodeImport, by name. */
function importFunctions(text: string): Map<string, string> {
  const bodies = new Map<string, string>();
  for (const [, name, body] of text.matchAll(
    /^\S.*?\b(\w+)\((?:const )?NodeImport& node[^;{]*\{(.*\}$|[\s\S]*?^\})/gm,
  )) {
    bodies.set(name as string, (bodies.get(name as string) ?? '') + body);
  }
  return bodies;
}

/** The text of a table's entry and of every function it leads to: of its own file, or else of another. */
function reachable(build: string, file: string, functions: ReadonlyMap<string, ReadonlyMap<string, string>>): string {
  const seen = new Set<string>();
  const waiting: [text: string, file: string][] = [[build, file]];
  let text = '';
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [body, from] = next;
    text += `${body}\n`;
    const called = body === build ? /\b[a-z]\w*\b/g : /(?<![.\w])([a-z]\w*)(?=[(<])/g;
    for (const name of matches(body, called)) {
      const where = functions.get(from)?.has(name)
        ? from
        : [...functions.keys()].find((other) => functions.get(other)?.has(name));
      const found = where === undefined ? undefined : functions.get(where)?.get(name);
      if (where === undefined || found === undefined || seen.has(`${where} ${name}`)) continue;
      seen.add(`${where} ${name}`);
      waiting.push([found, where]);
    }
  }
  return text;
}

/** Which file of native/graph/ops defines each make_... function. */
function makerFiles(operators: ReadonlyMap<string, string>): Map<string, string> {
  const files = new Map<string, string>();
  for (const [file, text] of operators) {
    for (const name of matches(text, /^OpPtr (make_\w+)\(/gm)) files.set(name, file);
  }
  return files;
}

/** Families that have a file per instruction set, found through the includes of the operators and of other families. */
function kernelFamilies(sources: readonly string[]): string[] {
  const seen = new Set<string>();
  const waiting = sources.flatMap((text) => matches(text, /#include "kernels\/(\w+)\//g));
  for (let family = waiting.pop(); family !== undefined; family = waiting.pop()) {
    if (seen.has(family)) continue;
    seen.add(family);
    const folder = join(native, 'kernels', family);
    for (const file of readdirSync(folder)) {
      // What one instruction set's file includes says nothing about the others.
      if (file.includes('_simd') || isaOf(file) !== undefined) continue;
      waiting.push(...matches(readFileSync(join(folder, file), 'utf8'), /#include "kernels\/(\w+)\//g));
    }
  }
  return [...seen].filter((family) => isasOf([family]).length > 0).sort();
}

function isasOf(families: readonly string[]): string[] {
  const found = families.flatMap((family) =>
    readdirSync(join(native, 'kernels', family)).flatMap((file) => isaOf(file) ?? []),
  );
  return isaOrder.filter((isa) => found.includes(isa));
}

function isaOf(file: string): string | undefined {
  return isaOrder.find((isa) => basename(file).endsWith(`_${isa}.cc`));
}

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] ?? match[0]);
}

/** C++ string literals, adjacent ones joined. */
function literals(text: string, pattern: RegExp): string[] {
  return matches(text, pattern).map((joined) =>
    [...joined.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, part]) => part).join(''),
  );
}
