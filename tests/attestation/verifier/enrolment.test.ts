/** Enrolment from request to record, the verifier's side (PROTOCOL.md [E1] to [E7]). */
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { makeCredential } from '../../../attestation/key_release/make_credential.js';
import { decodeEnrolProof, decodeEnrolRequest } from '../../../attestation/protocol/decode.js';
import { readDeviceRecord } from '../../../attestation/protocol/device_record.js';
import type { EnrolProof, EnrolRequest } from '../../../attestation/protocol/messages.js';
import { type EccPublic, marshalTpmtPublic } from '../../../attestation/tpm/tpmt_public.js';
import {
  credentialDigest,
  deviceIdOf,
  type EnrolChallengeState,
  verifyEnrolProof,
  verifyEnrolRequest,
} from '../../../attestation/verifier/enrolment.js';
import { makeCa, makeCertificate } from '../../support/certificates.js';
import { AK_AREA, EK_AREA, SoftwareAttester, softwareKey } from '../../support/software_attester.js';

const NOW = new Date('2026-01-01T00:00:00Z');
const root = makeCa('root');
const b64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

function requestOf(device: SoftwareAttester, akPublic: Buffer = device.ak.public): EnrolRequest {
  const certificate = makeCertificate({
    subject: '',
    publicKey: createPublicKey(device.ek.privateKey),
    issuer: root,
    keyUsage: ['keyAgreement'],
    extendedKeyUsage: ['2.23.133.8.1'],
  });
  return {
    protocol: 1,
    fleet: 'bakery',
    ekCertificates: [b64(certificate)],
    ekPublic: b64(device.ek.public),
    akPublic: b64(akPublic),
  };
}

function exchange(): { device: SoftwareAttester; secret: Buffer; state: EnrolChallengeState; proof: EnrolProof } {
  const device = new SoftwareAttester();
  const request = decodeEnrolRequest(JSON.parse(JSON.stringify(requestOf(device))));
  const identity = verifyEnrolRequest(request, { roots: [root.der] }, NOW);
  const secret = randomBytes(32);
  makeCredential(identity.ekPublic, identity.akName, secret);
  const nonce = randomBytes(32);
  const state = { request, ekChain: identity.ekChain, nonce, credentialDigest: credentialDigest(secret) };
  const storageKey = device.certify(device.storageKey, nonce);
  const counter = device.certifyCounter(nonce);
  const proof: EnrolProof = {
    protocol: 1,
    credential: b64(secret),
    storageKey: {
      public: b64(device.storageKey.public),
      attest: b64(storageKey.attest),
      signature: b64(storageKey.signature),
    },
    counter: { nvPublic: b64(device.counterPublic), attest: b64(counter.attest), signature: b64(counter.signature) },
  };
  return { device, secret, state, proof };
}

