import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  type KeyRecord,
  masterKeyId,
  openKeyRecord,
  readKeyLabel,
  readMasterKey,
  sealKeyRecord,
} from '../../../attestation/key_release/key_store.js';

const masterKey = randomBytes(32);
const contentKey = randomBytes(32);
const label = { keyId: 'ab'.repeat(32), model: 'motor', version: 3n, publisher: randomBytes(32) };

describe('key records', () => {
  it('give the key back, with what it is for', () => {
    const record = JSON.parse(JSON.stringify(sealKeyRecord(masterKey, label, contentKey)));
    expect(openKeyRecord(masterKey, record)).toEqual({ label, contentKey });
    expect(readKeyLabel(record)).toEqual(label);
    expect(JSON.stringify(record)).not.toContain(contentKey.toString('base64url').slice(4, 20));
  });

  it('refuse another master key by name', () => {
    const record = sealKeyRecord(masterKey, label, contentKey);
    const other = randomBytes(32);
    expect(() => openKeyRecord(other, record)).toThrowError(
      expect.objectContaining({ code: 'ERR_NO_MATCHING_KEY', message: expect.stringContaining(masterKeyId(other)) }),
    );
    // Even when the name is forged.
    expect(() => openKeyRecord(other, { ...record, masterKeyId: masterKeyId(other) })).toThrowError(
      expect.objectContaining({ code: 'ERR_KEY_PAYLOAD_INVALID' }),
    );
  });

  const flip = (text: string): string => {
    const bytes = Buffer.from(text, 'base64url');
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    return bytes.toString('base64url');
  };
  it.each<[keyof KeyRecord, (record: KeyRecord) => string]>([
    ['keyId', () => 'ac'.repeat(32)],
    ['model', () => 'motor2'],
    ['version', () => '4'],
    ['publisher', (record) => flip(record.publisher)],
    ['nonce', (record) => flip(record.nonce)],
    ['ciphertext', (record) => flip(record.ciphertext)],
  ])('refuse to open with another %s', (field, change) => {
    const record = sealKeyRecord(masterKey, label, contentKey);
    expect(() => openKeyRecord(masterKey, { ...record, [field]: change(record) })).toThrowError(
      expect.objectContaining({ code: 'ERR_KEY_PAYLOAD_INVALID' }),
    );
  });

  it('refuse another form', () => {
    const record = sealKeyRecord(masterKey, label, contentKey);
    expect(() => openKeyRecord(masterKey, { ...record, extra: 1 })).toThrowError(/no unknown member, got "extra"/);
    expect(() => openKeyRecord(masterKey, { ...record, format: 'sealedge-key-record/2' })).toThrowError(/format/);
    const { nonce: _, ...cut } = record;
    expect(() => openKeyRecord(masterKey, cut)).toThrowError(/keyRecord.nonce/);
    expect(() => sealKeyRecord(masterKey, label, Buffer.alloc(16))).toThrowError(
      /content key: expected 32 bytes, got 16/,
    );
    expect(() => sealKeyRecord(masterKey, { ...label, keyId: 'AB' }, contentKey)).toThrowError(/key id/);
  });
});

describe('readMasterKey', () => {
  it('reads hex, with the newline of an editor', () => {
    expect(readMasterKey(`${masterKey.toString('hex')}\n`)).toEqual(masterKey);
    for (const text of ['', 'ab', `${'ab'.repeat(32)}cd`, 'zz'.repeat(32)]) {
      expect(() => readMasterKey(text)).toThrowError(/64 hex digits/);
    }
  });
});
