// npm run fuzz -- --target NAME [--seconds N] [--runs N] [--jobs N]: builds the libFuzzer targets (native/fuzz) and
// runs one, on as many processes as there are jobs, which share what they find.
import { copyFileSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { COMMAND_LINES } from './command_line.mjs';
import { eachLine, root, run, ScriptError, say } from './process.mjs';

const SOURCES = join(root, 'native/fuzz');
const BUILD = join(root, 'native/build/fuzz');
const STANDARD_CASES = process.env.SEALEDGE_ONNX_TESTDATA ?? '/usr/share/libonnx-testdata/data';
/** What these read is an ONNX file. */
const MODEL_TARGETS = ['model', 'import', 'wire', 'sealing'];
/** Bigger models show little that smaller ones do not, and cost in proportion. */
const MAX_MODEL_BYTES = 1024;
/** Without the stack of each allocation, and with a quarantine that fits the cache: a third faster. Run a finding by itself to see the stacks. */
const SANITIZER = 'malloc_context_size=0:quarantine_size_mb=1:thread_local_quarantine_size_kb=64';
const ENVIRONMENT = { ASAN_OPTIONS: `${SANITIZER}:${process.env.ASAN_OPTIONS ?? ''}` };

export async function fuzz(args) {
  const { target, seconds, runs, jobs } = options(args);
  if ((await run('cmake', ['-S', 'native', '--preset', 'fuzz', '--log-level=WARNING'])) !== 0) return 1;
  const program = `${target}_fuzz`;
  if ((await run('ninja', ['-C', BUILD, program])) !== 0) return 1;

  // What grows stays in the build folder, findings too. Seeds are read, never written.
  const corpus = folder('corpus', target);
  const findings = folder('findings', target);
  const seeds = [join(root, 'tests/fuzz/corpus', program), join(root, 'tests/fuzz/regressions', program)];
  if (MODEL_TARGETS.includes(target)) seeds.push(join(root, 'tests/fuzz/corpus/model_fuzz'), standardModels());
  const flags = [
    `-max_total_time=${seconds}`,
    `-runs=${runs === -1 ? -1 : Math.ceil(runs / jobs)}`,
    `-artifact_prefix=${findings}/`,
    '-print_final_stats=1',
    '-timeout=30',
    '-rss_limit_mb=2560',
    // Weighing the seeds by what is rare in them takes models a quarter of the time.
    ...(MODEL_TARGETS.includes(target) ? [`-max_len=${MAX_MODEL_BYTES}`, '-entropic=0'] : []),
    ...[corpus, ...new Set(seeds)].filter(existsSync),
  ];
  say(`fuzz: ${target}, ${jobs} at a time, ${runs === -1 ? `for ${seconds} s` : `${runs} runs or ${seconds} s`}`);
  let executions = 0;
  const onLine = (line) => {
    executions += Number(/^stat::number_of_executed_units:\s*(\d+)/.exec(line)?.[1] ?? 0);
    say(line);
  };
  const codes = await Promise.all(
    Array.from({ length: jobs }, () => eachLine(join(BUILD, 'fuzz', program), flags, { env: ENVIRONMENT }, onLine)),
  );
  const failed = codes.filter((code) => code !== 0).length;
  say(`fuzz: ${target}: ${executions} executions, ${failed} of ${jobs} jobs ended with a finding (${findings})`);
  return failed === 0 ? 0 : 1;
}

function options(args) {
  const { values } = parseArgs({ ...COMMAND_LINES.fuzz.syntax, args });
  const targets = existsSync(SOURCES)
    ? readdirSync(SOURCES).flatMap((name) => /^(.*)_fuzz\.cc$/.exec(name)?.[1] ?? [])
    : [];
  if (targets.length === 0) throw new ScriptError('there are no fuzz targets: native/fuzz has no *_fuzz.cc');
  const target = targets.find((name) => name === values.target);
  if (!target) throw new ScriptError(`--target must be one of ${targets.join(', ')}`);
  const count = (name, otherwise) => {
    const text = values[name];
    if (text === undefined) return otherwise;
    if (!/^[1-9]\d*$/.test(text)) throw new ScriptError(`--${name} must be a whole number from 1, got ${text}`);
    return Number(text);
  };
  const runs = count('runs', -1);
  // libFuzzer's 0: no bound.
  return { target, runs, seconds: count('seconds', runs === -1 ? 60 : 0), jobs: count('jobs', 1) };
}

function folder(...names) {
  const path = join(BUILD, ...names);
  mkdirSync(path, { recursive: true });
  return path;
}

/** The models of the standard ONNX cases (Debian's package libonnx-testdata), all in one folder as libFuzzer wants them. */
function standardModels() {
  const seeds = folder('seeds', 'standard_models');
  if (!existsSync(STANDARD_CASES)) {
    say(`fuzz: without the standard cases as seeds: ${STANDARD_CASES} is absent`);
    return seeds;
  }
  for (const group of readdirSync(STANDARD_CASES)) {
    for (const name of readdirSync(join(STANDARD_CASES, group))) {
      const model = join(STANDARD_CASES, group, name, 'model.onnx');
      const seed = join(seeds, `${group}_${name}.onnx`);
      if (existsSync(model) && !existsSync(seed) && statSync(model).size <= MAX_MODEL_BYTES) copyFileSync(model, seed);
    }
  }
  return seeds;
}