describe('enrolment', () => {
  it('makes a record that appraisal can read after a trip through a database', () => {
    const { device, state, proof } = exchange();
    const record = verifyEnrolProof(decodeEnrolProof(proof), state);
    expect(record).toMatchObject({ fleet: 'bakery', counterValue: '7', ekChain: ['EK certificate', 'CN=root'] });
    expect(record.deviceId).toBe(deviceIdOf(device.ek.public));
    expect(record.deviceId).toMatch(/^[0-9a-f]{32}$/);
    const endorsements = readDeviceRecord(JSON.parse(JSON.stringify(record)));
    expect(endorsements.akName).toEqual(device.ak.name);
    expect(endorsements.storageKeyName).toEqual(device.storageKey.name);
    expect(endorsements.lastCounter).toBe(7n);
    expect(readDeviceRecord(record, { lastCounter: 9n, revoked: true })).toMatchObject({
      lastCounter: 9n,
      revoked: true,
    });
    expect(() => readDeviceRecord({ ...record, akName: 'x' })).toThrowError(/deviceRecord.akName/);
  });

  it('knows a device again by its EK, whatever AK it brings', () => {
    const device = new SoftwareAttester();
    const identify = (akPublic: Buffer) =>
      verifyEnrolRequest(decodeEnrolRequest(requestOf(device, akPublic)), { roots: [root.der] }, NOW);
    const [one, two] = [identify(device.ak.public), identify(softwareKey(AK_AREA).public)];
    expect(one.deviceId).toBe(two.deviceId);
    expect(one.akName.equals(two.akName)).toBe(false);
  });

  it('knows a device again by its EK, whatever else it says about it', () => {
    const device = new SoftwareAttester();
    const { area } = device.ek;
    const identify = (ek: Partial<EccPublic>) => {
      const request = { ...requestOf(device), ekPublic: b64(marshalTpmtPublic({ ...area, ...ek })) };
      return verifyEnrolRequest(decodeEnrolRequest(request), { roots: [root.der] }, NOW).deviceId;
    };
    // The certificate says nothing of these, nor does the credential depend on them: a revoked device may choose them.
    const variants: Partial<EccPublic>[] = [
      { objectAttributes: area.objectAttributes ^ 0x400 },
      { objectAttributes: area.objectAttributes ^ 0x40 },
      { authPolicy: new Uint8Array() },
      { scheme: { scheme: 0x0019, hash: 0x000b } },
    ];
    for (const variant of variants) expect(identify(variant)).toBe(identify({}));
  });

  it('gives an EK one id in every encoding of its key', () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const modulus = Buffer.from(publicKey.export({ format: 'jwk' }).n ?? '', 'base64url');
    const rsa = (exponent: number) =>
      deviceIdOf(marshalTpmtPublic({ ...EK_AREA, type: 0x0001, nameAlg: 0x000b, keyBits: 2048, exponent, modulus }));
    expect(rsa(0)).toBe(rsa(65537));
    expect(rsa(3)).not.toBe(rsa(0));
    let key = softwareKey(EK_AREA);
    while (key.area.x[0] !== 0) key = softwareKey(EK_AREA);
    const stripped = { ...key.area, x: key.area.x.subarray(1) };
    expect(deviceIdOf(marshalTpmtPublic(stripped))).toBe(deviceIdOf(key.public));
  });

  it('refuses an AK that is none', () => {
    const device = new SoftwareAttester();
    const request = decodeEnrolRequest(requestOf(device, device.storageKey.public));
    expect(() => verifyEnrolRequest(request, { roots: [root.der] }, NOW)).toThrowError(
      expect.objectContaining({ code: 'ERR_AK_TEMPLATE' }),
    );
  });

  it.each<[string, string, (one: ReturnType<typeof exchange>) => Partial<EnrolProof>]>([
    ['another credential', 'ERR_CREDENTIAL', () => ({ credential: b64(randomBytes(32)) })],
    [
      'a storage key certified over another nonce',
      'ERR_NONCE_MISMATCH',
      ({ device, proof }) => {
        const { attest, signature } = device.certify(device.storageKey, randomBytes(32));
        return { storageKey: { ...proof.storageKey, attest: b64(attest), signature: b64(signature) } };
      },
    ],
    [
      'a storage key certified by another AK',
      'ERR_QUOTE_SIGNATURE',
      ({ device, state, proof }) => {
        const { attest, signature } = new SoftwareAttester().certify(device.storageKey, state.nonce);
        return { storageKey: { ...proof.storageKey, attest: b64(attest), signature: b64(signature) } };
      },
    ],
    [
      'the AK as storage key',
      'ERR_STORAGE_KEY',
      ({ device, proof }) => ({
        storageKey: { ...proof.storageKey, public: b64(device.ak.public) },
      }),
    ],
    [
      'a part of the counter',
      'ERR_NV_CERTIFY',
      ({ device, state, proof }) => {
        const { attest, signature } = device.certifyCounter(state.nonce, { offset: 4, nvContents: Buffer.alloc(4) });
        return { counter: { ...proof.counter, attest: b64(attest), signature: b64(signature) } };
      },
    ],
    [
      'another index',
      'ERR_NV_CERTIFY',
      ({ device, state, proof }) => {
        const { attest, signature } = device.certifyCounter(state.nonce, { indexName: device.ak.name });
        return { counter: { ...proof.counter, attest: b64(attest), signature: b64(signature) } };
      },
    ],
    [
      'a certified key in place of the counter',
      'ERR_EVIDENCE_MALFORMED',
      ({ device, state, proof }) => {
        const { attest, signature } = device.certify(device.storageKey, state.nonce);
        return { counter: { ...proof.counter, attest: b64(attest), signature: b64(signature) } };
      },
    ],
  ])('refuses %s', (_name, code, change) => {
    const one = exchange();
    const proof = decodeEnrolProof({ ...one.proof, ...change(one) });
    expect(() => verifyEnrolProof(proof, one.state)).toThrowError(
      expect.objectContaining({ name: 'EvidenceError', code }),
    );
  });
});
