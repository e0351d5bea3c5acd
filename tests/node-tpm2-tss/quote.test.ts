// TPM2_Quote and TPM2_Certify; tpm2_checkquote accepts our quotes
import { createHash, createPublicKey, verify } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type LoadedObject, pcrSelection } from '../../native/node-tpm2-tss/src/index.js';
import { describeUnless, noSwtpm } from '../support/requirements.js';
import { createAk, createSrk, useTpm } from '../support/tpm.js';

const pcrs = [0, 1, 2, 7, 10];

/** SubjectPublicKeyInfo PEM of an AK made by our templates. */
function pem(ak: LoadedObject, type: 'ecc-p256' | 'rsa-2048'): string {
  const area = ak.publicArea;
  const jwk =
    type === 'ecc-p256'
      ? {
          kty: 'EC',
          crv: 'P-256',
          x: area.subarray(-66, -34).toString('base64url'),
          y: area.subarray(-32).toString('base64url'),
        }
      : { kty: 'RSA', n: area.subarray(-256).toString('base64url'), e: 'AQAB' };
  return createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }) as string;
}

/** r || s of a TPMT_SIGNATURE of ECDSA, or the RSASSA signature. */
function rawSignature(signature: Buffer): Buffer {
  if (signature.readUInt16BE(0) !== 0x0018) return signature.subarray(6);
  const rSize = signature.readUInt16BE(4);
  const pad = (n: Buffer) => Buffer.concat([Buffer.alloc(32 - n.length), n]);
  return Buffer.concat([pad(signature.subarray(6, 6 + rSize)), pad(signature.subarray(8 + rSize))]);
}

describeUnless(noSwtpm)('attestation', () => {
  const t = useTpm();

  it.each(['ecc-p256', 'rsa-2048'] as const)('quotes with an %s AK as tpm2_checkquote wants it', async (type) => {
    await t.tpm.withObject(createAk(t.tpm, type), async (ak) => {
      const qualifyingData = createHash('sha256').update('nonce').digest();
      const pcrSelect = pcrSelection([{ hash: 'sha256', pcrs }]);
      const { quoted, signature } = await t.tpm.quote({ signHandle: ak, qualifyingData, pcrSelect });
      const values = await t.tpm.readPcrs([{ hash: 'sha256', pcrs }]);
      const digest = createHash('sha256').update(Buffer.concat(values.map((value) => value.digest)));
      expect(quoted.subarray(-32)).toEqual(digest.digest());

      const at = (name: string) => join(t.swtpm.directory, name);
      writeFileSync(at('quoted'), quoted);
      writeFileSync(at('signature'), signature);
      writeFileSync(at('ak.pem'), pem(ak, type));
      const check = (nonce: string) =>
        t.swtpm.tool('tpm2_checkquote', '-u', at('ak.pem'), '-m', at('quoted'), '-s', at('signature'), '-q', nonce);
      await expect(check(qualifyingData.toString('hex'))).resolves.toBeDefined();
      await expect(check('00'.repeat(32))).rejects.toThrow();
    });
  });

  it('certifies a storage key by the AK', async () => {
    await t.tpm.withObject(createAk(t.tpm), (ak) =>
      t.tpm.withObject(createSrk(t.tpm), async (srk) => {
        const qualifyingData = Buffer.from('exchange');
        const answer = await t.tpm.certify({ objectHandle: srk, signHandle: ak, qualifyingData });
        expect(answer.certifyInfo.includes(srk.name)).toBe(true);
        const key = { key: pem(ak, 'ecc-p256'), dsaEncoding: 'ieee-p1363' as const };
        expect(verify('sha256', answer.certifyInfo, key, rawSignature(answer.signature))).toBe(true);
      }),
    );
  });

  it('does not quote with a key that cannot sign', async () => {
    await t.tpm.withObject(createSrk(t.tpm), async (srk) => {
      const pcrSelect = pcrSelection([{ hash: 'sha256', pcrs }]);
      const quote = t.tpm.quote({ signHandle: srk, qualifyingData: Buffer.alloc(0), pcrSelect });
      await expect(quote).rejects.toMatchObject({ code: 'ERR_TPM_RC', rcName: 'TPM_RC_KEY', layer: 'tpm' });
    });
  });
});
