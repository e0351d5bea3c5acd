/**
 * Takes a sealed file from front to back, in pieces of any size, and checks header, envelope, signature, length and padding as
 * the bytes come (SPEC.md "What a reader rejects", rows 1 to 14 and 19 to 21). Written from SPEC.md, apart from the native reader.
 */
import { ContainerError } from '../errors.js';
import { parseEnvelope, verifyEnvelope } from './dsse.js';
import { CONTAINER_VERSION, HEADER_BYTES, MAGIC, MAX_ENVELOPE_BYTES } from './format.js';
import { type Manifest, parseManifest } from './manifest.js';

export interface SealedFileHandlers {
  /** The signature has verified; whether its publisher is to be trusted is for the handler to say, by throwing. */
  manifest(manifest: Manifest): void;
  /** The next bytes of a segment's ciphertext; valid during the call. */
  segmentData(index: number, data: Uint8Array): void;
}

export class SealedFileParser {
  readonly #handlers: SealedFileHandlers;
  /** Header, then envelope. */
  #front: Buffer = Buffer.alloc(HEADER_BYTES);
  #filled = 0;
  #headerDone = false;
  #manifest: Manifest | undefined;
  #position = 0;
  #segment = 0;

  constructor(handlers: SealedFileHandlers) {
    this.#handlers = handlers;
  }

  push(piece: Uint8Array): void {
    let rest = piece;
    while (this.#manifest === undefined && rest.length > 0) rest = this.#pushFront(rest);
    if (this.#manifest !== undefined && rest.length > 0) this.#pushData(this.#manifest, rest);
  }

  finish(): Manifest {
    const manifest = this.#manifest;
    if (manifest === undefined || this.#position < manifest.totalLength) {
      throw new ContainerError('ERR_TRUNCATED', 'sealed file ends early');
    }
    return manifest;
  }

  #pushFront(piece: Uint8Array): Uint8Array {
    const taken = piece.subarray(0, this.#front.length - this.#filled);
    this.#front.set(taken, this.#filled);
    this.#filled += taken.length;
    if (this.#filled === this.#front.length) {
      if (this.#headerDone) {
        this.#acceptEnvelope(this.#front);
      } else {
        this.#front = Buffer.alloc(parseHeader(this.#front));
        this.#filled = 0;
        this.#headerDone = true;
      }
    }
    return piece.subarray(taken.length);
  }

  #acceptEnvelope(bytes: Buffer): void {
    const envelope = parseEnvelope(bytes);
    const manifest = parseManifest(envelope.statement, bytes.length);
    verifyEnvelope(envelope, manifest.publisherSpki);
    this.#handlers.manifest(manifest);
    this.#position = HEADER_BYTES + bytes.length;
    this.#manifest = manifest;
  }

  #pushData(manifest: Manifest, piece: Uint8Array): void {
    let rest = piece;
    while (rest.length > 0) {
      const segment = manifest.segments[this.#segment];
      if (segment === undefined) {
        throw new ContainerError(
          'ERR_LENGTH_MISMATCH',
          `sealed file goes on after its end at ${manifest.totalLength} bytes`,
        );
      }
      const inside = this.#position >= segment.offset;
      const end = inside ? segment.offset + segment.length : segment.offset;
      const part = rest.subarray(0, end - this.#position);
      if (inside) {
        this.#handlers.segmentData(this.#segment, part);
      } else if (part.some((byte) => byte !== 0)) {
        throw new ContainerError('ERR_PADDING_INVALID', 'padding before a segment is not zero');
      }
      this.#position += part.length;
      if (inside && this.#position === end) this.#segment++;
      rest = rest.subarray(part.length);
    }
  }
}

function parseHeader(header: Buffer): number {
  if (!header.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new ContainerError('ERR_HEADER_MALFORMED', 'not a sealed file: the magic is missing');
  }
  const version = header.readUInt32BE(8);
  if (version !== CONTAINER_VERSION) {
    const fields = { expected: CONTAINER_VERSION, got: version };
    throw new ContainerError('ERR_VERSION_UNSUPPORTED', `container version: expected 1, got ${version}`, { fields });
  }
  const envelopeLength = header.readUInt32BE(12);
  if (envelopeLength === 0 || envelopeLength > MAX_ENVELOPE_BYTES) {
    throw new ContainerError('ERR_HEADER_MALFORMED', `envelope length: expected 1 to 1048576, got ${envelopeLength}`);
  }
  return envelopeLength;
}
