/** The content key of one sealed file, for the operator's key store, and the payload that devices get (SPEC.md "Key derivation"). */
import { createHash } from 'node:crypto';
import { KeyError, UsageError } from '../errors.js';
import { canonicalJson, parseCanonicalJson } from './canonical_json.js';
import { publisherKeyId } from './dsse.js';
import { CONTENT_KEY_BYTES, deriveKeyId, KEY_PAYLOAD_BYTES } from './format.js';
import { isModelName, isModelVersion, isPublisherSpki } from './manifest.js';
import { exactMembers } from './schema.js';
import { fromBase64, fromHex } from './text_encoding.js';

const FORMAT = 'sealedge-content-key/1';

export interface ContentKeyFile {
  /** 32 bytes, secret. */
  contentKey: Buffer;
  /** 32 bytes; names the content key without revealing it. */
  keyId: Buffer;
  publisherSpki: Buffer;
  model: { name: string; version: number };
}

/** The text to write, with mode 0600. */
export function formatKeyFile(file: ContentKeyFile): string {
  const object = {
    contentKey: file.contentKey.toString('hex'),
    format: FORMAT,
    keyId: file.keyId.toString('hex'),
    model: { name: file.model.name, version: file.model.version },
    publisher: { spki: file.publisherSpki.toString('base64') },
  };
  return `${canonicalJson(object)}\n`;
}

/**
 * Reads what {@link formatKeyFile} wrote and recomputes the key id.
 * @throws KeyError `ERR_KEY_PAYLOAD_INVALID`
 */
export function parseKeyFile(text: string): ContentKeyFile {
  const parsed = parseCanonicalJson(Buffer.from(text.replace(/\n$/, ''), 'utf8'));
  const root =
    parsed.status === 'canonical'
      ? exactMembers(parsed.value, ['contentKey', 'format', 'keyId', 'model', 'publisher'])
      : undefined;
  if (root === undefined || root.format !== FORMAT) throw notAKeyFile(`expected a ${FORMAT} file`);
  const { name, version } = exactMembers(root.model, ['name', 'version']) ?? {};
  const spki = exactMembers(root.publisher, ['spki'])?.spki;
  const contentKey = hexMember(root.contentKey);
  const keyId = hexMember(root.keyId);
  const publisherSpki = typeof spki === 'string' ? fromBase64(spki) : undefined;
  if (contentKey === undefined || keyId === undefined) throw notAKeyFile('contentKey or keyId is not valid');
  if (!keyId.equals(deriveKeyId(contentKey))) throw notAKeyFile('keyId is not that of contentKey');
  if (publisherSpki === undefined || !isPublisherSpki(publisherSpki)) throw notAKeyFile('publisher key is not valid');
  if (typeof name !== 'string' || !isModelName(name) || typeof version !== 'number' || !isModelVersion(version)) {
    throw notAKeyFile('model name or version is not valid');
  }
  return { contentKey, keyId, publisherSpki, model: { name, version } };
}

/**
 * `content key ‖ SHA-256(SPKI) ‖ SHA-256(model name) ‖ u64(minimum version)`, 104 bytes, secret.
 * @param minimumVersion - the oldest version that a device may open; the file's own unless given
 */
export function keyPayload(file: ContentKeyFile, minimumVersion: number = file.model.version): Buffer {
  if (!isModelVersion(minimumVersion)) {
    throw new UsageError('ERR_OPTION_INVALID', `minimum version: expected 1 to 2^53 - 1, got ${minimumVersion}`);
  }
  const payload = Buffer.alloc(KEY_PAYLOAD_BYTES);
  file.contentKey.copy(payload, 0);
  publisherKeyId(file.publisherSpki).copy(payload, 32);
  createHash('sha256').update(file.model.name, 'utf8').digest().copy(payload, 64);
  payload.writeBigUInt64BE(BigInt(minimumVersion), 96);
  return payload;
}

function notAKeyFile(why: string): KeyError {
  return new KeyError('ERR_KEY_PAYLOAD_INVALID', `key file: ${why}`);
}

function hexMember(value: unknown): Buffer | undefined {
  return typeof value === 'string' ? fromHex(value, CONTENT_KEY_BYTES) : undefined;
}
