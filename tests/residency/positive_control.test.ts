import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { readInitializers } from '../../tools/residency/onnx_initializers.js';
import { runScanner } from '../../tools/residency/run_scanner.js';
import { weightProbes } from '../../tools/residency/weight_probes.js';

const model = fileURLToPath(new URL('../../examples/motor/motor.onnx', import.meta.url));
const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.stdin?.end();
    if (child.exitCode === null) await once(child, 'exit');
  }
});

/** A scan that finds nothing proves something only if the same scan finds what is there. */
describe('the scanner finds what is there', () => {
  it('weights in a process that runs onnxruntime', async () => {
    const holder = fileURLToPath(new URL('support/onnxruntime_holder.mjs', import.meta.url));
    const child = spawn(process.execPath, [holder, model], { stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(child);
    await once(child.stdout, 'data');

    const probes = weightProbes(readInitializers(readFileSync(model)), 64);
    const report = await runScanner(child.pid as number, probes, []);
    const found = new Set(report.hits.map(({ probe }) => probe));
    const rowMajor = probes.filter(({ name }) => name.includes('row-major'));
    expect(rowMajor).not.toEqual([]);
    expect(rowMajor.filter(({ name }) => !found.has(name))).toEqual([]);
    expect(report.unreadable).toEqual([]);
  });

  it('a probe on the JavaScript heap, at an odd offset, of a stopped process', async () => {
    const secret = Buffer.from('c0ffee11d00dfeed5eed0123456789ab', 'hex');
    const program = `globalThis.kept = Buffer.concat([Buffer.alloc(3), Buffer.from('${secret.toString('hex')}', 'hex')]);
      process.stdout.write('ready'); process.stdin.resume(); process.stdin.on('end', () => process.exit(0));`;
    const child = spawn(process.execPath, ['-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(child);
    await once(child.stdout, 'data');
    const report = await runScanner(child.pid as number, [{ name: 'secret', bytes: secret }], []);
    expect(report.hits.map(({ probe }) => probe)).toContain('secret');
    expect(report.hits.some(({ address }) => BigInt(address) % 8n === 3n)).toBe(true);
  });
});
