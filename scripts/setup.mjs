// Everything a fresh clone needs before a command of package.json can run, each step skipped when its result is there.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { ensureDebianPackages } from './packages.mjs';
import { bin, root, run, ScriptError, say } from './process.mjs';

/** The release build, and the one with named checkpoints and deliberate faults that tests/residency runs. */
const NATIVE_BUILDS = { release: ['all'], testhooks: ['sealedge', 'tpm2_tss'] };
const SKIPPED_FOLDERS = new Set(['build', 'node_modules', 'dist', '.git', '__pycache__']);

/**
 * @param {string} need - a key of the table in packages.mjs: what to have ready.
 * @param {{ presets?: string[] }} [options] - native presets to build; [] when the command compiles nothing.
 */
export async function setUp(need, { presets = ['release'] } = {}) {
  const began = Date.now();
  checkPlatform();
  await ensureDebianPackages(need);
  let changed = await ensureNodeModules(root);
  // Its own folder, not a workspace: npm would put its `node` first in the PATH of every script.
  if (need === 'test') changed = (await ensureNodeModules(join(root, 'tests/node24'))) || changed;
  for (const preset of presets) changed = (await ensureNativeBuild(preset, NATIVE_BUILDS[preset])) || changed;
  changed = (await ensureTypeScript()) || changed;
  if (changed) say(`set-up: done in ${((Date.now() - began) / 1000).toFixed(1)} s`);
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

async function ensureNodeModules(folder) {
  const differing = packagesThatDiffer(folder);
  if (differing === 0) return false;
  say(`set-up: installing ${differing} npm packages in ${relative(root, folder) || '.'}, install scripts off`);
  const npm = process.env.npm_execpath;
  const [command, args] = npm ? [process.execPath, [npm]] : ['npm', []];
  const code = await run(command, [...args, 'ci', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund'], {
    // onnxruntime-node's installer would fetch GPU libraries from elsewhere; nothing here needs them.
    env: { ONNXRUNTIME_NODE_INSTALL: 'skip', npm_config_onnxruntime_node_install: 'skip' },
    stdio: ['ignore', 2, 2],
  });
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

async function ensureNativeBuild(preset, targets) {
  const folder = join(root, 'native/build', preset);
  return ensureFresh(
    join(folder, '.inputs.sha256'),
    ['native', 'tests/native', 'package-lock.json'],
    /\.ts$|\.md$/,
    async () => {
      say(`set-up: building native code (${preset})`);
      const stdio = ['ignore', 2, 2];
      const configured = await run('cmake', ['-S', 'native', '--preset', preset, '--log-level=WARNING'], { stdio });
      if (configured !== 0)
        throw new ScriptError(`cmake could not configure the native build (exit code ${configured}): see above`);
      const env = { NINJA_STATUS: '[%f/%t %es] ' };
      const code = await run('ninja', ['-C', folder, ...targets], { stdio, env });
      if (code !== 0) throw new ScriptError(`the native build failed (exit code ${code}): see above`);
    },
  );
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
