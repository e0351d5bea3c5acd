/** EK certificates of real TPMs, also those that strict DER parsers refuse, against their makers' roots. */
import { expect, it } from 'vitest';
import { TPM_ALG_ECC, TPM_ALG_RSA, TPM_ECC_NIST_P256 } from '../../../attestation/tpm/constants.js';
import { marshalTpmtPublic, type TpmtPublic } from '../../../attestation/tpm/tpmt_public.js';
import { parseCertificate } from '../../../attestation/verifier/certificate.js';
import { verifyEk } from '../../../attestation/verifier/endorsements.js';
import { missingAttestationVectors, type VectorFolder, vectorFolders } from '../../support/attestation_vectors.js';
import { describeUnless } from '../../support/requirements.js';

interface Expected {
  chain: 'valid' | 'untrusted';
  isAkCertificate?: boolean;
  chainFiles?: string[];
}

/** Inside the validity of every certificate of the collection. */
const NOW = new Date('2024-06-01T00:00:00Z');
const LATER = new Date('2130-01-01T00:00:00Z');

/** The public area an EK with this certificate has under template L-1 or L-2. */
function publicAreaOf(der: Buffer): Buffer {
  const { publicKey } = parseCertificate(der, 'certificate');
  const head = { nameAlg: 0x000b, objectAttributes: 0x000300b2, authPolicy: Buffer.alloc(32, 1) };
  const symmetric = { algorithm: 0x0006, keyBits: 128, mode: 0x0043 };
  const area: TpmtPublic =
    publicKey.type === 'rsa'
      ? {
          type: TPM_ALG_RSA,
          ...head,
          symmetric,
          keyBits: publicKey.modulus.length * 8,
          exponent: 0,
          modulus: publicKey.modulus,
        }
      : {
          type: TPM_ALG_ECC,
          ...head,
          symmetric,
          curve: TPM_ECC_NIST_P256,
          x: publicKey.point.subarray(1, 33),
          y: publicKey.point.subarray(33),
        };
  return marshalTpmtPublic(area);
}

const chainOf = (vector: VectorFolder, expected: Expected) =>
  (expected.chainFiles ?? []).map((file) => vector.text(file));

describeUnless(missingAttestationVectors)('ek-certs vectors', () => {
  it.each(vectorFolders('ek-certs').map((vector) => [vector.name, vector] as const))('%s', (_name, vector) => {
    const expected = vector.json<Expected>('expected.json');
    const der = vector.bytes('ek-cert.der');
    const area = publicAreaOf(der);
    const chain = chainOf(vector, expected);
    const trust = { roots: chain.slice(-1), intermediates: chain.slice(0, -1) };
    const attempt = (now = NOW) => verifyEk([der], area, trust, now);
    if (expected.isAkCertificate) {
      expect(attempt).toThrowError(
        /EK certificate keyUsage: expected keyAgreement or keyEncipherment alone, got digitalSignature/,
      );
      return;
    }
    if (expected.chain === 'untrusted') {
      expect(attempt).toThrowError(/EK certificate chain: expected a trusted root/);
      // It is the operator who decides; and the certificate's own key is no root.
      expect(() => verifyEk([der], area, { roots: [der] }, NOW)).toThrowError(/expected a trusted root/);
      return;
    }
    expect(attempt().chain).toHaveLength(chain.length + 1);
    expect(() => attempt(LATER)).toThrowError(/validity/);
    expect(() => verifyEk([der], area, { roots: [] }, NOW)).toThrowError(
      expect.objectContaining({ code: 'ERR_EK_CERTIFICATE' }),
    );
    // Intermediates alone are no trust.
    expect(() => verifyEk([der], area, { roots: [], intermediates: chain }, NOW)).toThrowError(/trusted root/);
    const altered = Buffer.from(der);
    altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1;
    expect(() => verifyEk([altered], area, trust, NOW)).toThrowError(/signature: expected one by/);
  });

  it('finds the way through the whole store of makers, and refuses another TPM with this certificate', () => {
    const store = vectorFolders('ca-roots').flatMap((folder) =>
      folder.files().flatMap((file) => (file.endsWith('.pem') ? [folder.text(file)] : [])),
    );
    expect(store).toHaveLength(51);
    const selfSigned = store.filter((pem) => {
      const { x509 } = parseCertificate(pem, 'root');
      return x509.subject === x509.issuer;
    });
    const [nuvoton, gce] = ['nuvoton-npct75x-rsa', 'gce-vtpm-rsa-ek'].map((name) =>
      vectorFolders('ek-certs')
        .find((vector) => vector.name === name)
        ?.bytes('ek-cert.der'),
    ) as [Buffer, Buffer];
    expect(
      verifyEk([nuvoton], publicAreaOf(nuvoton), { roots: selfSigned, intermediates: store }, NOW).chain,
    ).toHaveLength(2);
    expect(() => verifyEk([nuvoton], publicAreaOf(gce), { roots: selfSigned }, NOW)).toThrowError(
      expect.objectContaining({ code: 'ERR_EK_MISMATCH' }),
    );
  });
});
