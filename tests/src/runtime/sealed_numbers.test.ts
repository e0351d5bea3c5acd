/** What is no tensor of whole bytes, and what an operator reads for itself: in a model, beside it and sealed, the same results. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { keyPayload } from '../../../src/container/key_file.js';
import { generatePublisherKey, parsePublisherPrivateKey } from '../../../src/container/publisher_key.js';
import { sealModel } from '../../../src/container/seal.js';
import { secretFromBytes } from '../../../src/native.js';
import { InferenceSession } from '../../../src/runtime/session.js';
import { Tensor } from '../../../src/runtime/tensor.js';
import { node, onnxModel } from '../../property/onnx_model.js';
import { bytes, int, message } from '../../vectors/tiny_onnx.js';

const folder = mkdtempSync(join(tmpdir(), 'sealedge-numbers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const publisherKey = parsePublisherPrivateKey(generatePublisherKey().privateKeyPem);

async function results(path: string, feeds: Record<string, Tensor>): Promise<Tensor> {
  const session = await InferenceSession.create(path);
  const { y } = await session.run(feeds);
  await session.release();
  return y as Tensor;
}

async function sealedResults(path: string, feeds: Record<string, Tensor>): Promise<Tensor> {
  const sealed = `${path}.sealed`;
  const { keyFile } = await sealModel(path, sealed, {
    publisherKey,
    name: 'numbers',
    version: 1,
    keyPath: `${path}.key`,
  });
  const key = secretFromBytes(keyPayload(keyFile));
  try {
    const session = await InferenceSession.create(sealed, { key });
    const { y } = await session.run(feeds);
    expect(session.memory.secretBytes).toBe(session.memory.constantBytes);
    await session.release();
    return y as Tensor;
  } finally {
    key.close();
  }
}

describe('weights of 4 bits', () => {
  const [inner, outer, block] = [96, 64, 32];
  const weights = Array.from({ length: inner * outer }, (_, i) => ((i * 7) % 16) - 8);
  const packed = Buffer.from(
    Array.from({ length: weights.length / 2 }, (_, i) => {
      const [low = 0, high = 0] = weights.slice(2 * i, 2 * i + 2);
      return (low & 15) | ((high & 15) << 4);
    }),
  );
  const scale = Float32Array.from({ length: (inner / block) * outer }, (_, i) => 0.25 + (i % 5) / 8);
  const x = Float32Array.from({ length: inner }, (_, i) => ((i * 3) % 11) - 5);
  const feeds = { x: new Tensor('float32', x, [1, inner]) };
  const expected = Float32Array.from({ length: outer }, (_, column) =>
    x.reduce((sum, value, row) => {
      const at = row * outer + column;
      return sum + value * (weights[at] as number) * (scale[Math.floor(row / block) * outer + column] as number);
    }, 0),
  );

  /** Constant with the TensorProto of INT4 (22), whose data are these fields. */
  const model = (...data: Buffer[]): Buffer => {
    const tensor = message(5, int(1, inner), int(1, outer), int(2, 22), ...data);
    const constant = message(1, bytes(2, 'w'), bytes(4, 'Constant'), message(5, bytes(1, 'value'), tensor, int(20, 4)));
    return onnxModel({
      opset: 21,
      nodes: [
        constant,
        node('DequantizeLinear', ['w', 'scale'], ['real'], { axis: 0, block_size: block }),
        node('MatMul', ['x', 'real'], ['y']),
      ],
      initializers: { scale: new Tensor('float32', scale, [inner / block, outer]) },
      inputs: [{ name: 'x', type: 'float32', dims: [1, inner] }],
      outputs: [{ name: 'y', type: 'float32' }],
    });
  };
  const entry = (key: string, value: string): Buffer => message(13, bytes(1, key), bytes(2, value));

  it('are in the model, as raw data or as bytes in int32_data', async () => {
    for (const [name, data] of Object.entries({
      raw: [bytes(9, packed)],
      typed: [...packed].map((byte) => int(5, byte)),
    })) {
      const path = join(folder, `${name}.onnx`);
      writeFileSync(path, model(...data));
      expect((await results(path, feeds)).data).toEqual(expected);
      expect((await sealedResults(path, feeds)).data).toEqual(expected);
    }
  });

  it('are in a file beside it', async () => {
    const path = join(folder, 'external.onnx');
    writeFileSync(join(folder, 'weights.bin'), packed);
    writeFileSync(path, model(entry('location', 'weights.bin'), int(14, 1)));
    expect((await results(path, feeds)).data).toEqual(expected);
    expect((await sealedResults(path, feeds)).data).toEqual(expected);
  });
});

describe('tensors among the attributes of an operator', () => {
  it('are read where they are too long for other tensors to stay inline', async () => {
    const count = 400;
    const numbers = (make: (i: number) => number, length = count): { readonly tensor: Tensor } => ({
      tensor: new Tensor(
        'float32',
        Float32Array.from({ length }, (_, i) => make(i)),
        [length],
      ),
    });
    const list = (make: (i: number) => number): number[] => Array.from({ length: count }, (_, i) => make(i));
    // x <= i: leaf i; else the next branch, and behind the last one the last leaf.
    const attributes = {
      tree_roots: [0],
      nodes_featureids: list(() => 0),
      nodes_modes: { tensor: new Tensor('uint8', new Uint8Array(count), [count]) },
      nodes_splits: numbers((i) => i),
      nodes_trueleafs: list(() => 1),
      nodes_truenodeids: list((i) => i),
      nodes_falseleafs: list((i) => (i + 1 === count ? 1 : 0)),
      nodes_falsenodeids: list((i) => i + 1),
      leaf_targetids: [...list(() => 0), 0],
      leaf_weights: numbers((i) => i / 2, count + 1),
    };
    const path = join(folder, 'tree.onnx');
    writeFileSync(
      path,
      onnxModel({
        opset: 21,
        domains: { 'ai.onnx.ml': 5 },
        nodes: [node('TreeEnsemble', ['x'], ['y'], attributes, 'ai.onnx.ml')],
        initializers: {},
        inputs: [{ name: 'x', type: 'float32', dims: [-1, 1] }],
        outputs: [{ name: 'y', type: 'float32' }],
      }),
    );
    const feeds = { x: new Tensor('float32', [-3, 6.5, 399, 1000, Number.NaN], [5, 1]) };
    const expected = Float32Array.of(0, 3.5, 199.5, 200, 200);
    expect((await results(path, feeds)).data).toEqual(expected);
    expect((await sealedResults(path, feeds)).data).toEqual(expected);
  });
});
