/** Signatures of the right key in the wrong way (PROTOCOL.md [V3], [V8]); everything else of verify.ts is tried in appraise.test.ts. */
import { randomBytes, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { SignedAttestBytes } from '../../../attestation/protocol/decode.js';
import {
  TPM_ALG_ECDSA,
  TPM_ALG_SHA1,
  TPM_ALG_SHA256,
  TPM_ST_ATTEST_QUOTE,
} from '../../../attestation/tpm/constants.js';
import { digest, hashByName } from '../../../attestation/tpm/hash.js';
import { selectPcrs } from '../../../attestation/tpm/pcr_selection.js';
import { marshalTpmtSignature } from '../../../attestation/tpm/tpmt_signature.js';
import { attestationKeyOf, checkAk } from '../../../attestation/verifier/templates.js';
import { verifyAttest, verifyCounterCertify, verifyQuote } from '../../../attestation/verifier/verify.js';
import { SoftwareAttester } from '../../support/software_attester.js';

const device = new SoftwareAttester();
const ak = attestationKeyOf(checkAk(device.ak.public));
const nonce = randomBytes(32);

function signedWith(hash: 'sha1' | 'sha256' | 'sha384'): SignedAttestBytes {
  const { attest } = device.quote(nonce, [0]);
  const p1363 = sign(hash, attest, { key: device.ak.privateKey, dsaEncoding: 'ieee-p1363' });
  const signature = marshalTpmtSignature({
    sigAlg: TPM_ALG_ECDSA,
    hash: hashByName(hash)?.id ?? 0,
    r: p1363.subarray(0, 32),
    s: p1363.subarray(32),
  });
  return { attest, signature };
}

const verifyWith = (key: typeof ak, hash: 'sha1' | 'sha256' | 'sha384', allowSha1 = false) =>
  verifyAttest(signedWith(hash), TPM_ST_ATTEST_QUOTE, key, nonce, { allowSha1 });
const refused = (message: RegExp) =>
  expect.objectContaining({ code: 'ERR_QUOTE_SIGNATURE', message: expect.stringMatching(message) });

describe('verifyQuote', () => {
  it('takes a SHA-1 bank only where it is allowed', () => {
    const [selection, pcrs] = [
      selectPcrs(TPM_ALG_SHA1, [0]),
      [{ bank: 'sha1', index: 0, value: Buffer.alloc(20) }] as const,
    ];
    const computed = digest(TPM_ALG_SHA256, Buffer.alloc(20));
    const quote = device.attest({ type: TPM_ST_ATTEST_QUOTE, pcrSelect: selection, pcrDigest: computed }, nonce);
    expect(verifyQuote(quote, pcrs, ak, nonce, selection, { allowSha1: true }).selection).toEqual(selection);
    expect(() => verifyQuote(quote, pcrs, ak, nonce, selection)).toThrowError(
      expect.objectContaining({ code: 'ERR_PCR_SELECTION', message: expect.stringMatching(/SHA-256 or stronger/) }),
    );
  });
});

describe('verifyCounterCertify', () => {
  it('takes the whole counter, from its beginning', () => {
    const certify = (change: object) => device.certifyCounter(nonce, change);
    expect(verifyCounterCertify(certify({}), device.counterName, ak, nonce)).toBe(7n);
    for (const change of [{ offset: 1 }, { nvContents: Buffer.alloc(7) }, { nvContents: Buffer.alloc(9) }]) {
      expect(() => verifyCounterCertify(certify(change), device.counterName, ak, nonce)).toThrowError(
        expect.objectContaining({ code: 'ERR_NV_CERTIFY', message: expect.stringMatching(/8 bytes at 0/) }),
      );
    }
  });
});

describe('verifyAttest', () => {
  it('takes the scheme of the AK and no other, stronger or weaker', () => {
    expect(verifyWith(ak, 'sha256').attest.extraData).toEqual(nonce);
    for (const hash of ['sha1', 'sha384'] as const) {
      expect(() => verifyWith(ak, hash, true)).toThrowError(refused(/scheme: expected 0x0018 with 0x000b/));
    }
  });

  it('takes SHA-1 from a key without a scheme only where it is allowed', () => {
    const anyScheme = { key: ak.key };
    expect(verifyWith(anyScheme, 'sha384').hash).toBe(0x000c);
    expect(() => verifyWith(anyScheme, 'sha1')).toThrowError(refused(/SHA-256 or stronger/));
    expect(verifyWith(anyScheme, 'sha1', true).hash).toBe(0x0004);
  });
});
