// Seal, read with both readers, unseal, compare: on small models made here, and on every model of the test data.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inspectSealedFile } from '../../../src/container/inspect.js';
import { keyPayload, parseKeyFile } from '../../../src/container/key_file.js';
import {
  generatePublisherKey,
  parsePublisherPrivateKey,
  parsePublisherPublicKey,
} from '../../../src/container/publisher_key.js';
import { IndependentReader } from '../../../src/container/reader.js';
import { type SealOptions, sealModel } from '../../../src/container/seal.js';
import { checkSealedModel, unsealModel } from '../../../src/container/unseal.js';
import { describeUnless } from '../../support/requirements.js';
import { matMulChain } from '../../vectors/tiny_onnx.js';
import { temporaryFolder } from './temporary_folder.js';

const pair = generatePublisherKey();
const publisherKey = parsePublisherPrivateKey(pair.privateKeyPem);

function floats(count: number): Buffer {
  return Buffer.from(Float32Array.from({ length: count }, (_, i) => Math.sin(i) * 3).buffer);
}

function tinyModel(folder: string): string {
  const path = join(folder, 'model.onnx');
  const weights = [
    { name: 'a', dims: [40, 50], data: floats(2000) },
    { name: 'b', dims: [50, 33], data: floats(1650) },
  ];
  writeFileSync(path, matMulChain(weights));
  return path;
}

function options(folder: string, more: Partial<SealOptions> = {}): SealOptions {
  return { publisherKey, name: 'tiny', version: 5, keyPath: join(folder, 'model.key'), ...more };
}

describe('a sealed model', () => {
  test('is read by both readers, and comes back', async () => {
    const folder = temporaryFolder();
    const model = tinyModel(folder);
    const sealed = join(folder, 'model.sealed');
    const result = await sealModel(
      model,
      sealed,
      options(folder, { description: 'two products', created: new Date(0) }),
    );
    const manifest = await inspectSealedFile(sealed, { publisher: parsePublisherPublicKey(pair.publicKeyPem) });
    expect(manifest).toEqual(result.manifest);
    expect(manifest.model).toEqual({ name: 'tiny', version: 5, description: 'two products' });
    expect(manifest.created).toBe('1970-01-01T00:00:00Z');

    const key = parseKeyFile(readFileSync(join(folder, 'model.key'), 'utf8'));
    expect(key).toEqual(result.keyFile);
    const reader = new IndependentReader(keyPayload(key));
    for (const byte of readFileSync(sealed)) reader.push(Buffer.of(byte));
    reader.finish();
    expect(Buffer.from(reader.graph()).includes('sealedge.placement')).toBe(true);
    expect(await checkSealedModel(sealed, key)).toMatchObject({ tensors: 2, sealedTensors: 2 });

    const unsealed = join(folder, 'out.onnx');
    const report = await unsealModel(sealed, unsealed, key, { comparePath: model });
    expect(report.compared).toEqual({ tensors: 2, tensorBytes: 3650 * 4 });
    expect(readFileSync(unsealed)).toEqual(readFileSync(model));
  });

  test('has nothing in the clear, and modes that fit', async () => {
    const folder = temporaryFolder();
    const sealed = join(folder, 'model.sealed');
    const { keyFile } = await sealModel(tinyModel(folder), sealed, options(folder));
    const bytes = readFileSync(sealed);
    for (const probe of [floats(4), Buffer.from('MatMul'), keyFile.contentKey])
      expect(bytes.includes(probe)).toBe(false);
    expect(statSync(sealed).mode & 0o777).toBe(0o644);
    expect(statSync(join(folder, 'model.key')).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).sort()).toEqual(['model.key', 'model.onnx', 'model.sealed']);
  });

  test('is another one every time', async () => {
    const folder = temporaryFolder();
    const model = tinyModel(folder);
    const digests = new Set<string>();
    for (const name of ['1', '2', '3']) {
      const keyPath = join(folder, `${name}.key`);
      const { manifest } = await sealModel(model, join(folder, name), options(folder, { keyPath }));
      for (const { id, sha256 } of manifest.segments) digests.add(id.toString('hex')).add(sha256.toString('hex'));
      digests.add(manifest.keyId.toString('hex'));
    }
    expect(digests.size).toBe(3 * (2 * 2 + 1));
  });

  test('brings external data along, from the folder of the model only', async () => {
    const folder = temporaryFolder();
    const models = join(folder, 'models');
    mkdirSync(models);
    const path = join(models, 'model.onnx');
    const outside = join(folder, 'outside.bin');
    writeFileSync(outside, floats(2000));
    writeFileSync(join(models, 'inside.bin'), Buffer.concat([Buffer.alloc(64), floats(2000)]));
    symlinkSync(outside, join(models, 'link.bin'));
    const model = (...entries: [string, string][]) => matMulChain([{ name: 'a', dims: [40, 50], data: entries }]);

    writeFileSync(path, model(['location', 'inside.bin'], ['offset', '64'], ['length', '8000']));
    const sealed = join(folder, 'model.sealed');
    const { keyFile } = await sealModel(path, sealed, options(folder));
    const { compared } = await unsealModel(sealed, join(folder, 'out.onnx'), keyFile, { comparePath: path });
    expect(compared).toEqual({ tensors: 1, tensorBytes: 8000 });

    for (const location of ['link.bin', '../outside.bin', outside]) {
      writeFileSync(path, model(['location', location]));
      const again = options(folder, { overwrite: true });
      await expect(sealModel(path, sealed, again), location).rejects.toMatchObject({
        code: expect.stringMatching(/ERR_MODEL_INVALID|ERR_FILE_UNREADABLE/),
      });
    }
  });
});

