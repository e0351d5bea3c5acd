import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Report } from '../../examples/main_job/report.js';
import { UNPRIVILEGED } from '../residency/support/holder_process.js';
import { describeUnless, noSwtpm, notRoot } from '../support/requirements.js';

const MAIN = fileURLToPath(new URL('../../examples/main_job/main.ts', import.meta.url));

let temporary: string;

beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'sealedge-npm-start-'));
});

afterEach(() => rmSync(temporary, { recursive: true, force: true }));

/** `npm start`, in a folder for temporary files of its own, to see what it leaves there. */
function start(...args: string[]) {
  const env = { ...process.env, TMPDIR: temporary, ORT_DISABLE_TELEMETRY: '1' };
  return spawnSync(process.execPath, ['--import', 'tsx', MAIN, ...args], { encoding: 'utf8', env });
}

// The scanner reads other processes' memory, which takes root.
describeUnless(noSwtpm, notRoot)('npm start', () => {
  it('gets an answer, finds no secret, is refused every attack, and leaves nothing behind', {
    timeout: 180_000,
  }, () => {
    const { status, stdout, stderr } = start('--json');
    expect([status, stderr]).toEqual([0, expect.stringContaining('the answer: outer_race')]);
    const report = JSON.parse(stdout) as Report;
    expect(report.answer).toMatchObject({ expected: 'outer_race', label: 'outer_race' });
    expect(report.agreement.maxAbsoluteDifference).toBeLessThan(1e-5);
    expect(report.residency).toMatchObject({ hits: 0, unexplained: 0 });
    expect(report.residency.controlHits).toBeGreaterThan(32);
    expect(report.refusals.map(({ refusedBy, code }) => `${refusedBy} ${code}`)).toEqual([
      'runtime ERR_SEGMENT_AUTH',
      'runtime ERR_NO_MATCHING_KEY',
      'TPM ERR_UNSEAL_POLICY',
      'verifier ERR_RELEASE_DENIED',
      'verifier ERR_NONCE_UNKNOWN',
      'TPM TPM_RC_POLICY',
      'TPM TPM_RC_INTEGRITY',
      'TPM TPM_RC_NV_LOCKED',
    ]);
    expect(report.refusals.every(({ reason }) => reason.length > 10)).toBe(true);
    expect(report.stillWorks).toHaveLength(1);
    // tsx keeps compiled sources in the folder for temporary files.
    expect(readdirSync(temporary).filter((name) => !name.startsWith('tsx-'))).toEqual([]);
  });

  it('says in one sentence that it cannot scan, before anything else: an ordinary user without sudo', () => {
    // Root of this machine is made ordinary; its number is kept, so that it may read this checkout wherever it lies.
    const [command = '', ...wrapper] = UNPRIVILEGED;
    const env = { ...process.env, TMPDIR: temporary, ORT_DISABLE_TELEMETRY: '1' };
    const args = [...wrapper, process.execPath, '--import', 'tsx', MAIN];
    const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', env });
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^npm start: scanning the memory of a process that holds secrets takes root: [^\n]+\n$/);
  });

  it('cleans up when it is told to stop half way', { timeout: 60_000 }, () => {
    const env = { ...process.env, TMPDIR: temporary, ORT_DISABLE_TELEMETRY: '1' };
    const args = ['--signal=TERM', '--kill-after=40', '4', process.execPath, '--import', 'tsx', MAIN];
    spawnSync('timeout', args, { encoding: 'utf8', env });
    expect(readdirSync(temporary).filter((name) => !name.startsWith('tsx-'))).toEqual([]);
    expect(existsSync(temporary)).toBe(true);
  });
});
