/** One scenario per way to succeed or fail: a recipe for the file, the key payload it is opened with, and what must happen. */
import { createHash } from 'node:crypto';
import { forge, forgePayload, fromSeed, type Recipe } from './forge.js';
import { envelopeScenarios } from './scenarios_envelope.js';
import { fileScenarios } from './scenarios_file.js';
import { statementScenarios } from './scenarios_statement.js';
import { matMulChain } from './tiny_onnx.js';

interface Scenario {
  name: string;
  comment: string;
  expect: string;
  expectKeyless: string;
  keyPayload: Buffer;
  layouts: number[];
  plaintexts: Buffer[];
  bytes: Buffer;
}

/** What differs from a right file of one graph segment, opened with the right key. */
export interface ScenarioSpec extends Partial<Recipe> {
  name: string;
  comment: string;
  expect: string;
  expectKeyless?: string;
  payload?: Buffer;
}

/** A graph without sealed tensors: the smallest file. */
export const INLINE_GRAPH = matMulChain([{ name: 'w', dims: [2, 2], data: fromSeed('inline').subarray(0, 16) }]);

/** A graph whose two weights are sealed: (3, 2) in 16-lane panels, (2, 64) as it is. */
export function sealedGraph(): { plaintext: Buffer; layout: number }[] {
  const panel = Buffer.alloc(3 * 16 * 4);
  const rowMajor = Buffer.alloc(3 * 2 * 4);
  for (let k = 0; k < 3; k++) {
    for (let n = 0; n < 2; n++) {
      const value = k * 2 + n + 0.5;
      rowMajor.writeFloatLE(value, (k * 2 + n) * 4);
      panel.writeFloatLE(value, (k * 16 + n) * 4);
    }
  }
  const plain = Buffer.alloc(2 * 64 * 4);
  for (let i = 0; i < 128; i++) plain.writeFloatLE(i / 8, i * 4);
  const graph = matMulChain([
    { name: 'first', dims: [3, 2], data: placement(`1 0 ${panel.length} panel16 gemm_kn 3x2`, rowMajor) },
    { name: 'second', dims: [2, 64], data: placement(`2 0 ${plain.length} plain none 2x64`, plain) },
  ]);
  return [
    { plaintext: graph, layout: 255 },
    { plaintext: panel, layout: 1 },
    { plaintext: plain, layout: 0 },
  ];
}

function placement(value: string, rowMajor: Buffer): [string, string][] {
  return [
    ['location', 'sealed'],
    ['sealedge.sha256', sha256Hex(rowMajor)],
    ['sealedge.placement', value],
  ];
}

export function* scenarios(): Generator<Scenario> {
  for (const spec of [...fileScenarios(), ...envelopeScenarios(), ...statementScenarios()]) {
    const segments = spec.segments ?? [{ plaintext: INLINE_GRAPH, layout: 255 }];
    yield {
      name: spec.name,
      comment: spec.comment,
      expect: spec.expect,
      expectKeyless: spec.expectKeyless ?? spec.expect,
      keyPayload: spec.payload ?? forgePayload(),
      layouts: segments.map(({ layout }) => layout),
      plaintexts: segments.map(({ plaintext }) => plaintext),
      bytes: forge({ ...spec, segments }),
    };
  }
}

function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
