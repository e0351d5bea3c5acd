// Decision 5: weights are never rewritten at load. Every sealed model comes as the kernels want it; one that does not, sealed for
// other kernels than these, is laid out anew in secret memory and says so.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { keyPayload, parseKeyFile } from '../../../src/container/key_file.js';
import { generatePublisherKey, parsePublisherPrivateKey } from '../../../src/container/publisher_key.js';
import { sealModel } from '../../../src/container/seal.js';
import { type NativeInput, type NativeSession, native, secretFromBytes } from '../../../src/native.js';
import { forge, forgePayload } from '../../vectors/forge.js';
import { matMulChain } from '../../vectors/tiny_onnx.js';
import { temporaryFolder } from '../container/temporary_folder.js';

const root = join(import.meta.dirname, '..', '..', '..');
const testData = process.env.SEALEDGE_TEST_DATA ?? join(root, '..', 'shared');

async function load(model: { path: string } | { bytes: Uint8Array }, payload?: Buffer): Promise<NativeSession> {
  const key = payload && secretFromBytes(payload);
  const session = await native().createSession(model, key, 1, {});
  key?.close();
  onTestFinished(() => native().releaseSession(session));
  return session;
}

// Where the model leaves dimensions open, or elements decide over what is computed.
const given: Record<string, { dims?: number[]; value?: number }> = {
  'silero_vad_16k input': { dims: [1, 576] },
  'silero_vad_16k sr': { value: 16000 },
  'ppocrv3_det x': { dims: [1, 3, 64, 96] },
};

const typedArrays: Record<number, (length: number, value: number) => NativeInput['data']> = {
  1: (length) => Float32Array.from({ length }, (_, i) => Math.sin(i * 0.37)),
  2: (length, value) => new Uint8Array(length).fill(value),
  6: (length, value) => new Int32Array(length).fill(value),
  7: (length, value) => new BigInt64Array(length).fill(BigInt(value)),
};

/** The same for every session of a model. */
function inputsOf(session: NativeSession, model: string): NativeInput[] {
  return native()
    .sessionMetadata(session)
    .inputs.map(({ name, type, shape }) => {
      const { dims: fixed, value = 1 } = given[`${model} ${name}`] ?? {};
      const dims = fixed ?? (shape ?? []).map((dim) => (typeof dim === 'number' && dim >= 0 ? dim : 1));
      const make = typedArrays[type];
      if (make === undefined) throw new Error(`input ${name} is of type ${type}`);
      return {
        name,
        type,
        dims,
        data: make(
          dims.reduce((a, b) => a * b, 1),
          value,
        ),
      };
    });
}

function outputsOf(session: NativeSession, model: string): Buffer[] {
  const wanted = native()
    .sessionMetadata(session)
    .outputs.map((_, index) => index);
  return native()
    .runSessionSync(session, inputsOf(session, model), wanted)
    .map(({ data }) => Buffer.from(data ?? new ArrayBuffer(0)));
}

describe('no weight is laid out anew at load', () => {
  const models: [name: string, path: string][] = [
    ['motor', join(root, 'examples/motor/motor.onnx')],
    ...[
      'mlperf_ic_resnet8_f32',
      'mlperf_kws_dscnn_f32',
      'mlperf_vww_mobilenet025_f32',
      'mlperf_ad_autoencoder_f32',
      'mlperf_ic_resnet8_int8',
      'mlperf_kws_dscnn_int8',
      'mlperf_vww_mobilenet025_int8',
      'mlperf_ad_autoencoder_int8',
      'mlperf_sww_int8',
      'mnist_cntk',
      'ultraface_rfb320',
      'silero_vad_16k',
      'dtln_stage1',
      'ppocrv3_det',
      'yolox_nano',
      'magika_standard_v3_3',
      'cct_xs_plate_ocr',
    ].map((name): [string, string] => [name, join(testData, 'models', name, 'model.onnx')]),
  ];
  for (const [name, path] of models) {
    const absent = existsSync(path) ? '' : ` (skipped: not found: ${path})`;
    it.skipIf(absent !== '')(`${name}, and it computes what the plain model does${absent}`, async () => {
      const folder = temporaryFolder();
      const [sealed, keyPath] = [join(folder, 'model.sealed'), join(folder, 'model.key')];
      const publisherKey = parsePublisherPrivateKey(generatePublisherKey().privateKeyPem);
      await sealModel(path, sealed, { publisherKey, name, version: 1, keyPath });
      const session = await load({ path: sealed }, keyPayload(parseKeyFile(readFileSync(keyPath, 'utf8'))));
      expect(native().sessionReport(session).repackedWeights).toBe(0);
      expect(outputsOf(session, name)).toEqual(outputsOf(await load({ path }), name));
    });
  }
});

describe('a weight sealed otherwise', () => {
  const [K, N] = [3, 18];
  const elements = Float32Array.from({ length: K * N }, (_, i) => i + 0.5);
  const sha256 = createHash('sha256').update(Buffer.from(elements.buffer)).digest('hex');
  const expected = Float32Array.from({ length: N }, (_, n) => {
    let sum = 0;
    for (let k = 0; k < K; k++) sum += (k + 1) * (elements[k * N + n] ?? 0);
    return sum;
  });

  /** SPEC.md "Layouts": 16 lanes innermost; element(lane, step) of a weight of so many lanes and steps. */
  function panels(lanes: number, steps: number, element: (lane: number, step: number) => number): Buffer {
    const packed = new Float32Array(Math.ceil(lanes / 16) * steps * 16);
    for (let lane = 0; lane < lanes; lane++) {
      for (let step = 0; step < steps; step++) {
        packed[(Math.floor(lane / 16) * steps + step) * 16 + (lane % 16)] = element(lane, step);
      }
    }
    return Buffer.from(packed.buffer);
  }
  const at = (k: number, n: number) => elements[k * N + n] ?? 0;
  const plain = Buffer.concat([Buffer.from(elements.buffer)], Math.ceil((K * N * 4) / 64) * 64);

  it.each<[what: string, placement: string, plaintext: Buffer, layout: number, repacked: number]>([
    ['as wanted', '1 0 384 panel16 gemm_kn 3x18', panels(N, K, (n, k) => at(k, n)), 1, 0],
    ['row-major', '1 0 216 plain none 3x18', plain, 0, 1],
    ['in panels of its rows', '1 0 1152 panel16 gemm_nk 3x18', panels(K, N, (k, n) => at(k, n)), 1, 1],
  ])('%s', async (_, placement, plaintext, layout, repacked) => {
    const data: [string, string][] = [
      ['location', 'sealed'],
      ['sealedge.sha256', sha256],
      ['sealedge.placement', placement],
    ];
    const graph = matMulChain([{ name: 'w', dims: [K, N], data }]);
    const bytes = forge({
      segments: [
        { plaintext: graph, layout: 255 },
        { plaintext, layout },
      ],
    });
    const session = await load({ bytes }, forgePayload());
    const report = native().sessionReport(session);
    expect(report.repackedWeights).toBe(repacked);
    expect(report.secretBytes).toBe(report.constantBytes);
    const input = { name: 'x', type: 1, dims: [1, K], data: Float32Array.of(1, 2, 3) };
    const [output] = native().runSessionSync(session, [input], [0]);
    expect(new Float32Array(output?.data ?? new ArrayBuffer(0))).toEqual(expected);
  });
});
