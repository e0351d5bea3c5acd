/** The JSON profile of sealed files (SPEC.md "Canonical JSON"): RFC 8785 without null, fractions and exponents. */

export type CanonicalValue = boolean | number | string | CanonicalValue[] | { [name: string]: CanonicalValue };

export type CanonicalParse =
  | { status: 'canonical'; value: CanonicalValue }
  /** JSON, but not the one spelling that {@link canonicalJson} writes. */
  | { status: 'not-canonical' }
  /** Not UTF-8, not JSON, or beyond the limits of depth and size. */
  | { status: 'malformed' };

const MAX_DEPTH = 16;
const MAX_VALUES = 65_536;

/** @throws TypeError when the value is outside the profile. */
export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
        throw new TypeError(`canonical JSON: not an integer within 2^53 - 1: ${value}`);
      }
      return String(value);
    case 'string':
      if (/\p{Surrogate}/u.test(value)) throw new TypeError('canonical JSON: lone surrogate');
      // ECMA-262 QuoteJSONString escapes exactly what RFC 8785 section 3.2.2.2 asks for.
      return JSON.stringify(value);
    case 'object': {
      if (value === null) throw new TypeError('canonical JSON: null');
      if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
      const object = value as Record<string, unknown>;
      // Without a comparator sort() compares UTF-16 code units, as RFC 8785 section 3.2.3 does.
      const members = Object.keys(object)
        .filter((name) => object[name] !== undefined)
        .sort()
        .map((name) => `${canonicalJson(name)}:${canonicalJson(object[name])}`);
      return `{${members.join(',')}}`;
    }
    default:
      throw new TypeError(`canonical JSON: ${typeof value}`);
  }
}

export function parseCanonicalJson(bytes: Uint8Array): CanonicalParse {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!withinLimits(text)) return { status: 'malformed' };
    value = JSON.parse(text);
  } catch {
    return { status: 'malformed' };
  }
  try {
    return canonicalJson(value) === text
      ? { status: 'canonical', value: value as CanonicalValue }
      : { status: 'not-canonical' };
  } catch {
    return { status: 'not-canonical' };
  }
}

/** Counts depth and values of a JSON text without parsing it; what it says of other texts does not matter. */
function withinLimits(text: string): boolean {
  let depth = 0;
  let values = 1;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '"') {
      for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === '\\') i++;
    } else if (c === '[' || c === '{') {
      if (++depth > MAX_DEPTH) return false;
      let next = i + 1;
      while (next < text.length && ' \t\n\r'.includes(text.charAt(next))) next++;
      if (text[next] !== ']' && text[next] !== '}') values++;
    } else if (c === ']' || c === '}') {
      depth--;
    } else if (c === ',') {
      values++;
    }
  }
  return values <= MAX_VALUES;
}
