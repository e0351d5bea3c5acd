/** The signed statement of a sealed file (SPEC.md "Statement"): an in-toto Statement v1. Everything in it is public. */
import { createHash } from 'node:crypto';
import { ContainerError } from '../errors.js';
import { type CanonicalValue, canonicalJson, parseCanonicalJson } from './canonical_json.js';
import { align, HEADER_BYTES, MAX_SEGMENT_BYTES, SUITE_1, WEIGHT_SEGMENT_GRANULE } from './format.js';
import { exactMembers } from './schema.js';
import { fromBase64, fromHex } from './text_encoding.js';

const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const PREDICATE_TYPE = 'urn:sealedge:sealed-model:1';
const MAX_NAME_BYTES = 256;
const MAX_DESCRIPTION_BYTES = 1024;
const SPKI_PREFIX = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex');
const SPKI_BYTES = 91;
const TIMESTAMP = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f]/;

export interface SegmentEntry {
  kind: 'graph' | 'weights';
  id: Buffer;
  offset: number;
  length: number;
  tag: Buffer;
  /** Of the ciphertext. */
  sha256: Buffer;
}

export interface Manifest {
  model: { name: string; version: number; description?: string };
  publisherSpki: Buffer;
  keyId: Buffer;
  suite: number;
  created?: string;
  dataOffset: number;
  totalLength: number;
  segments: SegmentEntry[];
}

export function isModelName(name: string): boolean {
  return isText(name, MAX_NAME_BYTES);
}

export function isModelDescription(description: string): boolean {
  return isText(description, MAX_DESCRIPTION_BYTES);
}

export function isModelVersion(version: number): boolean {
  return Number.isSafeInteger(version) && version >= 1;
}

export function isPublisherSpki(spki: Uint8Array): boolean {
  return spki.length === SPKI_BYTES && SPKI_PREFIX.equals(spki.subarray(0, SPKI_PREFIX.length));
}

function isText(text: string, maxBytes: number): boolean {
  return text.length > 0 && Buffer.byteLength(text) <= maxBytes && !CONTROL_CHARACTER.test(text);
}

export function encodeManifest(manifest: Manifest): Buffer {
  const { name, version, description } = manifest.model;
  const statement = {
    _type: STATEMENT_TYPE,
    predicateType: PREDICATE_TYPE,
    subject: [{ name, digest: { sealedgeSegments1: segmentsDigest(manifest.segments).toString('hex') } }],
    predicate: {
      suite: manifest.suite,
      keyId: manifest.keyId.toString('hex'),
      publisher: { spki: manifest.publisherSpki.toString('base64') },
      model: { name, version, description },
      created: manifest.created,
      container: { dataOffset: manifest.dataOffset, totalLength: manifest.totalLength },
      segments: manifest.segments.map((segment) => ({
        kind: segment.kind,
        id: segment.id.toString('hex'),
        offset: segment.offset,
        length: segment.length,
        tag: segment.tag.toString('hex'),
        sha256: segment.sha256.toString('hex'),
      })),
    },
  };
  return Buffer.from(canonicalJson(statement), 'utf8');
}

function segmentsDigest(segments: readonly SegmentEntry[]): Buffer {
  const hash = createHash('sha256');
  for (const segment of segments) hash.update(segment.sha256);
  return hash.digest();
}

/**
 * Checks everything that the statement alone can show; the signature is checked by the caller.
 * @throws ContainerError `ERR_MANIFEST_INVALID` | `ERR_ENVELOPE_NOT_CANONICAL` | `ERR_SUITE_UNSUPPORTED`
 */
export function parseManifest(statement: Uint8Array, envelopeLength: number): Manifest {
  const parsed = parseCanonicalJson(statement);
  if (parsed.status === 'malformed') throw invalid('not JSON within the limits of depth and size');
  if (parsed.status === 'not-canonical') {
    throw new ContainerError('ERR_ENVELOPE_NOT_CANONICAL', 'statement is not in its canonical form');
  }
  const root = isObject(parsed.value) ? parsed.value : {};
  if (root._type !== STATEMENT_TYPE || root.predicateType !== PREDICATE_TYPE) {
    throw invalid('not an in-toto Statement v1 about a sealed model');
  }
  // Before the schema: another suite may have other members.
  const suite = isObject(root.predicate) ? root.predicate.suite : undefined;
  if (typeof suite !== 'number') throw invalid('no suite');
  if (suite !== SUITE_1) {
    const fields = { expected: SUITE_1, got: suite };
    throw new ContainerError('ERR_SUITE_UNSUPPORTED', `suite: expected 1, got ${suite}`, { fields });
  }
  const predicate = exactMembers(
    root.predicate,
    ['container', 'keyId', 'model', 'publisher', 'segments', 'suite'],
    ['created'],
  );
  if (!exactMembers(root, ['_type', 'predicate', 'predicateType', 'subject']) || predicate === undefined) {
    throw invalid('a member is missing or not known');
  }
  const container = parseContainer(predicate.container, envelopeLength);
  const segments = parseSegments(predicate.segments, container);
  const model = parseModel(predicate.model);
  checkSubject(root.subject, model.name, segments);
  const manifest: Manifest = {
    model,
    publisherSpki: parsePublisher(predicate.publisher),
    keyId: hexField(predicate.keyId, 32, 'key id'),
    suite,
    ...container,
    segments,
  };
  const created = predicate.created;
  if (created !== undefined) {
    if (typeof created !== 'string' || !TIMESTAMP.test(created)) throw invalid('created is not a UTC time');
    manifest.created = created;
  }
  return manifest;
}

