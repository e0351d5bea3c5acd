/** TPM structures: real ones re-encode to the same bytes, and one thing wrong is refused by name. */

import { createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  describeSelection,
  marshalPcrSelection,
  parsePcrSelection,
  pcrDigest,
  samePcrs,
  selectPcrs,
} from '../../../attestation/tpm/pcr_selection.js';
import { marshalTpmsAttest, parseTpmsAttest } from '../../../attestation/tpm/tpms_attest.js';
import { computeNvName, marshalTpmsNvPublic, parseTpmsNvPublic } from '../../../attestation/tpm/tpms_nv_public.js';
import { computeName, marshalTpmtPublic, parseTpmtPublic, publicKeyOf } from '../../../attestation/tpm/tpmt_public.js';
import { marshalTpmtSignature, parseTpmtSignature } from '../../../attestation/tpm/tpmt_signature.js';
import { verifyAttest } from '../../../attestation/verifier/verify.js';
import { missingAttestationVectors, vectorFolders } from '../../support/attestation_vectors.js';
import { describeUnless } from '../../support/requirements.js';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const malformed = (attempt: () => unknown, message: RegExp): void => {
  expect(attempt).toThrowError(expect.objectContaining({ name: 'EvidenceError', code: 'ERR_EVIDENCE_MALFORMED' }));
  expect(attempt).toThrowError(message);
};

const CODECS = [
  { suffix: '_attest.bin', again: (bytes: Buffer) => marshalTpmsAttest(parseTpmsAttest(bytes)) },
  { suffix: '_signature.bin', again: (bytes: Buffer) => marshalTpmtSignature(parseTpmtSignature(bytes)) },
  { suffix: '.tpmt_public.bin', again: (bytes: Buffer) => marshalTpmtPublic(parseTpmtPublic(bytes)) },
];

describeUnless(missingAttestationVectors)('structures of real TPMs', () => {
  const files = ['evidence', 'negative-quotes']
    .flatMap(vectorFolders)
    .flatMap((vector) =>
      vector
        .files()
        .flatMap((file) =>
          CODECS.filter(({ suffix }) => file.endsWith(suffix)).map(({ again }) => ({ vector, file, again })),
        ),
    );
  it.each(files.map((one) => [`${one.vector.name}/${one.file}`, one] as const))(
    '%s',
    (_name, { vector, file, again }) => {
      const bytes = vector.bytes(file);
      // Made-up bytes of the collection, no structure of any TPM.
      if (file === 'quote.tpms_attest.bin' && /^(trailing-byte|type-certify)/.test(vector.name)) {
        malformed(() => again(bytes), /no trailing bytes, got 1|attested.qualifiedName/);
        return;
      }
      expect(again(bytes)).toEqual(bytes);
      malformed(() => again(Buffer.concat([bytes, Buffer.of(0)])), /no trailing bytes, got 1/);
      // Cut anywhere: always our error, never a stray one.
      for (let length = 0; length < bytes.length; length++)
        malformed(() => again(bytes.subarray(0, length)), /expected/);
    },
  );

  it('certified keys and AKs: Name and public key agree with what was signed', () => {
    const parsec = vectorFolders('evidence').find((vector) => vector.name === 'parsec-tpm-token');
    if (parsec === undefined) throw new Error('parsec-tpm-token is missing');
    const key = createPublicKey(parsec.text('ak.pem'));
    const signed = {
      attest: parsec.bytes('key-certify.tpms_attest.bin'),
      signature: parsec.bytes('key-certify.signature.tpmt_signature.bin'),
    };
    const { attested } = verifyAttest(signed, 0x8017, { key }, hex('deadbeefdeadbeef'));
    const name = computeName(parseTpmtPublic(parsec.bytes('certified-key.tpmt_public.bin')));
    expect(Buffer.from(attested.name).toString('hex')).toBe(name.toString('hex'));
    for (const vector of vectorFolders('evidence').filter((one) => one.has('ak.tpmt_public.bin'))) {
      const area = parseTpmtPublic(vector.bytes('ak.tpmt_public.bin'));
      if (area.type === 0x0008) throw new Error('an AK is a key');
      const pem = createPublicKey(vector.text('ak.pem')).export({ format: 'der', type: 'spki' });
      expect(publicKeyOf(area).export({ format: 'der', type: 'spki' })).toEqual(pem);
    }
  });
});

