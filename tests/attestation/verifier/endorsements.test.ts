/** EK certificates and chains, one thing wrong each (PROTOCOL.md [E1] to [E3]). */
import { createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type EccPublic, marshalTpmtPublic } from '../../../attestation/tpm/tpmt_public.js';
import { type EkTrust, verifyEk } from '../../../attestation/verifier/endorsements.js';
import { type CertificateOptions, makeCa, makeCertificate } from '../../support/certificates.js';
import { EK_AREA, softwareKey } from '../../support/software_attester.js';

const NOW = new Date('2026-01-01T00:00:00Z');
const EK_PURPOSE = '2.23.133.8.1';

const root = makeCa('root');
const intermediate = makeCa('intermediate', { issuer: root, pathLength: 0 });
const ek = softwareKey(EK_AREA);
const trust: EkTrust = { roots: [root.der] };

function ekCertificate(change: Partial<CertificateOptions> = {}): Buffer {
  return makeCertificate({
    subject: '',
    publicKey: createPublicKey(ek.privateKey),
    issuer: intermediate,
    keyUsage: ['keyAgreement'],
    extendedKeyUsage: [EK_PURPOSE],
    ...change,
  });
}

describe('verifyEk', () => {
  it('follows the chain to a root, with intermediates of device or operator, in any order', () => {
    const certificate = ekCertificate();
    expect(verifyEk([certificate, intermediate.der], ek.public, trust, NOW).chain).toHaveLength(3);
    expect(
      verifyEk([certificate], ek.public, { ...trust, intermediates: [root.der, intermediate.der] }, NOW).chain,
    ).toHaveLength(3);
    // An operator may trust a maker's intermediate itself.
    expect(verifyEk([certificate], ek.public, { roots: [intermediate.der] }, NOW).chain).toHaveLength(2);
  });

  it.each<[string, RegExp, Partial<CertificateOptions>]>([
    ['not yet valid', /validity: expected .*2027/, { notBefore: new Date('2027-01-01') }],
    ['expired', /validity/, { notAfter: new Date('2025-01-01') }],
    ['a CA', /basicConstraints: expected no CA/, { ca: true }],
    [
      'for signing',
      /keyUsage: expected keyAgreement or keyEncipherment alone, got digitalSignature keyAgreement/,
      {
        keyUsage: ['digitalSignature', 'keyAgreement'],
      },
    ],
    ['for nothing', /keyUsage: .* got none of it/, { keyUsage: [] }],
    [
      'of another purpose',
      /extendedKeyUsage: expected 2.23.133.8.1, got 2.23.133.8.3/,
      { extendedKeyUsage: ['2.23.133.8.3'] },
    ],
    [
      'with a critical extension nobody knows',
      /critical extensions: expected understood ones, got 1.2.3.4/,
      { critical: ['1.2.3.4'] },
    ],
    ['signed with SHA-1', /signatureAlgorithm: expected SHA-2/, { hash: 'sha1' }],
    [
      'signed by another key of the same name',
      /signature: expected one by CN=intermediate/,
      {
        issuer: { subject: 'intermediate', privateKey: makeCa('x').privateKey },
      },
    ],
    ['of an unknown issuer', /chain: expected a trusted root, got issuer CN=nobody/, { issuer: makeCa('nobody') }],
  ])('refuses a certificate that is %s', (_name, message, change) => {
    const attempt = () => verifyEk([ekCertificate(change), intermediate.der], ek.public, trust, NOW);
    expect(attempt).toThrowError(expect.objectContaining({ code: 'ERR_EK_CERTIFICATE' }));
    expect(attempt).toThrowError(message);
  });

  it('refuses a certificate with an extension twice, or cut, or none', () => {
    expect(() => verifyEk([ekCertificate({ duplicateExtension: true })], ek.public, trust, NOW)).toThrowError(
      /each extension once|X.509/,
    );
    expect(() => verifyEk([ekCertificate().subarray(0, 100)], ek.public, trust, NOW)).toThrowError(
      expect.objectContaining({ code: 'ERR_EVIDENCE_MALFORMED' }),
    );
    expect(() => verifyEk([], ek.public, trust, NOW)).toThrowError(/EK certificate: expected one, got none/);
  });

  it.each<[string, RegExp, Partial<CertificateOptions>]>([
    ['is no CA', /basicConstraints: expected a CA|trusted root/, { ca: false }],
    ['may not sign certificates', /keyUsage: expected keyCertSign|trusted root/, { keyUsage: ['digitalSignature'] }],
    ['has expired', /validity/, { notAfter: new Date('2025-01-01') }],
    ['is constrained by something unknown', /critical extensions/, { critical: ['2.5.29.30'] }],
  ])('refuses an issuer that %s', (_name, message, change) => {
    const issuer = makeCa('issuer', { issuer: root, ...change });
    const attempt = () => verifyEk([ekCertificate({ issuer }), issuer.der], ek.public, trust, NOW);
    expect(attempt).toThrowError(expect.objectContaining({ code: 'ERR_EK_CERTIFICATE' }));
    expect(attempt).toThrowError(message);
  });

  it('tells the operator, not the device, when a root is no certificate', () => {
    const attempt = () => verifyEk([ekCertificate()], ek.public, { roots: [root.der, Buffer.from('x')] }, NOW);
    expect(attempt).toThrowError(
      expect.objectContaining({ name: 'UsageError', message: expect.stringContaining('root 1') }),
    );
  });

  it('honours the path length of an issuer', () => {
    const below = makeCa('below', { issuer: intermediate });
    const attempt = () =>
      verifyEk([ekCertificate({ issuer: below }), below.der, intermediate.der], ek.public, trust, NOW);
    expect(attempt).toThrowError(/pathLenConstraint: expected at least 1, got 0/);
  });

  it('is bounded, whatever pile of certificates comes along', () => {
    const loop = makeCa('loop');
    const pile = Array.from({ length: 7 }, () => makeCa('loop', { issuer: loop }).der);
    const attempt = () => verifyEk([ekCertificate({ issuer: loop }), ...pile], ek.public, trust, NOW);
    expect(attempt).toThrowError(expect.objectContaining({ code: 'ERR_EK_CERTIFICATE' }));
  });
});

