/**
 * Duplication blobs, opened again with the storage key's private half in software (TPM 2.0 Part 1, 23.3). A TPM opens them in
 * tests/attestation/verifier/swtpm_interop.test.ts.
 */
import {
  constants,
  createDecipheriv,
  createECDH,
  createHmac,
  generateKeyPairSync,
  privateDecrypt,
  randomBytes,
} from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { kdfa, kdfe } from '../../../attestation/key_release/kdf.js';
import { encodeKeyPayload } from '../../../attestation/key_release/key_payload.js';
import { type Duplicate, wrapToStorageKey } from '../../../attestation/key_release/wrap.js';
import { ByteReader } from '../../../attestation/tpm/byte_reader.js';
import { digest } from '../../../attestation/tpm/hash.js';
import {
  computeName,
  marshalTpmtPublic,
  parseTpmtPublic,
  type RsaPublic,
} from '../../../attestation/tpm/tpmt_public.js';
import { STORAGE_KEY_AREA, softwareKey } from '../../support/software_attester.js';

const authPolicy = randomBytes(32);
const payload = randomBytes(104);
const NONE = new Uint8Array();

function open(blob: Duplicate, seed: Buffer): { authValue: Buffer; seedValue: Buffer; data: Buffer } {
  const name = computeName(parseTpmtPublic(blob.public));
  const outer = new ByteReader(blob.duplicate, 'duplicate');
  const integrity = outer.sized('integrity', 32);
  const encrypted = outer.bytes(outer.remaining, 'sensitive');
  const hmacKey = kdfa(0x000b, seed, 'INTEGRITY', NONE, NONE, 256);
  expect(createHmac('sha256', hmacKey).update(encrypted).update(name).digest()).toEqual(integrity);
  const symKey = kdfa(0x000b, seed, 'STORAGE', name, NONE, 128);
  const plain = createDecipheriv('aes-128-cfb', symKey, Buffer.alloc(16)).update(encrypted);
  const sensitive = new ByteReader(new ByteReader(plain, 'TPM2B').sized('sensitive', 512), 'TPMT_SENSITIVE');
  expect(sensitive.u16('type')).toBe(0x0008);
  const fields = {
    authValue: sensitive.sized('authValue', 32),
    seedValue: sensitive.sized('seedValue', 32),
    data: sensitive.sized('data', 128),
  };
  sensitive.finish();
  return fields;
}

describe('wrapToStorageKey', () => {
  it('ECC P-256: the storage key finds the payload, and the public area says what the policy is', () => {
    const parent = softwareKey(STORAGE_KEY_AREA);
    const blob = wrapToStorageKey(parent.public, authPolicy, payload);
    const area = parseTpmtPublic(blob.public);
    expect(area).toMatchObject({ type: 0x0008, nameAlg: 0x000b, objectAttributes: 0x00000480 });
    expect(Buffer.from(area.authPolicy)).toEqual(authPolicy);

    const point = new ByteReader(blob.encryptedSeed, 'TPMS_ECC_POINT');
    const [x, y] = [point.sized('x', 32), point.sized('y', 32)];
    const ecdh = createECDH('prime256v1');
    const { d = '' } = parent.privateKey.export({ format: 'jwk' });
    ecdh.setPrivateKey(Buffer.from(d, 'base64url'));
    const z = ecdh.computeSecret(Buffer.concat([Buffer.of(4), x, y]));
    const { authValue, seedValue, data } = open(blob, kdfe(0x000b, z, 'DUPLICATE', x, parent.area.x, 256));
    expect(data).toEqual(payload);
    expect(authValue).toHaveLength(0);
    expect('unique' in area && Buffer.from(area.unique)).toEqual(digest(0x000b, seedValue, payload));
  });

  it('RSA 2048: likewise', () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const modulus = Buffer.from(publicKey.export({ format: 'jwk' }).n ?? '', 'base64url');
    const area: RsaPublic = {
      type: 0x0001,
      nameAlg: 0x000b,
      authPolicy: NONE,
      ...STORAGE_KEY_AREA,
      keyBits: 2048,
      exponent: 0,
      modulus,
    };
    const blob = wrapToStorageKey(marshalTpmtPublic(area), authPolicy, payload);
    const seed = privateDecrypt(
      {
        key: privateKey,
        padding: constants.RSA_PKCS1_OAEP_PADDING,
        oaepHash: 'sha256',
        oaepLabel: Buffer.from('DUPLICATE\0'),
      },
      blob.encryptedSeed,
    );
    expect(open(blob, seed).data).toEqual(payload);
  });

  it('never makes the same blob twice', () => {
    const parent = softwareKey(STORAGE_KEY_AREA);
    const [a, b] = [
      wrapToStorageKey(parent.public, authPolicy, payload),
      wrapToStorageKey(parent.public, authPolicy, payload),
    ];
    for (const field of ['public', 'duplicate', 'encryptedSeed'] as const)
      expect(a[field].equals(b[field])).toBe(false);
  });

  it('leaves the caller’s payload alone', () => {
    const copy = Buffer.from(payload);
    wrapToStorageKey(softwareKey(STORAGE_KEY_AREA).public, authPolicy, payload);
    expect(payload).toEqual(copy);
  });

  it('refuses what would make a useless or open object', () => {
    const { public: parent } = softwareKey(STORAGE_KEY_AREA);
    expect(() => wrapToStorageKey(parent, NONE, payload)).toThrowError(/authPolicy: expected 32 bytes, got 0/);
    expect(() => wrapToStorageKey(parent, authPolicy, NONE)).toThrowError(/payload: expected 1 to 128 bytes, got 0/);
    expect(() => wrapToStorageKey(parent, authPolicy, Buffer.alloc(129))).toThrowError(/got 129/);
    const { symmetric: _, ...noSymmetric } = softwareKey(STORAGE_KEY_AREA).area;
    expect(() => wrapToStorageKey(marshalTpmtPublic(noSymmetric), authPolicy, payload)).toThrowError(/AES-CFB/);
  });
});

describe('encodeKeyPayload', () => {
  it('is the layout of PROTOCOL.md', () => {
    const contentKey = Buffer.alloc(32, 1);
    const publisher = Buffer.alloc(32, 2);
    const encoded = encodeKeyPayload({ contentKey, publisher, model: 'motor', minimumVersion: 0x0102030405060708n });
    expect(encoded).toHaveLength(104);
    expect(encoded.toString('hex')).toBe(
      `${contentKey.toString('hex')}${publisher.toString('hex')}${digest(0x000b, Buffer.from('motor')).toString('hex')}0102030405060708`,
    );
    expect(() => encodeKeyPayload({ contentKey: NONE, publisher, model: 'motor', minimumVersion: 1n })).toThrowError(
      /32 bytes/,
    );
  });
});
