// The native reader and the independent one, held against each other on files that nobody thought of: altered at random, with the
// envelope signed anew so that the alteration is reached.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IndependentReader } from '../../../src/container/reader.js';
import { SealedgeError } from '../../../src/errors.js';
import { native } from '../../../src/native.js';
import { forge, forgePayload } from '../../vectors/forge.js';
import { INLINE_GRAPH, sealedGraph } from '../../vectors/scenarios.js';
import { temporaryFolder } from './temporary_folder.js';

const payload = forgePayload();

async function nativeOutcome(path: string): Promise<string> {
  try {
    await native().unsealFile(path, payload, -1);
    return 'success';
  } catch (error) {
    if (error instanceof SealedgeError) return error.code;
    throw error;
  }
}

function independentOutcome(bytes: Buffer, layouts: number[]): string {
  try {
    const reader = new IndependentReader(payload);
    reader.push(bytes);
    const { segments } = reader.finish();
    reader.graph();
    for (let i = 1; i < segments.length; i++) reader.segment(i, layouts[i] ?? 0);
    return 'success';
  } catch (error) {
    if (error instanceof SealedgeError) return error.code;
    throw error;
  }
}

function edit(text: string, at: number, remove: number, insert: string): string {
  const index = at % (text.length + 1);
  return text.slice(0, index) + insert + text.slice(index + remove);
}

const fragment = fc.oneof(
  fc.constantFrom(
    '"',
    '\\',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    ' ',
    '\n',
    '0',
    '-0',
    '1e0',
    'null',
    'true',
    '\\u0041',
    '\\ud800',
    'é',
    '="',
  ),
  fc.string({ unit: 'binary', maxLength: 3 }),
);
const alteration = fc.record({ at: fc.nat({ max: 4000 }), remove: fc.nat({ max: 4 }), insert: fragment });

test.each([
  ['statement', 'editStatementText'],
  ['envelope', 'editEnvelopeText'],
] as const)('an altered %s', async (_, step) => {
  const path = join(temporaryFolder(), 'altered.sealed');
  await fc.assert(
    fc.asyncProperty(fc.array(alteration, { minLength: 1, maxLength: 2 }), async (alterations) => {
      const bytes = forge({
        segments: [{ plaintext: INLINE_GRAPH, layout: 255 }],
        [step]: (text: string) =>
          alterations.reduce((now, { at, remove, insert }) => edit(now, at, remove, insert), text),
      });
      writeFileSync(path, bytes);
      expect(await nativeOutcome(path)).toBe(independentOutcome(bytes, [255]));
    }),
    { numRuns: 150 },
  );
});

test('a file altered anywhere', async () => {
  const path = join(temporaryFolder(), 'altered.sealed');
  const segments = sealedGraph();
  const right = forge({ segments });
  const layouts = segments.map(({ layout }) => layout);
  writeFileSync(path, right);
  expect(await nativeOutcome(path)).toBe('success');
  expect(independentOutcome(right, layouts)).toBe('success');
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: right.length - 1 }), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
      const bytes = Buffer.from(right);
      bytes[at] = (bytes[at] ?? 0) ^ mask;
      writeFileSync(path, bytes);
      const outcome = await nativeOutcome(path);
      expect(outcome).toMatch(/^ERR_/);
      expect(outcome).toBe(independentOutcome(bytes, layouts));
    }),
    { numRuns: 150 },
  );
});
