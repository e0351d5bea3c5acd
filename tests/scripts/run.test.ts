import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const RUN = join(ROOT, 'scripts/run.mjs');
/** Their arguments are vitest's. */
const PASSING_ON = ['test', 'test:long'];

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sealedge-scripts-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a script of package.json where the only programs to be found are the given ones. */
function run(args: string[], programs: Record<string, string> = {}, variables: Record<string, string> = {}) {
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  const { SEALEDGE_SKIP_PACKAGES: _, ...env } = process.env;
  const result = spawnSync(process.execPath, [RUN, ...args], {
    encoding: 'utf8',
    env: { ...env, PATH: folder, ...variables },
  });
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}

/** A TypeScript program, as it is started without npm. */
function tsx(file: string, ...args: string[]) {
  const result = spawnSync(process.execPath, ['--import', 'tsx', file, ...args], { cwd: ROOT, encoding: 'utf8' });
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}

const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const COMMANDS = Object.keys(scripts);

describe('scripts/run.mjs', () => {
  it('names its commands when asked for another', () => {
    const { code, stderr } = run(['dance']);
    expect(code).toBe(2);
    for (const name of COMMANDS) expect(stderr).toMatch(new RegExp(`^  npm (run )?${name}( |$)`, 'm'));
  });

  it('names them on --help too', () => {
    const { code, stdout, stderr } = run(['--help']);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toContain('npm start');
  });

  it.each(COMMANDS)('%s --help says how it is called, without setting anything up', (name) => {
    expect(scripts[name]).toBe(`node scripts/run.mjs ${name}`);
    for (const help of ['--help', '-h']) {
      const { code, stdout, stderr } = run([name, help]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(new RegExp(`^usage: npm (run )?${name}( |\\n)`));
      expect(stdout.length).toBeGreaterThan(60);
    }
  });

  it.each(COMMANDS.filter((name) => !PASSING_ON.includes(name)))(
    '%s refuses an option that it does not have, without setting anything up',
    (name) => {
      const { code, stdout, stderr } = run([name, '--dance']);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(
        /^npm (run )?\S+: Unknown option '--dance'\nnpm (run )?\S+ -- --help says what there is\n$/,
      );
    },
  );

  it.each([
    'benchmarks/run.ts',
    'examples/main_job/main.ts',
    'tests/conformance/run.ts',
    'tests/models/run.ts',
    'tests/property/explore.ts',
  ])('%s knows --help when started by itself, and refuses what it does not know', (file) => {
    const help = tsx(file, '--help');
    expect({ code: help.code, stderr: help.stderr }).toEqual({ code: 0, stderr: '' });
    expect(help.stdout).toMatch(/^usage: /);
    expect(tsx(file, '--dance').code).toBe(2);
  });

  it('says in one sentence that it is not on Debian, and what to install', () => {
    const { code, stdout, stderr } = run(['build']);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(
      /^sealedge: this is .*, and sealedge installs its build tools on Debian 12 only: install .*clang-19.*\n$/,
    );
  });

  it("says which programs a run would miss where packages are somebody else's care", () => {
    const { code, stderr } = run(['start'], { swtpm: 'exit 0' }, { SEALEDGE_SKIP_PACKAGES: '1' });
    expect(code).toBe(1);
    expect(stderr).toBe(
      'sealedge: not found: swtpm_setup, swtpm_localca, tpm2_pcrextend; install them, or unset SEALEDGE_SKIP_PACKAGES\n',
    );
  });

  it('says what it will install before it does, and why that failed', () => {
    const programs = {
      'dpkg-query': 'echo "cmake install ok installed"; echo "clang-19 deinstall ok config-files"',
      'apt-get': 'echo "no network here" >&2; exit 100',
      sudo: 'exec "$@"',
      env: 'shift; exec "$@"',
    };
    const { code, stderr } = run(['build'], programs);
    expect(code).toBe(1);
    if (process.getuid?.() === 0) {
      expect(stderr).toMatch(
        /^set-up: installing 5 Debian packages with apt-get: clang-19 lld-19 ninja-build libssl-dev libtss2-dev\n/,
      );
      expect(stderr).toContain('no network here');
      expect(stderr).toMatch(/sealedge: apt-get could not install .* \(exit code 100\): check the network and .*\n$/);
    } else {
      expect(stderr).toMatch(/sealedge: .*(sudo|apt-get).*\n$/);
    }
  });
});
