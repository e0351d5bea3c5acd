/**
 * Content keys at rest: AES-256-GCM-SIV (RFC 8452) under a master key, everything that says what the key is for as associated
 * data (design decision 18; PROTOCOL.md "Key store").
 */
import { createHash, randomBytes } from 'node:crypto';
import { gcmsiv } from '@noble/ciphers/aes.js';
import { KeyError, UsageError } from '../../src/errors.js';
import { KEY_ID } from '../protocol/decode.js';
import { JsonReader } from '../protocol/json_reader.js';
import { ByteWriter, u64 } from '../tpm/byte_writer.js';

const KEY_RECORD_FORMAT = 'sealedge-key-record/1';
const MASTER_KEY_BYTES = 32;
const CONTENT_KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MASTER_KEY_DOMAIN = 'sealedge/master-key/1';
const RECORD_DOMAIN = 'sealedge/key-record/1\0';
const MASTER_KEY_TEXT = /^\s*([0-9a-fA-F]{64})\s*$/;
const MODEL_NAME = /^[^\0]{1,255}$/u;

/** What a content key is for. */
export interface KeyLabel {
  /** 64 hex digits. */
  keyId: string;
  model: string;
  version: bigint;
  /** SHA-256 of the publisher's SubjectPublicKeyInfo. */
  publisher: Uint8Array;
}

/** JSON; every byte string base64url. */
export interface KeyRecord {
  format: typeof KEY_RECORD_FORMAT;
  keyId: string;
  model: string;
  version: string;
  publisher: string;
  masterKeyId: string;
  nonce: string;
  ciphertext: string;
}

/** 32 bytes of hex, as the file holds them. The caller wipes the result. */
export function readMasterKey(text: string): Buffer {
  const hex = MASTER_KEY_TEXT.exec(text)?.[1];
  if (hex === undefined)
    throw new UsageError('ERR_OPTION_INVALID', 'master key: expected 64 hex digits, got something else');
  return Buffer.from(hex, 'hex');
}

/** Public: which master key a record is under, to tell "another key" from "damaged". */
export function masterKeyId(masterKey: Uint8Array): string {
  return createHash('sha256').update(MASTER_KEY_DOMAIN).update(masterKey).digest().subarray(0, 8).toString('hex');
}

/** @param nonce - given by known-answer tests only. */
export function sealKeyRecord(
  masterKey: Uint8Array,
  label: KeyLabel,
  contentKey: Uint8Array,
  nonce: Uint8Array = randomBytes(NONCE_BYTES),
): KeyRecord {
  requireLength('master key', masterKey, MASTER_KEY_BYTES);
  requireLength('content key', contentKey, CONTENT_KEY_BYTES);
  if (!MODEL_NAME.test(label.model))
    throw new UsageError('ERR_OPTION_INVALID', 'model name: expected 1 to 255 characters');
  const ciphertext = gcmsiv(masterKey, nonce, associatedData(label)).encrypt(contentKey);
  return {
    format: KEY_RECORD_FORMAT,
    keyId: label.keyId,
    model: label.model,
    version: String(label.version),
    publisher: Buffer.from(label.publisher).toString('base64url'),
    masterKeyId: masterKeyId(masterKey),
    nonce: Buffer.from(nonce).toString('base64url'),
    ciphertext: Buffer.from(ciphertext).toString('base64url'),
  };
}

/**
 * The caller wipes `contentKey`.
 * @throws KeyError `ERR_NO_MATCHING_KEY` for another master key, `ERR_KEY_PAYLOAD_INVALID` for a record that was altered
 */
export function openKeyRecord(masterKey: Uint8Array, record: unknown): { label: KeyLabel; contentKey: Buffer } {
  requireLength('master key', masterKey, MASTER_KEY_BYTES);
  const { label, keyOfRecord, nonce, ciphertext } = readKeyRecord(record);
  const own = masterKeyId(masterKey);
  if (keyOfRecord !== own) {
    throw new KeyError(
      'ERR_NO_MATCHING_KEY',
      `key record ${label.keyId}: expected master key ${own}, got ${keyOfRecord}`,
    );
  }
  let opened: Uint8Array;
  try {
    opened = gcmsiv(masterKey, nonce, associatedData(label)).decrypt(ciphertext);
  } catch (cause) {
    throw new KeyError('ERR_KEY_PAYLOAD_INVALID', `key record ${label.keyId} does not authenticate`, { cause });
  }
  const contentKey = Buffer.from(opened);
  opened.fill(0);
  return { label, contentKey };
}

/** What a record says about itself; unauthenticated, for listings. */
export function readKeyLabel(record: unknown): KeyLabel {
  return readKeyRecord(record).label;
}

function readKeyRecord(record: unknown): {
  label: KeyLabel;
  keyOfRecord: string;
  nonce: Buffer;
  ciphertext: Buffer;
} {
  const json = new JsonReader(record, 'keyRecord', 'usage');
  json.oneOf('format', [KEY_RECORD_FORMAT]);
  const label = {
    keyId: json.text('keyId', KEY_ID),
    model: json.text('model', MODEL_NAME),
    version: json.u64('version'),
    publisher: json.bytes('publisher', { min: 32, max: 32 }),
  };
  const keyOfRecord = json.text('masterKeyId', /^[0-9a-f]{16}$/);
  const nonce = json.bytes('nonce', { min: NONCE_BYTES, max: NONCE_BYTES });
  const size = CONTENT_KEY_BYTES + TAG_BYTES;
  const ciphertext = json.bytes('ciphertext', { min: size, max: size });
  json.finish();
  return { label, keyOfRecord, nonce, ciphertext };
}

/** Each field with its length in front: no two labels have the same bytes. */
function associatedData(label: KeyLabel): Buffer {
  if (!KEY_ID.test(label.keyId)) throw new UsageError('ERR_OPTION_INVALID', 'key id: expected 64 hex digits');
  requireLength('publisher', label.publisher, 32);
  return new ByteWriter()
    .bytes(Buffer.from(RECORD_DOMAIN))
    .sized(Buffer.from(label.keyId, 'hex'))
    .sized(Buffer.from(label.model))
    .sized(u64(label.version))
    .sized(label.publisher)
    .finish();
}

function requireLength(what: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) {
    throw new UsageError('ERR_OPTION_INVALID', `${what}: expected ${length} bytes, got ${bytes.length}`);
  }
}
