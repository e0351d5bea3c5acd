import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { makeCredential } from '../../../attestation/key_release/make_credential.js';
import { type EccPublic, parseTpmtPublic, type RsaPublic } from '../../../attestation/tpm/tpmt_public.js';
import { missingAttestationVectors, VectorFolder } from '../../support/attestation_vectors.js';
import { describeUnless } from '../../support/requirements.js';

interface KnownAnswers {
  rsa: { ek_tpm2b_public: string; challenge: string; akName: string; expectedFirst80Bytes: string };
  ecc: { ek_tpm2b_public: string; challenge: string; akName: string; ephemeralPrivate: string; expected: string };
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

/** tpm2-tools' file: magic, version, TPM2B_ID_OBJECT, TPM2B_ENCRYPTED_SECRET. */
function credentialFile({
  credentialBlob,
  encryptedSecret,
}: {
  credentialBlob: Buffer;
  encryptedSecret: Buffer;
}): Buffer {
  const sized = (bytes: Buffer): Buffer => {
    const size = Buffer.alloc(2);
    size.writeUInt16BE(bytes.length);
    return Buffer.concat([size, bytes]);
  };
  return Buffer.concat([hex('badcc0de00000001'), sized(credentialBlob), sized(encryptedSecret)]);
}

const ekOf = (tpm2b: string): RsaPublic | EccPublic => parseTpmtPublic(hex(tpm2b).subarray(2)) as RsaPublic | EccPublic;

describeUnless(missingAttestationVectors)('makeCredential, known answers', () => {
  const answers = missingAttestationVectors
    ? undefined
    : new VectorFolder('known-answers', 'makecredential-kat').json<KnownAnswers>('kat.json');

  it('RSA 2048', () => {
    const { rsa } = answers as KnownAnswers;
    const seed = Buffer.alloc(32, 0x12);
    const file = credentialFile(
      makeCredential(ekOf(rsa.ek_tpm2b_public), hex(rsa.akName), hex(rsa.challenge), { seed }),
    );
    expect(file.subarray(0, 80).toString('hex')).toBe(rsa.expectedFirst80Bytes);
    expect(file).toHaveLength(80 + 256);
  });

  it('ECC P-256', () => {
    const { ecc } = answers as KnownAnswers;
    const ephemeralPrivate = hex(BigInt(ecc.ephemeralPrivate).toString(16).padStart(64, '0'));
    const file = credentialFile(
      makeCredential(ekOf(ecc.ek_tpm2b_public), hex(ecc.akName), hex(ecc.challenge), { ephemeralPrivate }),
    );
    expect(file.toString('hex')).toBe(ecc.expected);
  });
});

describe('makeCredential', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp384r1' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const ek: EccPublic = {
    type: 0x0023,
    nameAlg: 0x000c,
    objectAttributes: 0x000300f2,
    authPolicy: Buffer.alloc(48),
    symmetric: { algorithm: 0x0006, keyBits: 256, mode: 0x0043 },
    curve: 0x0004,
    x: Buffer.from(x, 'base64url'),
    y: Buffer.from(y, 'base64url'),
  };
  const akName = Buffer.concat([hex('000b'), Buffer.alloc(32, 7)]);

  it('uses the hash of the nameAlg and the symmetric key size of the EK', () => {
    expect(createPrivateKey(privateKey.export({ format: 'pem', type: 'pkcs8' })).asymmetricKeyType).toBe('ec');
    const { credentialBlob, encryptedSecret } = makeCredential(ek, akName, Buffer.alloc(32, 1));
    expect(credentialBlob.readUInt16BE(0)).toBe(48);
    expect(credentialBlob).toHaveLength(2 + 48 + 2 + 32);
    expect(encryptedSecret).toHaveLength(2 * (2 + 48));
  });

  it('never makes the same credential twice', () => {
    const [a, b] = [makeCredential(ek, akName, Buffer.alloc(32, 1)), makeCredential(ek, akName, Buffer.alloc(32, 1))];
    expect(a.credentialBlob.equals(b.credentialBlob)).toBe(false);
  });

  it('refuses a secret longer than a digest and a key without a symmetric algorithm', () => {
    expect(() => makeCredential(ek, akName, Buffer.alloc(49))).toThrowError(
      /credential: expected at most 48 bytes, got 49/,
    );
    const { symmetric: _, ...signing } = ek;
    expect(() => makeCredential(signing, akName, Buffer.alloc(32))).toThrowError(/AES-CFB/);
  });

  it('refuses a point that is not on the curve', () => {
    const off = { ...ek, y: Buffer.alloc(48, 5) };
    expect(() => makeCredential(off, akName, Buffer.alloc(32))).toThrowError(/expected a public key/);
  });
});
