import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson, parseCanonicalJson } from '../../../src/container/canonical_json.js';

function judge(text: string | Uint8Array): string {
  return parseCanonicalJson(typeof text === 'string' ? Buffer.from(text, 'utf8') : text).status;
}

const profile: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.boolean(),
    fc.maxSafeInteger().map((n) => (Object.is(n, -0) ? 0 : n)),
    fc.string({ unit: 'grapheme' }),
    fc.array(tie('value')),
    fc.dictionary(fc.string({ unit: 'grapheme' }), tie('value')),
  ),
})).value;

describe('canonical JSON', () => {
  test('what is written parses as canonical, and to the same value', () => {
    fc.assert(
      fc.property(profile, (value) => {
        const text = canonicalJson(value);
        fc.pre(depthOf(text) <= 16);
        const parsed = parseCanonicalJson(Buffer.from(text, 'utf8'));
        expect(parsed.status).toBe('canonical');
        expect(canonicalJson(parsed.status === 'canonical' ? parsed.value : undefined)).toBe(text);
      }),
    );
  });

  test('any other spelling by JSON.stringify is refused', () => {
    fc.assert(
      fc.property(profile, fc.integer({ min: 1, max: 4 }), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        fc.pre(text !== canonicalJson(value) && depthOf(text) <= 16);
        expect(judge(text)).toBe('not-canonical');
      }),
    );
  });

  // RFC 8785, section 3.2.3.
  test('members are ordered by UTF-16 code units', () => {
    const object = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 };
    expect(Object.values(JSON.parse(canonicalJson(object)))).toEqual(expect.arrayContaining([1, 2, 3, 4, 5, 6, 7]));
    expect(canonicalJson(object)).toBe('{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}');
  });

  test.each([null, 1.5, -0, 2 ** 53, Number.NaN, '\ud800', { a: null }, 1n, Symbol('s')])(
    '%s is outside the profile',
    (value) => {
      expect(() => canonicalJson(value)).toThrow(TypeError);
    },
  );

  test('depth and number of values are bounded', () => {
    expect(judge('['.repeat(16) + ']'.repeat(16))).toBe('canonical');
    expect(judge('['.repeat(17) + ']'.repeat(17))).toBe('malformed');
    expect(judge('['.repeat(1 << 20))).toBe('malformed');
    expect(judge(`[${'0,'.repeat(65_535)}0]`)).toBe('malformed');
    expect(judge(`[${'0,'.repeat(65_534)}0]`)).toBe('canonical');
    expect(judge(`["${'[{,'.repeat(1000)}"]`)).toBe('canonical');
  });
});

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const c of text.replace(/"(?:[^"\\]|\\.)*"/g, '')) {
    if (c === '[' || c === '{') deepest = Math.max(deepest, ++depth);
    if (c === ']' || c === '}') depth--;
  }
  return deepest;
}
