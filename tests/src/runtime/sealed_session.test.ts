import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it } from 'vitest';
import { secretFromBytes, secretMemoryReport } from '../../../src/native.js';
import { InferenceSession } from '../../../src/runtime/session.js';
import { Tensor } from '../../../src/runtime/tensor.js';
import type { SecretHandle } from '../../../src/types.js';
import { readVectors } from '../../support/sealed_vector.js';

const root = join(import.meta.dirname, '..', '..', '..');
const vector = readVectors().find(({ name }) => name === 'right_weights');
if (vector === undefined) throw new Error('the vector right_weights is gone');
const { bytes: sealed, keyPayload } = vector;

const directory = mkdtempSync(join(tmpdir(), 'sealedge-session-'));
const path = join(directory, 'model.sealed');
writeFileSync(path, sealed);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function withKey<T>(use: (key: SecretHandle) => Promise<T>): Promise<T> {
  const key = secretFromBytes(keyPayload);
  try {
    return await use(key);
  } finally {
    key.close();
  }
}

const feeds = { x: new Tensor('float32', [1, 1, 1], [1, 3]) };

async function refusal(attempt: () => unknown): Promise<unknown> {
  try {
    await attempt();
  } catch (error) {
    return error;
  }
  throw new Error('accepted');
}

describe('a sealed session', () => {
  it('opens from a file and from bytes, and keeps weights in secret memory alone', async () => {
    for (const source of [path, sealed]) {
      const session = await withKey((key) => InferenceSession.create(source, { key }));
      const { level, constantBytes, secretBytes } = session.memory;
      expect(level).toBe(secretMemoryReport().level);
      expect(secretBytes).toBe(constantBytes);
      expect(secretBytes).toBeGreaterThan(0);
      const asynchronous = await session.run(feeds);
      expect(session.runSync(feeds)).toEqual(asynchronous);
      expect(asynchronous.h2?.dims).toEqual([1, 64]);
      await session.release();
    }
  });

  it('outlives the key handle it was made with', async () => {
    const key = secretFromBytes(keyPayload);
    const creating = InferenceSession.create(sealed, { key });
    key.close();
    const session = await creating;
    await session.run(feeds);
    await session.release();
  });

  it('gives its secret memory back on release', async () => {
    await withKey(async (key) => {
      const warm = await InferenceSession.create(sealed, { key });
      await warm.run(feeds);
      warm.runSync(feeds);
      await warm.release();
      const before = secretMemoryReport();
      const session = await InferenceSession.create(sealed, { key });
      await session.run(feeds);
      expect(secretMemoryReport().mappedBytes).toBeGreaterThan(before.mappedBytes);
      await session.release();
      expect(secretMemoryReport().mappedBytes).toBe(before.mappedBytes);
    });
  });

  it('keeps many runs at once apart', async () => {
    const session = await withKey((key) => InferenceSession.create(sealed, { key }));
    const feedsOf = (seed: number) => ({ x: new Tensor('float32', [seed, 1, -seed], [1, 3]) });
    const expected = Array.from({ length: 40 }, (_, seed) => session.runSync(feedsOf(seed)));
    expect(await Promise.all(expected.map((_, seed) => session.run(feedsOf(seed))))).toEqual(expected);
    await session.release();
  });

  it('is refused without a key that fits', async () => {
    const create = (key: unknown) => () => InferenceSession.create(sealed, { key: key as SecretHandle });
    const invalid = { name: 'KeyError', code: 'ERR_KEY_HANDLE_INVALID' };
    expect(await refusal(create({ byteLength: 104 }))).toMatchObject(invalid);
    expect(await refusal(create('key'))).toMatchObject(invalid);
    expect(await refusal(create(null))).toMatchObject(invalid);
    const closed = secretFromBytes(keyPayload);
    closed.close();
    expect(await refusal(create(closed))).toMatchObject({ ...invalid, message: 'secret handle: closed already' });

    const short = secretFromBytes(keyPayload.subarray(0, 103));
    expect(await refusal(create(short))).toMatchObject({ name: 'KeyError', code: 'ERR_KEY_PAYLOAD_INVALID' });
    short.close();
    const other = Buffer.from(keyPayload);
    other[0] = (other[0] ?? 0) ^ 1;
    const wrong = secretFromBytes(other);
    expect(await refusal(create(wrong))).toMatchObject({ name: 'KeyError', code: 'ERR_NO_MATCHING_KEY' });
    wrong.close();
  });

  it('is refused without any key, saying that it needs one', async () => {
    for (const source of [path, sealed]) {
      expect(await refusal(() => InferenceSession.create(source))).toMatchObject({
        name: 'KeyError',
        code: 'ERR_NO_MATCHING_KEY',
        message: 'the model is sealed: its key is needed, got none',
        fields: { hint: 'give the handle of its content key as options.key' },
      });
    }
  });

  it('is refused when a byte of it changed', async () => {
    const changed = Buffer.from(sealed);
    const last = changed.length - 1;
    changed[last] = (changed[last] ?? 0) ^ 1;
    await withKey(async (key) => {
      expect(await refusal(() => InferenceSession.create(changed, { key }))).toMatchObject({ name: 'ContainerError' });
      expect(await refusal(() => InferenceSession.create(path.concat('.absent'), { key }))).toMatchObject({
        code: 'ERR_FILE_UNREADABLE',
      });
    });
  });

  it('never runs on another backend', async () => {
    const policy = { allowBackends: ['onnxruntime'] } as const;
    await withKey(async (key) => {
      const error = await refusal(() => InferenceSession.create(path, { key, backend: 'onnxruntime', policy }));
      expect(error).toMatchObject({ name: 'ModelError', code: 'ERR_BACKEND_NOT_ALLOWED' });
    });
    for (const source of [path, sealed]) {
      expect(await refusal(() => InferenceSession.create(source, { backend: 'onnxruntime', policy }))).toMatchObject({
        name: 'ModelError',
        code: 'ERR_BACKEND_NOT_ALLOWED',
        message: 'backend onnxruntime: a sealed model runs on native only',
      });
    }
  });
});

