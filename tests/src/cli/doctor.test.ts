/** `sealedge doctor`, as a user types it. */
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sealModel } from '../../../src/container/seal.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const MODEL = join(ROOT, 'examples/motor/motor.onnx');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sealedge-doctor-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function doctor(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', join(ROOT, 'src/cli/main.ts'), 'doctor', ...args],
    { cwd: ROOT, encoding: 'utf8', env: { ...process.env, SEALEDGE_MEMORY: 'locked' } },
  );
  return { status, stdout, stderr, json: stdout.startsWith('{') ? JSON.parse(stdout) : undefined };
}

describe('sealedge doctor', () => {
  it('says what the machine has', () => {
    const { status, json } = doctor('--json');
    expect(status).toBe(0);
    expect(json).toMatchObject({
      node: process.version,
      runtime: { testHooks: false },
      secretMemory: { level: 'locked' },
      tpm: { device: '/dev/tpmrm0' },
    });
  });

  it('seals a plain model, runs it in a process of its own, and finds its weights in secret memory only', () => {
    const { status, json, stderr } = doctor('--residency', MODEL, '--json');
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(json).toMatchObject({ level: 'locked', secretBytes: json.weightBytes });
    expect(json.notRun).toBeUndefined();
    expect(json.scans.map(({ when }: { when: string }) => when)).toEqual(['loaded', 'running', 'after runs']);
    for (const { scan } of json.scans) expect(scan).toMatchObject({ hitCount: 0, controlFound: true });
  });

  it('wants the key of a sealed model, and the right one', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const seal = (name: string) =>
      sealModel(MODEL, at(`${name}.sealed`), {
        publisherKey: privateKey,
        name,
        version: 1,
        keyPath: at(`${name}.key`),
      });
    await seal('one');
    await seal('other');
    expect(doctor('--residency', at('one.sealed'), '--key', at('one.key'), '--json').status).toBe(0);
    expect(doctor('--residency', at('one.sealed'))).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('expected the content key of the sealed model, got none'),
    });
    const { status, stderr } = doctor('--residency', at('one.sealed'), '--key', at('other.key'));
    expect(status).toBe(7);
    expect(stderr).toContain('error: ');
  });

  it('names what is wrong with its arguments', () => {
    expect(doctor('--key', 'k')).toMatchObject({ status: 2, stderr: expect.stringContaining('with --residency') });
    expect(doctor('--residency', at('none'))).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('no such file or directory'),
    });
    expect(doctor('--residency', MODEL, '--input', at('x.csv'))).toMatchObject({ status: 2 });
  });
});

function at(name: string): string {
  return join(folder, name);
}