describe('TPML_PCR_SELECTION', () => {
  const one = '00000001 000b 03 810001';

  it('parses, marshals, describes', () => {
    const selection = parsePcrSelection(hex(one));
    expect(selection).toEqual([{ hash: 0x000b, pcrs: [0, 7, 16], selectBytes: 3 }]);
    expect(marshalPcrSelection(selection)).toEqual(hex(one));
    expect(describeSelection(selection)).toBe('sha256:0,7,16');
    expect(describeSelection([])).toBe('none');
    expect(marshalPcrSelection(selectPcrs(0x000b, [16, 7, 0, 7]))).toEqual(hex(one));
  });

  it('compares exactly, whatever the encoding', () => {
    const parse = (text: string) => parsePcrSelection(hex(text));
    expect(samePcrs(parse(one), parse('00000001 000b 04 81000100'))).toBe(true);
    expect(samePcrs(parse(one), parse('00000002 0004 03 000000 000b 03 810001'))).toBe(true);
    expect(
      samePcrs(parse('00000002 0004 03 010000 000b 03 020000'), parse('00000002 000b 03 020000 0004 03 010000')),
    ).toBe(true);
    for (const other of ['00000001 000b 03 810000', '00000001 000b 03 810003', '00000001 000c 03 810001', '00000000']) {
      expect(samePcrs(parse(one), parse(other))).toBe(false);
    }
    expect(samePcrs(parse(one), parse('00000002 000b 03 810001 0004 03 010000'))).toBe(false);
  });

  it('refuses what is ambiguous or too much', () => {
    malformed(() => parsePcrSelection(hex('00000002 000b 03 010000 000b 03 020000')), /each bank once, got 0x000b/);
    malformed(() => parsePcrSelection(hex('00000001 000b 00')), /sizeofSelect: expected 1 to 4, got 0/);
    malformed(() => parsePcrSelection(hex('00000001 000b ff')), /sizeofSelect/);
    malformed(() => parsePcrSelection(hex('ffffffff')), /count: expected at most 16, got 4294967295/);
  });

  it('digests values by bank and number', () => {
    const values = new Map([[0x000b, new Map([[0, Buffer.alloc(32)]])]]);
    expect(pcrDigest(0x000b, selectPcrs(0x000b, [0, 1]), values)).toEqual({ missing: { hash: 0x000b, pcr: 1 } });
    expect(pcrDigest(0x000b, selectPcrs(0x0004, [0]), values)).toEqual({ missing: { hash: 0x0004, pcr: 0 } });
    expect(pcrDigest(0x000b, selectPcrs(0x0012, [0]), values)).toEqual({ missing: { hash: 0x0012, pcr: 0 } });
    const short = new Map([[0x000b, new Map([[0, Buffer.alloc(31)]])]]);
    expect(pcrDigest(0x000b, selectPcrs(0x000b, [0]), short)).toHaveProperty('missing');
  });
});

