/**
 * The little of ASN.1 that judging an EK certificate takes: walk tag-length-value and read the types that occur in extensions
 * and keys. Deliberately tolerant of BER habits real TPM makers have (sets out of order, default values encoded, X.690
 * 11.5 and 11.6): OpenSSL checks the signature over the very bytes, so tolerance here changes no verdict on authenticity.
 * Lengths are strict: definite, inside the parent.
 */
import { malformed } from '../tpm/byte_reader.js';

export const TAG_BOOLEAN = 0x01;
export const TAG_INTEGER = 0x02;
export const TAG_BIT_STRING = 0x03;
export const TAG_OCTET_STRING = 0x04;
export const TAG_OID = 0x06;
export const TAG_SEQUENCE = 0x30;
/** [n] constructed. */
export const contextTag = (n: number): number => 0xa0 | n;

export interface DerElement {
  tag: number;
  content: Buffer;
}

const MAX_LENGTH_OCTETS = 3;

/** All elements directly inside `bytes`. @throws EvidenceError ERR_EVIDENCE_MALFORMED */
export function derElements(bytes: Buffer, what: string): DerElement[] {
  const elements: DerElement[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const tag = bytes[offset] ?? 0;
    if ((tag & 0x1f) === 0x1f) throw malformed(what, 'single-byte tags', `0x${tag.toString(16)}`);
    const { length, headerBytes } = readLength(bytes, offset + 1, what);
    const start = offset + 1 + headerBytes;
    if (length > bytes.length - start) throw malformed(what, `${length} bytes`, `${bytes.length - start}`);
    elements.push({ tag, content: bytes.subarray(start, start + length) });
    offset = start + length;
  }
  return elements;
}

function readLength(bytes: Buffer, offset: number, what: string): { length: number; headerBytes: number } {
  const first = bytes[offset];
  if (first === undefined) throw malformed(what, 'a length', 'the end');
  if (first < 0x80) return { length: first, headerBytes: 1 };
  const octets = first & 0x7f;
  if (octets === 0 || octets > MAX_LENGTH_OCTETS || offset + octets >= bytes.length) {
    throw malformed(what, `a definite length of at most ${MAX_LENGTH_OCTETS} octets`, `0x${first.toString(16)}`);
  }
  return { length: bytes.readUIntBE(offset + 1, octets), headerBytes: 1 + octets };
}

/** The one element with this tag; the others are of no interest. */
export function derChild(elements: readonly DerElement[], tag: number, what: string): DerElement {
  const found = elements.find((element) => element.tag === tag);
  if (found === undefined) throw malformed(what, `an element with tag 0x${tag.toString(16)}`, 'none');
  return found;
}

/** Exactly one element of this tag and nothing after it. */
export function derOnly(bytes: Buffer, tag: number, what: string): Buffer {
  const elements = derElements(bytes, what);
  const [only] = elements;
  if (elements.length !== 1 || only === undefined || only.tag !== tag) {
    throw malformed(what, `one element with tag 0x${tag.toString(16)}`, `${elements.length} elements`);
  }
  return only.content;
}

/** Dotted form. */
export function derOid(content: Buffer, what: string): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const [i, byte] of content.entries()) {
    arc = arc * 128 + (byte & 0x7f);
    if (arc > 0xffffffff) throw malformed(what, 'object identifier arcs below 2^32', 'a larger one');
    if (byte & 0x80) {
      if (i === content.length - 1) throw malformed(what, 'a complete object identifier', 'a cut one');
      continue;
    }
    if (arcs.length === 0) arcs.push(Math.min(2, Math.floor(arc / 40)), arc - 40 * Math.min(2, Math.floor(arc / 40)));
    else arcs.push(arc);
    arc = 0;
  }
  return arcs.join('.');
}

/** A non-negative INTEGER without its sign octet. */
export function derUnsigned(content: Buffer, what: string): Buffer {
  if (content.length === 0 || ((content[0] ?? 0) & 0x80) !== 0)
    throw malformed(what, 'a non-negative integer', 'another');
  return content[0] === 0 && content.length > 1 ? content.subarray(1) : content;
}

/** The octets of a BIT STRING whose length is a multiple of eight. */
export function derBitStringOctets(content: Buffer, what: string): Buffer {
  if (content.length === 0 || content[0] !== 0) throw malformed(what, 'a bit string of whole octets', 'another');
  return content.subarray(1);
}

/** Whether bit `n` of a named bit list is set. */
export function derNamedBit(content: Buffer, n: number): boolean {
  return (((content[1 + (n >> 3)] ?? 0) >> (7 - (n & 7))) & 1) === 1;
}
