/**
 * Builds sealed files, right ones and wrong ones: each step of SPEC.md "Writing" can be altered, and everything after it is then
 * done right, so that a file has the one fault it was made for.
 */
import { createCipheriv, createHash } from 'node:crypto';
import { canonicalJson } from '../../src/container/canonical_json.js';
import { encodeEnvelope, preAuthenticationEncoding, publisherKeyId } from '../../src/container/dsse.js';
import { align, deriveKeyId, deriveSegmentKey, encodeHeader, segmentAad } from '../../src/container/format.js';
import { type DeterministicKey, keyFromSeed, signDeterministically } from './deterministic_ecdsa.js';

// biome-ignore lint/suspicious/noExplicitAny: scenarios reach into the statement and put anything there
export type Json = any;

export interface Recipe {
  /** Segment plaintexts and their layout bytes; [0] is the graph. */
  segments: { plaintext: Buffer; layout: number; sealedAs?: number }[];
  publisher?: DeterministicKey;
  /** Whose private key signs, when it is not the publisher's. */
  signer?: DeterministicKey;
  contentKey?: Buffer;
  model?: { name: string; version: number; description?: string };
  created?: string;
  editStatement?: (statement: Json) => void;
  editStatementText?: (text: string) => string | Buffer;
  editSignature?: (signature: Buffer) => Buffer;
  editEnvelope?: (envelope: Json) => void;
  editEnvelopeText?: (text: string) => string | Buffer;
  editHeader?: (header: Buffer) => void;
  /** The file's bytes, and where its segments lie. */
  editFile?: (file: Buffer, offsets: number[]) => Buffer;
}

export const PUBLISHER = keyFromSeed('sealedge vectors: publisher');
export const OTHER_PUBLISHER = keyFromSeed('sealedge vectors: another publisher');
export const CONTENT_KEY = fromSeed('content key');
export const MODEL = { name: 'vector model', version: 7 };

export function fromSeed(seed: string): Buffer {
  return createHash('sha256').update(`sealedge vectors: ${seed}`).digest();
}

export function forgePayload(
  options: { contentKey?: Buffer; spki?: Buffer; name?: string; minimum?: bigint } = {},
): Buffer {
  const minimum = Buffer.alloc(8);
  minimum.writeBigUInt64BE(options.minimum ?? BigInt(MODEL.version));
  return Buffer.concat([
    options.contentKey ?? CONTENT_KEY,
    publisherKeyId(options.spki ?? PUBLISHER.spki),
    createHash('sha256')
      .update(options.name ?? MODEL.name)
      .digest(),
    minimum,
  ]);
}

export function forge(recipe: Recipe): Buffer {
  const contentKey = recipe.contentKey ?? CONTENT_KEY;
  const encrypted = recipe.segments.map((segment, index) => encrypt(contentKey, segment, index));
  for (let dataOffset = 4096; ; ) {
    const offsets: number[] = [];
    let end = dataOffset;
    for (const { ciphertext } of encrypted) {
      offsets.push(align(end));
      end = align(end) + ciphertext.length;
    }
    const envelope = signedEnvelope(recipe, contentKey, encrypted, offsets, end);
    if (align(16 + envelope.length) !== dataOffset) {
      dataOffset = align(16 + envelope.length);
      continue;
    }
    const header = encodeHeader(envelope.length);
    recipe.editHeader?.(header);
    const file = Buffer.alloc(end);
    header.copy(file, 0);
    envelope.copy(file, 16);
    encrypted.forEach(({ ciphertext }, index) => {
      ciphertext.copy(file, offsets[index]);
    });
    return recipe.editFile?.(file, offsets) ?? file;
  }
}

interface Encrypted {
  id: Buffer;
  ciphertext: Buffer;
  tag: Buffer;
}

function encrypt(contentKey: Buffer, segment: Recipe['segments'][number], index: number): Encrypted {
  const id = fromSeed(`segment id ${index}`);
  const cipher = createCipheriv('aes-256-gcm', deriveSegmentKey(contentKey, id, 1), Buffer.alloc(12));
  cipher.setAAD(segmentAad(1, segment.sealedAs ?? segment.layout, id, segment.plaintext.length));
  const ciphertext = Buffer.concat([cipher.update(segment.plaintext), cipher.final()]);
  return { id, ciphertext, tag: cipher.getAuthTag() };
}

function signedEnvelope(
  recipe: Recipe,
  contentKey: Buffer,
  encrypted: Encrypted[],
  offsets: number[],
  totalLength: number,
): Buffer {
  const publisher = recipe.publisher ?? PUBLISHER;
  const model = recipe.model ?? MODEL;
  const digests = encrypted.map(({ ciphertext }) => createHash('sha256').update(ciphertext).digest());
  const statement: Json = {
    _type: 'https://in-toto.io/Statement/v1',
    predicateType: 'urn:sealedge:sealed-model:1',
    subject: [{ name: model.name, digest: { sealedgeSegments1: subjectDigest(digests) } }],
    predicate: {
      container: { dataOffset: offsets[0], totalLength },
      created: recipe.created,
      keyId: deriveKeyId(contentKey).toString('hex'),
      model: { ...model },
      publisher: { spki: publisher.spki.toString('base64') },
      segments: encrypted.map((segment, index) => ({
        id: segment.id.toString('hex'),
        kind: index === 0 ? 'graph' : 'weights',
        length: segment.ciphertext.length,
        offset: offsets[index],
        sha256: digests[index]?.toString('hex'),
        tag: segment.tag.toString('hex'),
      })),
      suite: 1,
    },
  };
  recipe.editStatement?.(statement);
  const canonical = canonicalJson(statement);
  const text = Buffer.from(recipe.editStatementText?.(canonical) ?? canonical);
  const signed = signDeterministically(recipe.signer ?? publisher, preAuthenticationEncoding(text));
  const signature = recipe.editSignature?.(signed) ?? signed;
  const envelope: Json = JSON.parse(encodeEnvelope(text, publisherKeyId(publisher.spki), signature).toString());
  recipe.editEnvelope?.(envelope);
  const envelopeText = canonicalJson(envelope);
  return Buffer.from(recipe.editEnvelopeText?.(envelopeText) ?? envelopeText);
}

/** hex(SHA-256 over the segments' digests), for scenarios that alter a digest and keep the subject consistent. */
export function subjectDigest(digests: Buffer[]): string {
  return createHash('sha256').update(Buffer.concat(digests)).digest('hex');
}