describe('TPMT_PUBLIC', () => {
  const ecc = `0023 000b 00040040 0000 0010 0018000b 0003 0010 0020 ${'11'.repeat(32)} 0020 ${'22'.repeat(32)}`;
  const rsa = (keyBits: string, exponent: string, modulus: string) =>
    `0001 000b 00050472 0000 0010 0014000b ${keyBits} ${exponent} ${(modulus.length / 2).toString(16).padStart(4, '0')} ${modulus}`;
  const modulus = `c1${'00'.repeat(254)}01`;

  it('keeps every encoding it accepts', () => {
    for (const text of [
      ecc,
      rsa('0800', '00000000', modulus),
      rsa('0800', '00010001', modulus),
      `0008 000b 00000480 0000 0010 0020 ${'33'.repeat(32)}`,
    ]) {
      expect(marshalTpmtPublic(parseTpmtPublic(hex(text)))).toEqual(hex(text));
    }
  });

  it.each<[string, string, RegExp]>([
    ['type', ecc.replace('0023', '0025'), /type: expected TPM_ALG_RSA, TPM_ALG_ECC or TPM_ALG_KEYEDHASH, got 0x0025/],
    ['nameAlg', ecc.replace('000b', '0010'), /nameAlg: expected a SHA-1 or SHA-2 algorithm, got 0x0010/],
    ['policy size', ecc.replace('00040040 0000', '00040040 0001 00'), /authPolicy.size: expected 0 or 32, got 1/],
    ['curve', ecc.replace('0003 0010', '0010 0010'), /curveID/],
    [
      'scheme',
      ecc.replace('0018000b', '001a000b'),
      /scheme: expected TPM_ALG_NULL or one of 0x0018, 0x0019, got 0x001a/,
    ],
    [
      'coordinate',
      ecc.replace(`0020 ${'11'.repeat(32)}`, `0021 ${'11'.repeat(33)}`),
      /unique.x.size: expected at most 32, got 33/,
    ],
    ['exponent 1', rsa('0800', '00000001', modulus), /exponent: expected 0 or an odd number from 3, got 1/],
    ['even exponent', rsa('0800', '00010000', modulus), /exponent/],
    ['short modulus', rsa('0800', '00000000', 'c1'.repeat(255)), /unique/],
    ['even modulus', rsa('0800', '00000000', 'c0'.repeat(256)), /odd modulus/],
    ['small modulus', rsa('0800', '00000000', '01'.repeat(256)), /odd modulus/],
    [
      'KEYEDHASH scheme',
      '0008 000b 00000480 0000 0005 000b 0000',
      /scheme: expected TPM_ALG_NULL \(a sealed data object\)/,
    ],
  ])('refuses a wrong %s', (_name, text, message) => malformed(() => parseTpmtPublic(hex(text)), message));

  it('is no key when the point is off the curve', () => {
    const area = parseTpmtPublic(hex(ecc));
    if (area.type === 0x0008) throw new Error('not reached');
    malformed(() => publicKeyOf(area), /expected a public key/);
  });
});

describe('TPMS_NV_PUBLIC', () => {
  it('re-encodes, names, refuses', () => {
    const text = '01805ea1 000b a2040014 0000 0008';
    const area = parseTpmsNvPublic(hex(text));
    expect(marshalTpmsNvPublic(area)).toEqual(hex(text));
    expect(computeNvName(area).toString('hex')).toMatch(/^000b[0-9a-f]{64}$/);
    expect(computeNvName({ ...area, attributes: 0x82040014 }).equals(computeNvName(area))).toBe(false);
    malformed(() => parseTpmsNvPublic(hex(`${text} 00`)), /no trailing bytes/);
    malformed(() => parseTpmsNvPublic(hex('01805ea1 0000 a2040014 0000 0008')), /nameAlg/);
  });
});

describe('TPMS_ATTEST', () => {
  const quote = `ff544347 8018 0000 0002 beef 0000000000000001 00000002 00000003 01 0000000000000004 00000000 0000`;
  it.each<[string, string, RegExp]>([
    ['type', quote.replace('8018', '8019'), /type: expected a quote, certify, creation or NV attestation, got 0x8019/],
    ['safe', quote.replace(' 01 00', ' 02 00'), /clockInfo.safe: expected YES or NO, got 2/],
    ['signer', quote.replace('8018 0000', '8018 0003 000b00'), /qualifiedSigner.size: expected 34, got 3/],
    ['signer algorithm', quote.replace('8018 0000', '8018 0003 009900'), /qualifiedSigner: expected a Name/],
    ['extraData', quote.replace('0002 beef', `0043 ${'00'.repeat(67)}`), /extraData.size: expected at most 66, got 67/],
  ])('refuses a wrong %s', (_name, text, message) => malformed(() => parseTpmsAttest(hex(text)), message));
  it('takes the rest', () => expect(marshalTpmsAttest(parseTpmsAttest(hex(quote)))).toEqual(hex(quote)));
});

describe('TPMT_SIGNATURE', () => {
  it.each<[string, string, RegExp]>([
    ['algorithm', '0010', /sigAlg/],
    ['hash', '0014 0010 0000', /hash/],
    ['size', '0014 000b 0201', /sig.size: expected at most 512, got 513/],
  ])('refuses a wrong %s', (_name, text, message) => malformed(() => parseTpmtSignature(hex(text)), message));
});
