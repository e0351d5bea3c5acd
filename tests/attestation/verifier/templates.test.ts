/** AK, storage key and counter: one negative per bit and member (PROTOCOL.md [E4], [E6], [E7]). */
import { describe, expect, it } from 'vitest';
import { marshalTpmsNvPublic, type TpmsNvPublic } from '../../../attestation/tpm/tpms_nv_public.js';
import {
  computeName,
  type EccPublic,
  marshalTpmtPublic,
  type RsaPublic,
} from '../../../attestation/tpm/tpmt_public.js';
import { checkAk, checkCounter, checkStorageKey } from '../../../attestation/verifier/templates.js';
import { AK_AREA, COUNTER, STORAGE_KEY_AREA, softwareKey } from '../../support/software_attester.js';

const AES_128_CFB = STORAGE_KEY_AREA.symmetric;
const modulus = Buffer.alloc(256, 0xc1);
const rsa = (area: Partial<RsaPublic>): RsaPublic => ({
  type: 0x0001,
  nameAlg: 0x000b,
  objectAttributes: 0,
  authPolicy: new Uint8Array(),
  keyBits: 2048,
  exponent: 0,
  modulus,
  ...area,
});

const keys = [
  {
    what: 'AK',
    code: 'ERR_AK_TEMPLATE',
    check: checkAk,
    ecc: softwareKey(AK_AREA).area,
    rsa: rsa({ objectAttributes: 0x00050472, scheme: { scheme: 0x0014, hash: 0x000b } }),
  },
  {
    what: 'storage key',
    code: 'ERR_STORAGE_KEY',
    check: checkStorageKey,
    ecc: softwareKey(STORAGE_KEY_AREA).area,
    rsa: rsa({ objectAttributes: 0x00030472, symmetric: AES_128_CFB }),
  },
] as const;

describe.each(keys)('$what', ({ what, code, check, ecc, rsa: rsaArea }) => {
  const refused = (area: EccPublic | RsaPublic, message: RegExp): void => {
    const attempt = () => check(marshalTpmtPublic(area));
    expect(attempt).toThrowError(expect.objectContaining({ name: 'EvidenceError', code }));
    expect(attempt).toThrowError(message);
  };

  it('is accepted as ECC and RSA, and its Name is computed', () => {
    for (const area of [ecc, rsaArea]) expect(check(marshalTpmtPublic(area)).name).toEqual(computeName(area));
    expect(check(marshalTpmtPublic({ ...rsaArea, exponent: 65537 })).area).toMatchObject({ exponent: 65537 });
  });

  it.each(Array.from({ length: 32 }, (_, bit) => bit))('is refused with attribute bit %i flipped', (bit) => {
    for (const area of [ecc, rsaArea]) {
      const objectAttributes = (area.objectAttributes ^ (1 << bit)) >>> 0;
      refused(
        { ...area, objectAttributes },
        new RegExp(`${what} attributes: expected 0x0003|${what} attributes: expected 0x0005`),
      );
    }
  });

  it('is refused with any other member changed', () => {
    refused({ ...ecc, nameAlg: 0x000c }, /nameAlg: expected 0x000b, got 0x000c/);
    refused({ ...ecc, authPolicy: Buffer.alloc(32) }, /authPolicy: expected 0 bytes, got 32 bytes/);
    refused({ ...ecc, kdf: { scheme: 0x0020, hash: 0x000b } }, /kdf: expected none/);
    refused({ ...ecc, curve: 0x0004 }, /curve: expected 0x0003, got 0x0004/);
    refused({ ...rsaArea, exponent: 3 }, /exponent: expected 65537, got 3/);
    refused({ ...rsaArea, keyBits: 3072, modulus: Buffer.alloc(384, 0xc1) }, /keyBits: expected 2048, got 3072/);
    const sealed = {
      type: 0x0008,
      nameAlg: 0x000b,
      objectAttributes: 0,
      authPolicy: new Uint8Array(),
      unique: Buffer.alloc(32),
    } as const;
    expect(() => check(marshalTpmtPublic(sealed))).toThrowError(/type: expected RSA or ECC/);
  });

  it('is refused when it is no key', () => {
    const off = { ...ecc, y: Buffer.alloc(32, 3) };
    expect(() => check(marshalTpmtPublic(off))).toThrowError(/expected a public key/);
    expect(() => check(Buffer.concat([marshalTpmtPublic(ecc), Buffer.of(0)]))).toThrowError(/no trailing bytes, got 1/);
  });
});

describe('AK', () => {
  const [{ ecc, rsa: rsaArea, check }] = keys;
  it('signs with SHA-256 and one scheme only', () => {
    const { scheme: _, ...any } = ecc;
    for (const area of [
      any,
      { ...ecc, scheme: { scheme: 0x0018, hash: 0x0004 } },
      { ...ecc, scheme: { scheme: 0x0019, hash: 0x000b } },
      { ...ecc, symmetric: AES_128_CFB },
      { ...rsaArea, scheme: { scheme: 0x0017, hash: 0x000b } },
    ]) {
      expect(() => check(marshalTpmtPublic(area))).toThrowError(expect.objectContaining({ code: 'ERR_AK_TEMPLATE' }));
    }
    expect(check(marshalTpmtPublic({ ...rsaArea, scheme: { scheme: 0x0016, hash: 0x000b } })).area.scheme?.scheme).toBe(
      0x0016,
    );
  });
});

describe('storage key', () => {
  const [, { ecc, check }] = keys;
  it('protects with AES-128-CFB and has no scheme', () => {
    const { symmetric: _, ...none } = ecc;
    for (const area of [
      none,
      { ...ecc, symmetric: { ...AES_128_CFB, keyBits: 256 } },
      { ...ecc, symmetric: { ...AES_128_CFB, mode: 0x0040 } },
      { ...ecc, symmetric: { ...AES_128_CFB, algorithm: 0x0026 } },
      { ...ecc, scheme: { scheme: 0x0019, hash: 0x000b } },
    ]) {
      expect(() => check(marshalTpmtPublic(area))).toThrowError(expect.objectContaining({ code: 'ERR_STORAGE_KEY' }));
    }
  });
});

describe('counter', () => {
  const refused = (change: Partial<TpmsNvPublic>, message: RegExp): void => {
    const attempt = () => checkCounter(marshalTpmsNvPublic({ ...COUNTER, ...change }));
    expect(attempt).toThrowError(expect.objectContaining({ code: 'ERR_NV_CERTIFY' }));
    expect(attempt).toThrowError(message);
  };

  it('is accepted', () => {
    expect(checkCounter(marshalTpmsNvPublic(COUNTER)).area).toMatchObject({ nvIndex: 0x01805ea1 });
  });

  it.each(Array.from({ length: 32 }, (_, bit) => bit))('is refused with attribute bit %i flipped', (bit) => {
    refused({ attributes: (COUNTER.attributes ^ (1 << bit)) >>> 0 }, /attributes: expected 0xa2040014/);
  });

  it('is refused with any other member changed', () => {
    refused({ nvIndex: 0x01c00002 }, /nvIndex: expected 0x01800000 to 0x01bfffff, got 0x01c00002/);
    refused({ nvIndex: 0x017fffff }, /nvIndex/);
    refused({ nameAlg: 0x000c }, /nameAlg/);
    refused({ authPolicy: Buffer.alloc(32) }, /authPolicy/);
    refused({ dataSize: 16 }, /dataSize: expected 8, got 16/);
  });
});
