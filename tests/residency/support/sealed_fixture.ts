import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { keyPayload } from '../../../src/container/key_file.js';
import { sealModel } from '../../../src/container/seal.js';
import { keyProbes } from '../../../tools/residency/key_probes.js';
import { readInitializers } from '../../../tools/residency/onnx_initializers.js';
import type { Probe } from '../../../tools/residency/probe_search.js';
import { weightProbes } from '../../../tools/residency/weight_probes.js';

const MODEL = fileURLToPath(new URL('../../../examples/motor/motor.onnx', import.meta.url));
const WEIGHT_PROBES = 64;

/** A model, the motor example unless told otherwise, sealed for one test file, with everything that must not be found. */
export class SealedFixture {
  private constructor(
    readonly directory: string,
    readonly sealedFile: string,
    readonly payloadFile: string,
    readonly weights: Probe[],
    readonly keys: Probe[],
  ) {}

  static async make(model = MODEL): Promise<SealedFixture> {
    const directory = mkdtempSync(join(tmpdir(), 'sealedge-residency-'));
    chmodSync(directory, 0o755); // some holders run as another user
    const at = (name: string): string => join(directory, name);
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const label = { name: 'fixture', version: 1, keyPath: at('model.key') };
    const { manifest, keyFile } = await sealModel(model, at('model.sealed'), { publisherKey: privateKey, ...label });
    writeFileSync(at('payload'), keyPayload(keyFile));
    const weights = weightProbes(readInitializers(readFileSync(model)), WEIGHT_PROBES);
    const keys = keyProbes(
      keyFile.contentKey,
      manifest.segments.map(({ id }) => id),
    );
    return new SealedFixture(directory, at('model.sealed'), at('payload'), weights, keys);
  }

  get probes(): Probe[] {
    return [...this.weights, ...this.keys];
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
