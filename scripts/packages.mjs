// Debian packages: what each command of package.json needs, what of it is missing, and installing that with apt.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ask, collect, ScriptError, say } from './process.mjs';

const BUILD = ['clang-19', 'lld-19', 'cmake', 'ninja-build', 'libssl-dev', 'libtss2-dev'];
const SIMULATED_TPM = ['swtpm', 'swtpm-tools', 'tpm2-tools'];
const ONNX_CASES = 'libonnx-testdata';
const TEST = [...BUILD, ...SIMULATED_TPM, 'libgtest-dev', ONNX_CASES, 'gdb']; // gcore: a core dump of a running process
const DEBIAN_PACKAGES = {
  build: BUILD,
  start: [...BUILD, ...SIMULATED_TPM],
  test: TEST,
  'test:long': [...TEST, 'libclang-rt-19-dev'],
  'test:onnx': [...BUILD, ONNX_CASES],
  'test:arm64': [...BUILD, ...SIMULATED_TPM, ONNX_CASES, 'qemu-user'],
  lint: [...BUILD, 'clang-format-19', 'clang-tidy-19'],
  bench: BUILD,
  fuzz: [...BUILD, 'libclang-rt-19-dev'],
};

const PROGRAMS = {
  swtpm: ['swtpm'],
  'swtpm-tools': ['swtpm_setup', 'swtpm_localca'],
  'tpm2-tools': ['tpm2_pcrextend'],
  gdb: ['gcore'],
  'qemu-user': ['qemu-aarch64'],
};

const LISTS = '/var/lib/apt/lists';
const LISTS_MAX_AGE_MS = 7 * 24 * 3600 * 1000;

/** Installs what `need` lacks; says so first. Does nothing, in milliseconds, when nothing is missing. */
export async function ensureDebianPackages(need) {
  const wanted = DEBIAN_PACKAGES[need];
  if (process.env.SEALEDGE_SKIP_PACKAGES) return checkPrograms(wanted);
  const missing = missingPackages(wanted);
  if (missing.length === 0) return;

  const names = missing.join(' ');
  say(`set-up: installing ${missing.length} Debian package${missing.length > 1 ? 's' : ''} with apt-get: ${names}`);
  const prefix = asRoot(names);
  const apt = async (...args) => {
    const quiet = ['-qq', '-o', 'Dpkg::Use-Pty=0'];
    const [command, ...rest] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...quiet, ...args];
    const { code, output } = await collect(command, rest, { stdin: 'inherit' });
    if (code !== 0) say(output.trimEnd());
    return code;
  };
  const update = () => {
    say('set-up: fetching the lists of Debian packages');
    return apt('update');
  };
  const install = () => {
    say('set-up: downloading and installing');
    return apt('install', '-y', '--no-install-recommends', ...missing);
  };

  if (listsAreOld()) await update();
  let code = await install();
  // Lists that look young may still name files that the mirror has replaced.
  if (code !== 0 && (await update()) === 0) code = await install();
  if (code !== 0 || missingPackages(wanted).length > 0) {
    throw new ScriptError(
      `apt-get could not install ${names} (exit code ${code}): check the network and /etc/apt/sources.list`,
    );
  }
}

/** Where the packages are somebody else's care: the programs that a run would only miss in the middle. */
function checkPrograms(wanted) {
  const programs = Object.entries(PROGRAMS).flatMap(([name, of]) => (wanted.includes(name) ? of : []));
  const folders = (process.env.PATH ?? '').split(':');
  const missing = programs.filter((program) => !folders.some((folder) => existsSync(join(folder, program))));
  if (missing.length > 0)
    throw new ScriptError(`not found: ${missing.join(', ')}; install them, or unset SEALEDGE_SKIP_PACKAGES`);
}

function missingPackages(wanted) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
  const known = ask('dpkg-query', ['--show', '--showformat=${Package} ${Status}\n']);
  if (known === undefined) {
    throw new ScriptError(
      `this is ${distribution()}, and sealedge installs its build tools on Debian 12 only: ` +
        `install the equivalents of ${wanted.join(' ')} and set SEALEDGE_SKIP_PACKAGES=1`,
    );
  }
  const installed = new Set();
  for (const line of known.split('\n')) if (line.endsWith(' ok installed')) installed.add(line.split(' ')[0]);
  return wanted.filter((name) => !installed.has(name));
}

function asRoot(names) {
  if (process.getuid() === 0) return [];
  if (!['/usr/bin/sudo', '/bin/sudo', '/usr/local/bin/sudo'].some(existsSync)) {
    throw new ScriptError(
      `Debian packages are missing and this is neither root nor has sudo: as root, run apt-get install ${names}`,
    );
  }
  if (!process.stdin.isTTY && ask('sudo', ['-n', 'true']) === undefined) {
    throw new ScriptError(
      `Debian packages are missing and sudo wants a password: as root, run apt-get install ${names}`,
    );
  }
  return ['sudo'];
}

function listsAreOld() {
  try {
    const lists = readdirSync(LISTS).filter((name) => name.includes('_Packages'));
    return !lists.some((name) => Date.now() - statSync(`${LISTS}/${name}`).ctimeMs < LISTS_MAX_AGE_MS);
  } catch {
    return true;
  }
}

function distribution() {
  try {
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? process.platform;
  } catch {
    return process.platform;
  }
}