describe('the EK', () => {
  const certificate = ekCertificate();
  const attempt = (area: EccPublic) => () =>
    verifyEk([certificate, intermediate.der], marshalTpmtPublic(area), trust, NOW);

  it('is the one of the certificate', () => {
    expect(attempt(softwareKey(EK_AREA).area)).toThrowError(/EK public key: expected that of the EK certificate/);
    expect(attempt({ ...ek.area, y: Buffer.alloc(32, 1) })).toThrowError(/expected a public key/);
  });

  it.each([1, 4, 5, 16, 17, 18])('is refused with attribute bit %i flipped', (bit) => {
    expect(attempt({ ...ek.area, objectAttributes: ek.area.objectAttributes ^ (1 << bit) })).toThrowError(
      expect.objectContaining({
        code: 'ERR_EK_MISMATCH',
        message: expect.stringMatching(/attributes: expected 0x00030032/),
      }),
    );
  });

  it('is named with SHA-256 or stronger', () => {
    expect(attempt({ ...ek.area, nameAlg: 0x0004, authPolicy: Buffer.alloc(20) })).toThrowError(
      /EK nameAlg: expected SHA-256/,
    );
  });

  it('protects with AES-CFB', () => {
    const { symmetric: _, ...none } = ek.area;
    expect(attempt(none)).toThrowError(/EK symmetric: expected AES-128-CFB or AES-256-CFB, got null/);
    expect(attempt({ ...ek.area, symmetric: { algorithm: 6, keyBits: 192, mode: 0x43 } })).toThrowError(/EK symmetric/);
  });
});
