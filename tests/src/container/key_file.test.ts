import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { deriveKeyId } from '../../../src/container/format.js';
import { type ContentKeyFile, formatKeyFile, keyPayload, parseKeyFile } from '../../../src/container/key_file.js';
import { CONTENT_KEY, forgePayload, MODEL, PUBLISHER } from '../../vectors/forge.js';

const file: ContentKeyFile = {
  contentKey: CONTENT_KEY,
  keyId: deriveKeyId(CONTENT_KEY),
  publisherSpki: PUBLISHER.spki,
  model: MODEL,
};

test('comes back', () => {
  expect(parseKeyFile(formatKeyFile(file))).toEqual(file);
});

// RFC 5869 by hand: PRK = HMAC(zeros, key), T(1) = HMAC(PRK, info ‖ 0x01). Fixed by SPEC.md, so fixed here.
test('the key id of a known key', () => {
  expect(deriveKeyId(Buffer.alloc(32, 7)).toString('hex')).toMatchInlineSnapshot(
    `"1c7dc6036f1a06c7b79efea7f55175e5b3aec15ba00ca7362784d4eff40d4ca3"`,
  );
});

test('payload is that of SPEC.md', () => {
  expect(keyPayload(file)).toEqual(forgePayload());
  expect(keyPayload(file, 1)).toEqual(forgePayload({ minimum: 1n }));
  expect(() => keyPayload(file, 0)).toThrow(/minimum version/);
});

test.each([
  [
    'another content key',
    (json: Record<string, unknown>) => ({ ...json, contentKey: randomBytes(32).toString('hex') }),
  ],
  ['another format', (json: Record<string, unknown>) => ({ ...json, format: 'sealedge-content-key/2' })],
  ['a member more', (json: Record<string, unknown>) => ({ ...json, note: 'x' })],
  ['a member less', ({ model: _, ...json }: Record<string, unknown>) => json],
  ['version zero', (json: Record<string, unknown>) => ({ ...json, model: { name: 'm', version: 0 } })],
  ['a short publisher key', (json: Record<string, unknown>) => ({ ...json, publisher: { spki: 'AAAA' } })],
])('%s is refused', (_, alter) => {
  const text = JSON.stringify(alter(JSON.parse(formatKeyFile(file))));
  expect(() => parseKeyFile(text)).toThrow(expect.objectContaining({ code: 'ERR_KEY_PAYLOAD_INVALID' }));
});

test.each(['', '{}', 'not JSON', ' {}'])('%j is refused', (text) => {
  expect(() => parseKeyFile(text)).toThrow(expect.objectContaining({ code: 'ERR_KEY_PAYLOAD_INVALID' }));
});
