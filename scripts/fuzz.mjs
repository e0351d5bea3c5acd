// npm run fuzz -- --target NAME --seconds N: builds the libFuzzer targets (native/fuzz) and runs one.
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root, run, ScriptError, say } from './process.mjs';

const SOURCES = join(root, 'native/fuzz');
const BUILD = join(root, 'native/build/fuzz');

export async function fuzz(args) {
  const options = { target: { type: 'string' }, seconds: { type: 'string', default: '60' } };
  const { values } = parseArgs({ args, options });
  const targets = existsSync(SOURCES)
    ? readdirSync(SOURCES).flatMap((name) => /^(.*)_fuzz\.cc$/.exec(name)?.[1] ?? [])
    : [];
  if (targets.length === 0) throw new ScriptError('there are no fuzz targets: native/fuzz has no *_fuzz.cc');
  const target = targets.find((name) => name === values.target);
  if (!target) throw new ScriptError(`--target must be one of ${targets.join(', ')}`);
  if (!/^[1-9]\d*$/.test(values.seconds))
    throw new ScriptError(`--seconds must be a number of seconds, got ${values.seconds}`);

  if ((await run('cmake', ['-S', 'native', '--preset', 'fuzz', '--log-level=WARNING'])) !== 0) return 1;
  const program = `${target}_fuzz`;
  if ((await run('ninja', ['-C', BUILD, program])) !== 0) return 1;
  // Findings and the grown corpus stay in the build folder. The first seeds are in the repository, where there are any.
  const corpus = join(BUILD, 'corpus', target);
  mkdirSync(corpus, { recursive: true });
  say(`fuzz: ${target} for ${values.seconds} s`);
  const seeds = join(root, 'tests/fuzz/corpus', program);
  const folders = existsSync(seeds) ? [corpus, seeds] : [corpus];
  return run(join(BUILD, 'fuzz', program), [`-max_total_time=${values.seconds}`, '-print_final_stats=1', ...folders], {
    cwd: BUILD,
  });
}
