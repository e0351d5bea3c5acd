// TPM2_CreatePrimary with the templates of the TCG EK Credential Profile; certificates at its NV indices
import { X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import { ekTemplate, ekTemplateIds, objectName } from '../../native/node-tpm2-tss/src/index.js';
import { describeUnless, noSwtpm } from '../support/requirements.js';
import { useTpm } from '../support/tpm.js';

/** The public number of a key, as its certificate and its TPMT_PUBLIC carry it: modulus, or x || y. */
function publicNumber(certificate: X509Certificate): Buffer {
  const jwk = certificate.publicKey.export({ format: 'jwk' });
  return Buffer.concat([jwk.n ?? jwk.x, jwk.y].filter((n) => n !== undefined).map((n) => Buffer.from(n, 'base64url')));
}

describeUnless(noSwtpm)('endorsement keys', () => {
  const t = useTpm({ p256EkCertificate: true });

  it('have the policies of the profile', () => {
    const policy = (id: (typeof ekTemplateIds)[number]) => {
      const area = Buffer.from(ekTemplate(id).publicArea);
      return area.subarray(10, 10 + area.readUInt16BE(8)).toString('hex');
    };
    const policyA = '837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa';
    const policyB = 'ca3d0a99a2b93906f7a3342414efcfb3a385d44cd1fd459089d19b5071c0b7a0';
    expect([policy('L-1'), policy('L-2')]).toEqual([policyA, policyA]);
    expect([policy('H-1'), policy('H-2')]).toEqual([policyB, policyB]);
    expect(policy('H-3')).toBe(
      'b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419cacb47ba09699646150f9fc000f3f80e12',
    );
  });

  it('are those that the certificates on the chip certify', async () => {
    const certificates = await t.tpm.readEkCertificates();
    expect(certificates.map(({ template }) => template.id)).toEqual(['H-3', 'L-2', 'L-1']);
    for (const { template, certificate } of certificates) {
      const x509 = new X509Certificate(certificate);
      expect(x509.checkIssued(new X509Certificate(t.swtpm.caCertificates.issuer))).toBe(true);
      await t.tpm.withObject(t.tpm.createEk(template), async (ek) => {
        const unique = Buffer.concat(
          x509.publicKey.asymmetricKeyType === 'rsa'
            ? [ek.publicArea.subarray(-256)]
            : splitPoint(ek.publicArea, template.id === 'H-3' ? 48 : 32),
        );
        expect(unique, template.id).toEqual(publicNumber(x509));
      });
    }
  });

  it.each(ekTemplateIds)('can be made by template %s, with a Name computed from the public area', async (id) => {
    await t.tpm.withObject(t.tpm.createEk(ekTemplate(id)), async (ek) => {
      expect(ek.name).toEqual(objectName(ek.publicArea));
      expect((await t.tpm.readPublic({ objectHandle: ek.handle })).name).toEqual(ek.name);
    });
  });
});

/** TPMS_ECC_POINT at the end of a TPMT_PUBLIC: two TPM2Bs of `size` bytes. */
function splitPoint(area: Buffer, size: number): Buffer[] {
  return [area.subarray(-2 * size - 2, -size - 2), area.subarray(-size)];
}