function invalid(message: string): ContainerError {
  return new ContainerError('ERR_MANIFEST_INVALID', `statement: ${message}`);
}

function isObject(value: CanonicalValue | undefined): value is { [name: string]: CanonicalValue } {
  return typeof value === 'object' && !Array.isArray(value);
}

function hexField(value: CanonicalValue | undefined, length: number, what: string): Buffer {
  const bytes = typeof value === 'string' ? fromHex(value, length) : undefined;
  if (bytes === undefined) throw invalid(`${what} is not ${2 * length} lower-case hex digits`);
  return bytes;
}

function parsePublisher(value: CanonicalValue | undefined): Buffer {
  const encoded = exactMembers(value, ['spki'])?.spki;
  const spki = typeof encoded === 'string' ? fromBase64(encoded) : undefined;
  if (spki === undefined || !isPublisherSpki(spki)) throw invalid('publisher key is not a P-256 SubjectPublicKeyInfo');
  return spki;
}

function parseModel(value: CanonicalValue | undefined): Manifest['model'] {
  const model = exactMembers(value, ['name', 'version'], ['description']);
  const { name, version, description } = model ?? {};
  if (typeof name !== 'string' || !isModelName(name)) throw invalid('model name is not valid');
  if (typeof version !== 'number' || !isModelVersion(version)) throw invalid('model version is out of range');
  if (description === undefined) return { name, version };
  if (typeof description !== 'string' || !isModelDescription(description)) {
    throw invalid('model description is not valid');
  }
  return { name, version, description };
}

function parseContainer(value: CanonicalValue | undefined, envelopeLength: number) {
  const { dataOffset, totalLength } = exactMembers(value, ['dataOffset', 'totalLength']) ?? {};
  if (typeof dataOffset !== 'number' || dataOffset !== align(HEADER_BYTES + envelopeLength)) {
    throw invalid('data offset is not the first page after the envelope');
  }
  if (typeof totalLength !== 'number') throw invalid('total length is missing');
  return { dataOffset, totalLength };
}

function parseSegments(
  value: CanonicalValue | undefined,
  container: { dataOffset: number; totalLength: number },
): SegmentEntry[] {
  if (!Array.isArray(value) || value.length === 0) throw invalid('no segments');
  let end = container.dataOffset;
  const ids = new Set<string>();
  const segments = value.map((item, index) => {
    const segment = parseSegment(item, index);
    if (segment.offset !== align(end)) throw invalid(`segment ${index}: expected offset ${align(end)}`);
    end = segment.offset + segment.length;
    if (!Number.isSafeInteger(end)) throw invalid('segments reach beyond 2^53 - 1');
    ids.add(segment.id.toString('hex'));
    return segment;
  });
  if (end !== container.totalLength) throw invalid('total length is not the end of the last segment');
  if (ids.size !== segments.length) throw invalid('two segments have one id');
  return segments;
}

function parseSegment(value: CanonicalValue, index: number): SegmentEntry {
  const segment = exactMembers(value, ['id', 'kind', 'length', 'offset', 'sha256', 'tag']);
  if (segment === undefined) throw invalid(`segment ${index}: a member is missing or not known`);
  const { kind, length, offset } = segment;
  if (kind !== (index === 0 ? 'graph' : 'weights')) throw invalid(`segment ${index} has the wrong kind`);
  if (typeof length !== 'number' || length < 1 || length > MAX_SEGMENT_BYTES) {
    throw invalid(`segment ${index} has a length out of range`);
  }
  if (kind === 'weights' && length % WEIGHT_SEGMENT_GRANULE !== 0) {
    throw invalid(`segment ${index} has a length that is no multiple of ${WEIGHT_SEGMENT_GRANULE}`);
  }
  if (typeof offset !== 'number') throw invalid(`segment ${index} has no offset`);
  return {
    kind,
    id: hexField(segment.id, 32, `id of segment ${index}`),
    offset,
    length,
    tag: hexField(segment.tag, 16, `tag of segment ${index}`),
    sha256: hexField(segment.sha256, 32, `sha256 of segment ${index}`),
  };
}

function checkSubject(value: CanonicalValue | undefined, name: string, segments: readonly SegmentEntry[]): void {
  const subject = Array.isArray(value) && value.length === 1 ? exactMembers(value[0], ['digest', 'name']) : undefined;
  const digest = exactMembers(subject?.digest, ['sealedgeSegments1'])?.sealedgeSegments1;
  if (subject?.name !== name) throw invalid('expected exactly one subject, with the model name');
  if (!hexField(digest, 32, 'subject digest').equals(segmentsDigest(segments))) {
    throw invalid('subject digest is not that of the segments');
  }
}
