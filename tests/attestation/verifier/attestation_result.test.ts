import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { importJWK, type JWK, jwtVerify, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { selectPcrs } from '../../../attestation/tpm/pcr_selection.js';
import type { Appraisal } from '../../../attestation/verifier/appraise.js';
import { buildAttestationResult, readAttestationResult } from '../../../attestation/verifier/attestation_result.js';
import { statusOfVector, tierOf, validateEar } from '../../../attestation/verifier/ear.js';
import { signAttestationResult, verifyAttestationResult } from '../../../attestation/verifier/sign_result.js';
import { missingAttestationVectors, VectorFolder } from '../../support/attestation_vectors.js';
import { describeUnless } from '../../support/requirements.js';

const NOW = new Date('2026-01-01T00:00:00Z');
const VERIFIER = { developer: 'https://example.org', build: 'sealedge 0.1.0' };
const name = (byte: number): Buffer => Buffer.concat([Buffer.from('000b', 'hex'), Buffer.alloc(32, byte)]);
const jti = 'abcdefghijklmnopqrstuv';

function appraisal(change: Partial<Appraisal> = {}): Appraisal {
  return {
    status: 'affirming',
    deviceId: 'ab'.repeat(16),
    fleet: 'bakery',
    policyUri: 'urn:sealedge:policy:test:00',
    nonce: randomBytes(32),
    akName: name(1),
    storageKeyName: name(2),
    selection: selectPcrs(0x000b, [0]),
    values: new Map([[0x000b, new Map([[0, Buffer.alloc(32)]])]]),
    claims: {
      referenceState: 'good',
      referenceMismatches: [],
      rootCodeExcludedBy: [],
      arbitraryRootCodeExcluded: false,
      clock: { clock: 1n << 60n, resetCount: 3, restartCount: 0, safe: true },
    },
    failedClaims: [],
    counterValue: 7n,
    issuedAt: NOW,
    expiresAt: new Date(NOW.getTime() + 300_000),
    ...change,
  };
}

const keyPair = () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' });

describe('attestation result', () => {
  it('survives signing, and says what the Relying Party needs', async () => {
    const { privateKey } = keyPair();
    const token = await signAttestationResult(buildAttestationResult(appraisal(), VERIFIER, jti), privateKey);
    const result = await verifyAttestationResult(token, privateKey, NOW);
    expect(result).toMatchObject({
      jti,
      status: 'affirming',
      deviceId: 'ab'.repeat(16),
      fleet: 'bakery',
      counterValue: 7n,
      clock: { clock: 1n << 60n, resetCount: 3 },
      arbitraryRootCodeExcluded: false,
      failedClaims: [],
    });
    expect(result.akName).toEqual(name(1));
    expect(result.storageKeyName).toEqual(name(2));
  });

  it('carries a refusal with the names of the claims and none of the values', () => {
    const mismatch = { claim: 'pcr:sha256:0', expected: 'aa'.repeat(32), got: 'bb'.repeat(32) };
    const { referenceState: _, ...claims } = { ...appraisal().claims, referenceMismatches: [mismatch] };
    const ear = buildAttestationResult(
      appraisal({ status: 'contraindicated', claims, failedClaims: [mismatch] }),
      VERIFIER,
      jti,
    );
    expect(readAttestationResult(ear)).toMatchObject({ status: 'contraindicated', failedClaims: ['pcr:sha256:0'] });
    expect(JSON.stringify(ear)).not.toMatch(/aaaaaaaa|bbbbbbbb/);
    expect(ear.submods.device).toMatchObject({ 'ear.trustworthiness-vector': { executables: 33, configuration: 2 } });
  });

  it('is refused when expired, signed by another, or of another type', async () => {
    const { privateKey } = keyPair();
    const ear = buildAttestationResult(appraisal(), VERIFIER, jti);
    const token = await signAttestationResult(ear, privateKey);
    const later = new Date(NOW.getTime() + 301_000);
    await expect(verifyAttestationResult(token, privateKey, later)).rejects.toMatchObject({
      code: 'ERR_NONCE_EXPIRED',
    });
    await expect(verifyAttestationResult(token, keyPair().publicKey, NOW)).rejects.toMatchObject({
      code: 'ERR_QUOTE_SIGNATURE',
    });
    const untyped = await new SignJWT(ear).setProtectedHeader({ alg: 'ES256' }).sign(privateKey);
    const foreign = { ...ear, submods: { cpu0: ear.submods.device } };
    const other = await new SignJWT(foreign).setProtectedHeader({ alg: 'ES256', typ: 'eat+jwt' }).sign(privateKey);
    for (const bad of [untyped, other, 'x', '', `${token.split('.').slice(0, 2).join('.')}.`]) {
      await expect(verifyAttestationResult(bad, privateKey, NOW)).rejects.toMatchObject({ name: 'EvidenceError' });
    }
  });
});

describeUnless(missingAttestationVectors)('ear vectors', () => {
  const vector = new VectorFolder('ear', 'ear-claims');
  const files = missingAttestationVectors ? [] : vector.files().filter((file) => /^ear-claims|token/.test(file));

  it.each(files)('%s', async (file) => {
    const claims = vector.json<{ iat: number }>(file);
    if (/-ko\.json$/.test(file)) {
      expect(() => validateEar(claims)).toThrowError(expect.objectContaining({ code: 'ERR_EVIDENCE_MALFORMED' }));
      return;
    }
    expect(validateEar(claims)).toEqual(claims);
    // The collection's test key signs and verifies it like any other.
    const key = await importJWK(vector.json<JWK>('skey.json'), 'ES256');
    const token = await new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ES256' }).sign(key);
    const { payload } = await jwtVerify(token, await importJWK(vector.json<JWK>('pkey.json'), 'ES256'), {
      currentDate: new Date(claims.iat * 1000),
    });
    expect(validateEar(payload)).toEqual(claims);
    const { mandatoryClaims } = vector.json<{ mandatoryClaims: string[] }>('expected.json');
    for (const path of mandatoryClaims) {
      expect(() => validateEar(without(claims, path)), `without ${path}`).toThrowError(
        expect.objectContaining({ code: 'ERR_EVIDENCE_MALFORMED' }),
      );
    }
    for (const eat_nonce of ['short', 'x'.repeat(89), [], ['long enough', 'short'], 7]) {
      expect(() => validateEar({ ...claims, eat_nonce })).toThrowError(/eat_nonce: expected 8 to 88 characters/);
    }
    for (const eat_nonce of ['12345678', 'x'.repeat(88), ['12345678', '87654321']])
      validateEar({ ...claims, eat_nonce });
  });

  /** `submods.<name>.ear.status`: the name is any, the claim has a dot in it. */
  function without(claims: object, path: string): object {
    const copy = structuredClone(claims) as Record<string, unknown>;
    const claim = /^submods\.<name>\.(.+)$/.exec(path)?.[1];
    if (claim === undefined) delete copy[path];
    else for (const submodule of Object.values(copy.submods as object)) delete submodule[claim];
    return copy;
  }
});

describe('validateEar', () => {
  const good = () => structuredClone(buildAttestationResult(appraisal(), VERIFIER, jti));

  it.each<[string, (ear: Record<string, unknown>) => void, RegExp]>([
    [
      'another profile',
      (ear) => {
        ear.eat_profile = 'tag:example.org,2020:x';
      },
      /eat_profile/,
    ],
    [
      'a negative time',
      (ear) => {
        ear.iat = -1;
      },
      /iat: expected a NumericDate/,
    ],
    [
      'a fractional time',
      (ear) => {
        ear.exp = 1.5;
      },
      /exp/,
    ],
    [
      'an anonymous verifier',
      (ear) => {
        ear['ear.verifier-id'] = { build: 'x' };
      },
      /developer/,
    ],
    [
      'no submodules',
      (ear) => {
        ear.submods = {};
      },
      /submods/,
    ],
    [
      'submodules in a list',
      (ear) => {
        ear.submods = [];
      },
      /submods: expected an object/,
    ],
    [
      'raw evidence that is not base64url',
      (ear) => {
        ear['ear.raw-evidence'] = '+/';
      },
      /raw-evidence/,
    ],
    [
      'an unknown status',
      (ear) => {
        ear.submods = { a: { 'ear.status': 'fine' } };
      },
      /ear.status/,
    ],
    [
      'an unknown trust claim',
      (ear) => {
        ear.submods = { a: { 'ear.status': 'none', 'ear.trustworthiness-vector': { mood: 2 } } };
      },
      /known claims/,
    ],
    [
      'a trust claim out of range',
      (ear) => {
        ear.submods = { a: { 'ear.status': 'none', 'ear.trustworthiness-vector': { hardware: 128 } } };
      },
      /-128 to 127/,
    ],
    [
      'a status better than its vector',
      (ear) => {
        ear.submods = { a: { 'ear.status': 'affirming', 'ear.trustworthiness-vector': { hardware: 96 } } };
      },
      /no better than hardware 96/,
    ],
  ])('refuses %s', (_name, change, message) => {
    const ear = good();
    change(ear);
    expect(() => validateEar(ear)).toThrowError(message);
  });

  it('refuses what is no claims set at all', () => {
    for (const value of [null, undefined, 1, 'x', []])
      expect(() => validateEar(value)).toThrowError(/EAR: expected an object/);
  });

  it('knows the tiers of AR4SI', () => {
    const tiers = [0, 1, -1, 2, 31, -2, -32, 32, 95, -33, -96, 96, 127, -97, -128].map(tierOf);
    expect(tiers).toEqual([
      ...['none', 'none', 'none', 'affirming', 'affirming', 'affirming', 'affirming'],
      ...[
        'warning',
        'warning',
        'warning',
        'warning',
        'contraindicated',
        'contraindicated',
        'contraindicated',
        'contraindicated',
      ],
    ]);
    expect(statusOfVector({})).toBe('none');
    expect(statusOfVector({ hardware: 2, executables: 33 })).toBe('warning');
  });
});
