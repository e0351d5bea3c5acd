// Everything a fresh clone needs before a command of package.json can run, each step skipped when its result is there.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { ensureArm64Sysroot } from './arm64_sysroot.mjs';
import { ensureDebianPackages } from './packages.mjs';
import { bin, collect, eachLine, root, run, ScriptError, say } from './process.mjs';

const ADDONS = { name: 'addons', preset: 'release', targets: ['sealedge', 'tpm2_tss'], inputs: ['native'] };
const SUITES = { name: 'addons and tests', preset: 'release', targets: ['all'], inputs: ['native', 'tests/native'] };
/** What each command of package.json wants of native code; npm run fuzz builds its own. */
const NATIVE_BUILDS = {
  build: [ADDONS],
  start: [ADDONS],
  bench: [ADDONS],
  test: [SUITES],
  'test:long': [SUITES], // its stages build what else they need
  'test:onnx': [ADDONS],
  'test:arm64': [suitesOf('arm64')],
  // clang-tidy reads how each file is compiled; nothing has to be.
  lint: [{ ...ADDONS, name: 'build description', targets: [] }],
  fuzz: [],
};
const SKIPPED_FOLDERS = new Set(['build', 'node_modules', 'dist', '.git', '__pycache__']);

function suitesOf(preset) {
  return { ...SUITES, name: `addons and tests (${preset})`, preset };
}

/** @param {keyof typeof NATIVE_BUILDS} need - which command is to be made ready */
export async function setUp(need) {
  const began = Date.now();
  checkPlatform();
  await ensureDebianPackages(need);
  let changed = await ensureNodeModules(root);
  // Its own folder, not a workspace: npm would put its `node` first in the PATH of every script.
  if (need === 'test' || need === 'test:long')
    changed = (await ensureNodeModules(join(root, 'tests/node24'))) || changed;
  if (need === 'test:arm64') {
    changed = (await ensureNodeModules(join(root, 'tests/arm64'), ['--force'])) || changed;
    changed = (await ensureArm64Sysroot()) || changed;
  }
  for (const build of NATIVE_BUILDS[need]) changed = (await ensureNativeBuild(build)) || changed;
  changed = (await ensureTypeScript()) || changed;
  if (changed) say(`set-up: done in ${((Date.now() - began) / 1000).toFixed(1)} s`);
}

/** The C++ suites and addons of one preset. */
export function ensureSuites(preset) {
  return ensureNativeBuild(suitesOf(preset));
}

function checkPlatform() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new ScriptError(`sealedge needs Node 20.19 or later, this is ${process.version}`);
  }
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
    throw new ScriptError(`sealedge runs on Linux on x64 and arm64, this is ${process.platform} on ${process.arch}`);
  }
}

// --- npm packages ---

