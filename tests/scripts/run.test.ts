import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const RUN = fileURLToPath(new URL('../../scripts/run.mjs', import.meta.url));

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sealedge-scripts-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a script of package.json where the only programs to be found are the given ones. */
function run(args: string[], programs: Record<string, string> = {}) {
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  const { SEALEDGE_SKIP_PACKAGES: _, ...env } = process.env;
  const result = spawnSync(process.execPath, [RUN, ...args], { encoding: 'utf8', env: { ...env, PATH: folder } });
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}

describe('scripts/run.mjs', () => {
  it('names its commands when asked for another', () => {
    const { code, stderr } = run(['dance']);
    expect(code).toBe(2);
    expect(stderr).toContain('usage: node scripts/run.mjs start|test|');
  });

  it('says in one sentence that it is not on Debian, and what to install', () => {
    const { code, stdout, stderr } = run(['build']);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(
      /^sealedge: this is .*, and sealedge installs its build tools on Debian 12 only: install .*clang-19.*\n$/,
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
