/** Strict readers of hexadecimal and base64: each value has one spelling, and no other is accepted. */

/** The bytes, or undefined unless `text` is exactly 2 * length lower-case digits. */
export function fromHex(text: string, length: number): Buffer | undefined {
  return text.length === 2 * length && /^[0-9a-f]*$/.test(text) ? Buffer.from(text, 'hex') : undefined;
}

/** RFC 4648 section 4 with padding; undefined for anything that re-encodes to another text. */
export function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}