/** @param {string[]} options - npm takes a package for another architecture only with --force */
async function ensureNodeModules(folder, options = []) {
  const differing = packagesThatDiffer(folder);
  if (differing === 0) return false;
  say(`set-up: installing ${differing} npm packages in ${relative(root, folder) || '.'}, install scripts off`);
  const npm = process.env.npm_execpath;
  const [command, args] = npm ? [process.execPath, [npm]] : ['npm', []];
  const code = await run(
    command,
    [...args, 'ci', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', ...options],
    {
      // onnxruntime-node's installer would fetch GPU libraries from elsewhere; nothing here needs them.
      env: { ONNXRUNTIME_NODE_INSTALL: 'skip' },
      stdio: ['ignore', 2, 2],
    },
  );
  const missing = packagesThatDiffer(folder);
  if (code !== 0 || missing > 0) {
    throw new ScriptError(
      `npm ci failed (exit code ${code}, ${missing} packages missing): check the network and the npm registry it is set to use`,
    );
  }
  return true;
}

/** How many packages of package-lock.json npm's own record of node_modules lacks or has in another version. */
function packagesThatDiffer(folder) {
  const wanted = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')).packages;
  let installed = {};
  try {
    installed = JSON.parse(readFileSync(join(folder, 'node_modules/.package-lock.json'), 'utf8')).packages;
  } catch {
    // npm writes the record last: absent means absent or interrupted.
  }
  return Object.entries(wanted).filter(
    ([path, entry]) =>
      path.includes('node_modules/') &&
      isForThisMachine(entry) &&
      (installed[path]?.version !== entry.version || !existsSync(join(folder, path))),
  ).length;
}

/** Optional packages are one binary per platform, or helpers of a binary for another platform (these name no platform). */
function isForThisMachine({ optional, os, cpu, libc }) {
  if (!optional) return true;
  if (!os && !cpu) return false;
  return (!os || os.includes('linux')) && (!cpu || cpu.includes(process.arch)) && (!libc || libc.includes('glibc'));
}

// --- native build ---

async function ensureNativeBuild({ name, preset, targets, inputs }) {
  const folder = join(root, 'native/build', preset);
  const stamp = join(folder, `.${targets.join('-') || 'configured'}.sha256`);
  return ensureFresh(stamp, [...inputs, 'package-lock.json'], /\.ts$|\.md$/, async () => {
    say(`set-up: building native ${name}`);
    // The suites need GoogleTest, which `npm start` does not install; once configured they stay, for `npm test` to find.
    const suites =
      targets.includes('all') || existsSync(join(folder, 'CMakeCache.txt')) ? [] : ['-DSEALEDGE_BUILD_TESTS=OFF'];
    if (targets.includes('all')) suites.push('-DSEALEDGE_BUILD_TESTS=ON');
    const configure = ['-S', 'native', '--preset', preset, ...suites, '--log-level=WARNING'];
    // ccache that makes paths relative would show CMake the compiler's own include folders under names it then misses.
    const configured = await collect('cmake', configure, { env: { CCACHE_DISABLE: '1' } });
    if (configured.code !== 0) {
      say(configured.output);
      throw new ScriptError(`cmake could not configure the native build (exit code ${configured.code}): see above`);
    }
    if (targets.length === 0) return;
    const code = await ninja(folder, targets, `set-up: native ${name}`);
    if (code !== 0) throw new ScriptError(`the native build failed (exit code ${code}): see above`);
  });
}

/** On a terminal ninja keeps one line up to date by itself; elsewhere its progress is told every ten seconds. */
async function ninja(folder, targets, label) {
  const env = { NINJA_STATUS: '[%f of %t, %e s] ' };
  if (process.stderr.isTTY) return run('ninja', ['-C', folder, ...targets], { env, stdio: ['ignore', 2, 2] });
  let progress = '';
  const timer = setInterval(() => progress && say(`${label}: ${progress}`), 10_000);
  const code = await eachLine('ninja', ['-C', folder, ...targets], { env }, (line) => {
    const status = /^\[(\d+ of \d+), [\d.]+ s\] /.exec(line);
    if (status) progress = status[1];
    else if (!line.startsWith('ninja: ')) say(line);
  });
  clearInterval(timer);
  return code;
}

// --- TypeScript ---

async function ensureTypeScript() {
  const tpm = await ensureFresh(
    join(root, 'native/node-tpm2-tss/dist/.inputs.sha256'),
    ['native/node-tpm2-tss/src', 'native/node-tpm2-tss/tsconfig.json', 'tsconfig.json', 'package-lock.json'],
    /\.(cc|h)$/,
    () => compile('native/node-tpm2-tss/tsconfig.json', 'native/node-tpm2-tss/src', 'native/node-tpm2-tss/dist'),
  );
  const main = await ensureFresh(
    join(root, 'dist/.inputs.sha256'),
    ['src', 'attestation', 'native/node-tpm2-tss/src', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'],
    /\.(cc|h)$/,
    () => compile('tsconfig.build.json', '.', 'dist'),
  );
  return tpm || main;
}

async function compile(project, sources, output) {
  say(`set-up: compiling ${project}`);
  const code = await run(bin('tsc'), ['-p', project], { stdio: ['ignore', 2, 2] });
  if (code !== 0) throw new ScriptError(`tsc -p ${project} failed (exit code ${code}): see above`);
  // What a source that is gone once compiled to must not be importable, or shipped.
  for (const file of walk(join(root, output))) {
    const name = relative(join(root, output), file);
    const source = name.replace(/(\.d\.ts|\.js)(\.map)?$/, '.ts');
    if (source !== name && !existsSync(join(root, sources, source))) rmSync(file);
  }
}

// --- freshness ---

/** Runs `build` unless the stamp says that it already ran on exactly these inputs. */
async function ensureFresh(stamp, inputs, ignored, build) {
  const fingerprint = fingerprintOf(inputs, ignored);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint) return false;
  rmSync(stamp, { force: true });
  await build();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, fingerprint);
  return true;
}

/** Over paths, sizes and times, not contents: a few milliseconds; the tools behind it look closer when it differs. */
function fingerprintOf(inputs, ignored) {
  const hash = createHash('sha256').update(process.version);
  for (const input of inputs) {
    for (const file of walk(join(root, input))) {
      if (ignored.test(file)) continue;
      const { mtimeMs, size } = statSync(file);
      hash.update(`${relative(root, file)}\0${mtimeMs}\0${size}\n`);
    }
  }
  return hash.digest('hex');
}

export function walk(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => !SKIPPED_FOLDERS.has(entry.name) && !(entry.name.startsWith('.') && entry.isFile()))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.isDirectory() ? walk(join(path, entry.name)) : [join(path, entry.name)]));
}