/** A process of its own that has a sealed session, and does `then` once it has said "ready". */
function startProcess(then: string): { child: ChildProcess; ready: Promise<unknown>; output: () => string } {
  const script = `
    import { readFileSync } from 'node:fs';
    import { InferenceSession, secretFromBytes, Tensor } from ${JSON.stringify(join(root, 'src', 'index.ts'))};
    const key = secretFromBytes(Buffer.from(${JSON.stringify(keyPayload.toString('hex'))}, 'hex'));
    const session = await InferenceSession.create(${JSON.stringify(path)}, { key });
    const feeds = { x: new Tensor('float32', [1, 1, 1], [1, 3]) };
    await session.run(feeds);
    console.log('ready');
    ${then}`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const ready = new Promise((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => line === 'ready' && resolve(line));
    child.once('exit', (code) => reject(new Error(`exited with ${code} before it was ready: ${output}`)));
  });
  return { child, ready, output: () => output };
}

describe('a process with a sealed session', () => {
  it('does not open a debugger on SIGUSR1', async () => {
    const { child, ready, output } = startProcess(`process.stdin.once('data', () => process.exit(7));`);
    await ready;
    child.kill('SIGUSR1');
    child.stdin?.write('go on\n');
    const [code] = await once(child, 'exit');
    expect(code).toBe(7);
    expect(output()).not.toContain('Debugger');
  });

  it('may exit while runs are under way', async () => {
    const { child, ready } = startProcess('for (let i = 0; i < 200; i++) session.run(feeds); process.exit(5);');
    await ready;
    const [code, signal] = await once(child, 'exit');
    expect([code, signal]).toEqual([5, null]);
  });

  it('ends by itself when nothing is under way, released or not', async () => {
    const { child, ready } = startProcess('');
    await ready;
    const [code, signal] = await once(child, 'exit');
    expect([code, signal]).toEqual([0, null]);
  });
});
