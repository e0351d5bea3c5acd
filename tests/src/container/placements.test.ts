// SPEC.md "What a reader rejects", row 23: a graph, properly sealed and signed, that says wrong things of its tensors.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { native } from '../../../src/native.js';
import { forge, forgePayload } from '../../vectors/forge.js';
import { matMulChain } from '../../vectors/tiny_onnx.js';
import { temporaryFolder } from './temporary_folder.js';

const elements = Buffer.from(Float32Array.from({ length: 6 }, (_, i) => i + 0.5).buffer);
const panel = Buffer.alloc(192);
for (let i = 0; i < 6; i++) panel.writeFloatLE(i + 0.5, (Math.floor(i / 2) * 16 + (i % 2)) * 4);
const digest = createHash('sha256').update(elements).digest('hex');

type Entries = [string, string][];
const right: Entries = [
  ['location', 'sealed'],
  ['sealedge.sha256', digest],
  ['sealedge.placement', '1 0 192 panel16 gemm_kn 3x2'],
];

function placed(...placements: string[]): Entries {
  return [...right.slice(0, 2), ...placements.map((value): [string, string] => ['sealedge.placement', value])];
}

async function check(entries: Entries, weights = [{ plaintext: panel, layout: 1 }]): Promise<string> {
  const path = join(temporaryFolder(), 'model.sealed');
  const graph = matMulChain([{ name: 'w', dims: [3, 2], data: entries }]);
  writeFileSync(path, forge({ segments: [{ plaintext: graph, layout: 255 }, ...weights] }));
  return native()
    .unsealFile(path, forgePayload(), -1)
    .then(
      () => 'success',
      (error) => error.code,
    );
}

test('the right one', async () => {
  expect(await check(right)).toBe('success');
});

test('two placements of one weight', async () => {
  const plain = Buffer.alloc(64);
  elements.copy(plain);
  const both = placed('1 0 192 panel16 gemm_kn 3x2', '2 0 24 plain none 3x2');
  const weights = [
    { plaintext: panel, layout: 1 },
    { plaintext: plain, layout: 0 },
  ];
  expect(await check(both, weights)).toBe('success');
  plain[0] = 1;
  expect(await check(both, weights)).toBe('ERR_MODEL_INVALID');
});

test.each<[string, Entries]>([
  ['a segment that is not there', placed('2 0 192 panel16 gemm_kn 3x2')],
  ['the graph as a segment', placed('0 0 192 panel16 gemm_kn 3x2')],
  ['an offset past the end', placed('1 64 192 panel16 gemm_kn 3x2')],
  ['a huge offset', placed('1 18446744073709551552 192 panel16 gemm_kn 3x2')],
  ['an offset that is no multiple of 64', placed('1 4 24 plain none 3x2')],
  ['another length', placed('1 0 128 panel16 gemm_kn 3x2')],
  ['other dims', placed('1 0 192 panel16 gemm_kn 3x3')],
  ['an order that does not fit the dims', placed('1 0 192 panel16 conv_oihw 3x2')],
  ['a digest of other elements', [right[0], ['sealedge.sha256', '00'.repeat(32)], right[2]] as Entries],
  ['no digest', [right[0], right[2]] as Entries],
  ['no placement', right.slice(0, 2)],
  ['another location', [['location', 'weights.bin'], right[1], right[2]] as Entries],
  ['an entry that is not known', [...right, ['checksum', '0']]],
  ['two layouts in one segment', placed('1 0 192 panel16 gemm_kn 3x2', '1 0 24 plain none 3x2')],
])('%s', async (_, entries) => {
  expect(await check(entries)).toBe('ERR_MODEL_INVALID');
});

test('another layout than the segment was sealed with', async () => {
  expect(await check(placed('1 0 24 plain none 3x2'))).toBe('ERR_SEGMENT_AUTH');
});

test('a segment that no tensor names', async () => {
  const weights = [
    { plaintext: panel, layout: 1 },
    { plaintext: panel, layout: 1 },
  ];
  expect(await check(right, weights)).toBe('ERR_MODEL_INVALID');
});