describe('sealing refuses', () => {
  test('to replace files, unless told to', async () => {
    const folder = temporaryFolder();
    const model = tinyModel(folder);
    const sealed = join(folder, 'model.sealed');
    await sealModel(model, sealed, options(folder));
    const before = readFileSync(sealed);
    await expect(sealModel(model, sealed, options(folder))).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
    const keyTaken = options(folder);
    await expect(sealModel(model, join(folder, 'other'), keyTaken)).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
    });
    expect(readFileSync(sealed)).toEqual(before);
    await sealModel(model, sealed, options(folder, { overwrite: true }));
    expect(readFileSync(sealed)).not.toEqual(before);
  });

  test.each([
    ['an empty name', { name: '' }],
    ['a name with a newline', { name: 'a\nb' }],
    ['a name that is too long', { name: 'é'.repeat(129) }],
    ['version 0', { version: 0 }],
    ['version 1.5', { version: 1.5 }],
    ['an empty description', { description: '' }],
  ])('%s', async (_, more) => {
    const folder = temporaryFolder();
    const sealed = join(folder, 'model.sealed');
    const sealing = sealModel(tinyModel(folder), sealed, options(folder, more));
    await expect(sealing).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
    expect(readdirSync(folder)).toEqual(['model.onnx']);
  });

  test('what is no model, and leaves nothing behind', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'model.onnx');
    for (const bytes of [Buffer.alloc(0), Buffer.from('not a model'), floats(1000)]) {
      writeFileSync(path, bytes);
      await expect(sealModel(path, join(folder, 'out'), options(folder))).rejects.toMatchObject({ name: 'ModelError' });
    }
    await expect(sealModel(join(folder, 'absent'), join(folder, 'out'), options(folder))).rejects.toMatchObject({
      code: 'ERR_FILE_UNREADABLE',
    });
    expect(readdirSync(folder)).toEqual(['model.onnx']);
  });
});

describe('comparing', () => {
  test.each([
    ['an element', (bytes: Buffer) => bytes.writeUInt8((bytes.at(-60) ?? 0) ^ 1, bytes.length - 60)],
    ['a name', (bytes: Buffer) => bytes.write('Q', bytes.indexOf('MatMul'))],
  ])('finds %s that differs', async (_, alter) => {
    const folder = temporaryFolder();
    const model = tinyModel(folder);
    const sealed = join(folder, 'model.sealed');
    const { keyFile } = await sealModel(model, sealed, options(folder));
    const altered = readFileSync(model);
    alter(altered);
    writeFileSync(model, altered);
    const unsealing = unsealModel(sealed, join(folder, 'out.onnx'), keyFile, { comparePath: model });
    await expect(unsealing).rejects.toMatchObject({ message: expect.stringContaining('models differ') });
    expect(existsSync(join(folder, 'out.onnx'))).toBe(false);
  });
});

describe('the key file', () => {
  test('is never the sealed file itself', async () => {
    const folder = temporaryFolder();
    const sealed = join(folder, 'model.sealed');
    const same = options(folder, { keyPath: join(folder, '.', 'model.sealed'), overwrite: true });
    await expect(sealModel(tinyModel(folder), sealed, same)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
    expect(existsSync(sealed)).toBe(false);
  });

  test('is not left behind when the name of the sealed file is taken meanwhile', async () => {
    const folder = temporaryFolder();
    const sealed = join(folder, 'model.sealed');
    const sealing = sealModel(
      tinyModel(folder),
      sealed,
      options(folder, { onProgress: () => writeFileSync(sealed, 'someone else') }),
    );
    await expect(sealing).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
    expect(readdirSync(folder).sort()).toEqual(['model.onnx', 'model.sealed']);
    expect(readFileSync(sealed, 'utf8')).toBe('someone else');
  });
});

test.each([0, -1, 1.5, Number.NaN, 1e9])('%d threads are refused', async (threads) => {
  const folder = temporaryFolder();
  const sealing = sealModel(tinyModel(folder), join(folder, 'model.sealed'), options(folder, { threads }));
  await expect(sealing).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
  expect(readdirSync(folder)).toEqual(['model.onnx']);
});

const testData = resolve(process.env.SEALEDGE_TEST_DATA ?? '../shared', 'models');
const models = existsSync(testData)
  ? readdirSync(testData).filter((name) => existsSync(join(testData, name, 'model.onnx')))
  : [];

describeUnless(models.length === 0 ? `no models in ${testData}` : undefined)(
  'every model of the test data comes back',
  () => {
    test.each(models)('%s', async (name) => {
      const folder = temporaryFolder();
      const model = join(testData, name, 'model.onnx');
      const sealed = join(folder, 'model.sealed');
      const { keyFile, facts } = await sealModel(model, sealed, options(folder));
      const unsealed = join(folder, 'out.onnx');
      const { compared } = await unsealModel(sealed, unsealed, keyFile, { comparePath: model });
      expect(compared).toEqual({ tensors: facts.tensors, tensorBytes: facts.tensorBytes });
      // Sealing what was unsealed gives the same plan: nothing of the graph was lost.
      const again = await sealModel(
        unsealed,
        join(folder, 'again'),
        options(folder, { keyPath: join(folder, 'again.key') }),
      );
      expect(again.facts).toEqual(facts);
      expect(createHash('sha256').update(readFileSync(unsealed)).digest()).toHaveLength(32);
    });
  },
);
