/**
 * The compiled package on Node 24: both addons load, a model is sealed, opened and computed, with the same answer as on this Node. The whole
 * suite on Node 24 is part of `npm run test:long`.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { temporaryFolder } from './container/temporary_folder.js';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
const node24 = join(root, 'tests', 'node24', 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
const absent = existsSync(node24) ? '' : ` (skipped: not found: ${node24})`;

/** Seals the motor model, loads it with its key and prints what it makes of one window. */
const PROGRAM = `
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';

const [root, folder] = process.argv.slice(1);
const from = (path) => import(join(root, path));
const { sealModel } = await from('dist/src/container/seal.js');
const { keyPayload } = await from('dist/src/container/key_file.js');
const { InferenceSession, Tensor, secretFromBytes } = await from('dist/src/index.js');
const { secretMemoryReport } = await from('native/node-tpm2-tss/dist/index.js');
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const sealed = join(folder, 'motor.sealed');
const names = { publisherKey: privateKey, name: 'motor', version: 1, keyPath: join(folder, 'motor.key') };
const { keyFile } = await sealModel(join(root, 'examples/motor/motor.onnx'), sealed, names);
const key = secretFromBytes(keyPayload(keyFile));
const session = await InferenceSession.create(sealed, { key });
key.close();
const data = Float32Array.from({ length: 2048 }, (_, i) => Math.sin(i / 7));
const feeds = { [session.inputNames[0]]: new Tensor('float32', data, [1, 1, 2048]) };
const both = [await session.run(feeds), session.runSync(feeds)].map((results) => [...results[session.outputNames[0]].data]);
await session.release();
console.log(JSON.stringify({ version: process.version, both, tpm: secretMemoryReport().level }));
`;

interface Answer {
  version: string;
  both: [asynchronous: number[], synchronous: number[]];
  tpm: string;
}

async function answerOf(node: string): Promise<Answer> {
  const { stdout } = await run(node, ['--input-type=module', '-e', PROGRAM, root, temporaryFolder()]);
  return JSON.parse(stdout) as Answer;
}

it.skipIf(absent !== '')(`seals, opens and computes on Node 24${absent}`, async () => {
  const [here, there] = await Promise.all([answerOf(process.execPath), answerOf(node24)]);
  expect(there.version).toMatch(/^v24\./);
  expect(there.both[0].length).toBeGreaterThan(1);
  expect(there.both[1]).toEqual(there.both[0]);
  expect(there.both).toEqual(here.both);
  expect(there.tpm).toBe(here.tpm);
});
