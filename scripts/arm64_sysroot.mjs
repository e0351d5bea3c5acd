// The Debian 12 for 64-bit Arm that preset `arm64` builds against and qemu-user runs on: packages fetched by apt with lists and
// status of its own, then unpacked. The machine's own packages and its list of architectures are left alone, and nobody need be root.
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { collect, root, ScriptError, say } from './process.mjs';

/** native/cmake/arm64.cmake expects it there. */
export const SYSROOT = join(root, 'native/build/sysroot-arm64');
/** What the build links with, and their dependencies down to the C library. */
const PACKAGES = ['libstdc++-12-dev', 'libssl-dev', 'libtss2-dev', 'libgtest-dev'];
const STAMP = '.packages.sha256';

export async function ensureArm64Sysroot() {
  const wanted = createHash('sha256').update(PACKAGES.join(' ')).digest('hex');
  if (readIfThere(join(SYSROOT, STAMP)) === wanted) return false;
  say(`set-up: unpacking Debian for arm64 into ${relative(root, SYSROOT)}: ${PACKAGES.join(' ')} and what they need`);

  const work = `${SYSROOT}.new`;
  rmSync(work, { recursive: true, force: true });
  const archives = await download(join(work, 'apt'));
  const unpacked = join(work, 'root');
  mkdirSync(unpacked);
  for (const archive of archives) await checked('dpkg-deb', ['-x', archive, unpacked]);
  keepLinksInside(unpacked);
  writeFileSync(join(unpacked, STAMP), wanted);

  rmSync(SYSROOT, { recursive: true, force: true });
  renameSync(unpacked, SYSROOT);
  rmSync(work, { recursive: true });
  return true;
}

/** The archives of PACKAGES and of all they depend on, as apt resolves that for a machine with nothing installed. */
async function download(folder) {
  for (const name of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, 'status'), '');
  const options = {
    'Dir::State': folder,
    'Dir::State::status': join(folder, 'status'),
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::Cache': join(folder, 'cache'),
    'APT::Architecture': 'arm64',
    'APT::Architectures': 'arm64',
    // Its unprivileged user may be unable to enter this folder.
    'APT::Sandbox::User': 'root',
  };
  const settings = ['-qq', ...Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])];
  await checked('apt-get', [...settings, 'update']);
  await checked('apt-get', [...settings, '-y', '--download-only', '--no-install-recommends', 'install', ...PACKAGES]);
  const archives = join(folder, 'cache/archives');
  return readdirSync(archives)
    .filter((name) => name.endsWith('.deb'))
    .map((name) => join(archives, name));
}

/** Links such as libm.so -> /lib/aarch64-linux-gnu/libm.so.6 mean a file of this tree, not of the machine. */
function keepLinksInside(tree) {
  for (const entry of readdirSync(tree, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) continue;
    const link = join(entry.parentPath, entry.name);
    const target = readlinkSync(link);
    if (!target.startsWith('/')) continue;
    rmSync(link);
    symlinkSync(relative(dirname(link), join(tree, target)), link);
  }
}

async function checked(command, args) {
  const { code, output } = await collect(command, args);
  if (code === 0) return;
  say(output.trimEnd());
  throw new ScriptError(`${command} failed (exit code ${code}) while unpacking Debian for arm64: see above`);
}

function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
