/**
 * The independent reader: opens a sealed file with a key payload, on @noble/ciphers and node:crypto, sharing no code with the
 * native reader, so that the two can be held against each other and against SPEC.md. Slow, and plaintext lands in the
 * JavaScript heap: for tests and tools of the publisher, never for a device.
 */
import { createHash } from 'node:crypto';
import { gcm } from '@noble/ciphers/aes.js';
import { ContainerError, KeyError, ModelError } from '../errors.js';
import { publisherKeyId } from './dsse.js';
import { SealedFileParser } from './file_parser.js';
import { deriveKeyId, deriveSegmentKey, KEY_PAYLOAD_BYTES, LAYOUT_BYTES, segmentAad } from './format.js';
import { isModelVersion, type Manifest } from './manifest.js';

const NONCE = new Uint8Array(12);

export class IndependentReader {
  readonly #payload: Buffer;
  readonly #parser: SealedFileParser;
  readonly #ciphertexts: Uint8Array[][] = [];
  #manifest: Manifest | undefined;

  /** @throws KeyError `ERR_KEY_PAYLOAD_INVALID` */
  constructor(keyPayload: Uint8Array) {
    this.#payload = Buffer.from(keyPayload);
    checkPayload(this.#payload);
    this.#parser = new SealedFileParser({
      manifest: (manifest) => {
        checkTrust(manifest, this.#payload);
        for (let i = 0; i < manifest.segments.length; i++) this.#ciphertexts.push([]);
      },
      segmentData: (index, data) => {
        this.#ciphertexts[index]?.push(Uint8Array.from(data));
      },
    });
  }

  push(piece: Uint8Array): void {
    this.#parser.push(piece);
  }

  /** Nothing more comes. Segments are not decrypted yet. */
  finish(): Manifest {
    this.#manifest = this.#parser.finish();
    return this.#manifest;
  }

  /** Segment 0: a serialised ModelProto. */
  graph(): Uint8Array {
    return this.#decrypt(0, LAYOUT_BYTES.graph);
  }

  /** @throws ContainerError `ERR_SEGMENT_AUTH` also for another layout than it was sealed with */
  segment(index: number, layout: number): Uint8Array {
    if (index < 1 || index >= this.#ciphertexts.length) {
      throw new ModelError('ERR_MODEL_INVALID', `no weight segment ${index}`);
    }
    return this.#decrypt(index, layout);
  }

  #decrypt(index: number, layout: number): Uint8Array {
    const segment = this.#manifest?.segments[index];
    const ciphertext = this.#ciphertexts[index];
    if (segment === undefined || ciphertext === undefined || this.#manifest === undefined) {
      throw new ContainerError('ERR_TRUNCATED', 'sealed file ends early');
    }
    const { suite } = this.#manifest;
    const key = deriveSegmentKey(this.#payload.subarray(0, 32), segment.id, suite);
    const aad = segmentAad(suite, layout, segment.id, segment.length);
    try {
      return gcm(key, NONCE, aad).decrypt(Buffer.concat([...ciphertext, segment.tag]));
    } catch {
      const fields = { segment: index };
      throw new ContainerError('ERR_SEGMENT_AUTH', `segment ${index} does not verify`, { fields });
    } finally {
      key.fill(0);
    }
  }
}

function checkPayload(payload: Buffer): void {
  if (payload.length !== KEY_PAYLOAD_BYTES) {
    throw new KeyError('ERR_KEY_PAYLOAD_INVALID', `key payload: expected 104 bytes, got ${payload.length}`);
  }
  if (!isModelVersion(Number(payload.readBigUInt64BE(96)))) {
    throw new KeyError('ERR_KEY_PAYLOAD_INVALID', 'key payload: minimum version is out of range');
  }
}

/** SPEC.md "What a reader rejects", rows 15 to 18. */
function checkTrust(manifest: Manifest, payload: Buffer): void {
  if (!publisherKeyId(manifest.publisherSpki).equals(payload.subarray(32, 64))) {
    throw new KeyError('ERR_PUBLISHER_UNTRUSTED', 'sealed file is signed by a publisher that this key does not name');
  }
  const { name, version } = manifest.model;
  if (!createHash('sha256').update(name, 'utf8').digest().equals(payload.subarray(64, 96))) {
    const fields = { got: name };
    throw new KeyError('ERR_MODEL_NAME_MISMATCH', `sealed file is of another model than the key: got ${name}`, {
      fields,
    });
  }
  const minimum = Number(payload.readBigUInt64BE(96));
  if (version < minimum) {
    const fields = { expected: minimum, got: version };
    throw new KeyError('ERR_MODEL_VERSION_TOO_OLD', `model version: expected at least ${minimum}, got ${version}`, {
      fields,
    });
  }
  if (!deriveKeyId(payload.subarray(0, 32)).equals(manifest.keyId)) {
    throw new KeyError('ERR_NO_MATCHING_KEY', 'sealed file is encrypted under another content key');
  }
}
