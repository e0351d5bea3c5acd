/** TPMT_SIGNATURE (TPM 2.0 Part 2, 11.3.4): RSASSA, RSAPSS and ECDSA. */
import { constants, type KeyObject, verify } from 'node:crypto';
import { ByteReader, hex16 } from './byte_reader.js';
import { ByteWriter } from './byte_writer.js';
import { TPM_ALG_ECDSA, TPM_ALG_RSAPSS, TPM_ALG_RSASSA } from './constants.js';
import { hashById, requireHash } from './hash.js';

export type TpmtSignature =
  | { sigAlg: typeof TPM_ALG_RSASSA | typeof TPM_ALG_RSAPSS; hash: number; sig: Uint8Array }
  | { sigAlg: typeof TPM_ALG_ECDSA; hash: number; r: Uint8Array; s: Uint8Array };

const MAX_RSA_BYTES = 512;
const MAX_ECC_BYTES = 66;

/** @throws EvidenceError ERR_EVIDENCE_MALFORMED */
export function parseTpmtSignature(bytes: Uint8Array): TpmtSignature {
  const reader = new ByteReader(bytes, 'TPMT_SIGNATURE');
  const sigAlg = reader.u16('sigAlg');
  if (sigAlg !== TPM_ALG_RSASSA && sigAlg !== TPM_ALG_RSAPSS && sigAlg !== TPM_ALG_ECDSA) {
    throw reader.error('sigAlg', 'TPM_ALG_RSASSA, TPM_ALG_RSAPSS or TPM_ALG_ECDSA', hex16(sigAlg));
  }
  const hash = reader.u16('hash');
  if (hashById(hash) === undefined) throw reader.error('hash', 'a SHA-1 or SHA-2 algorithm', hex16(hash));
  const signature: TpmtSignature =
    sigAlg === TPM_ALG_ECDSA
      ? { sigAlg, hash, r: reader.sized('signatureR', MAX_ECC_BYTES), s: reader.sized('signatureS', MAX_ECC_BYTES) }
      : { sigAlg, hash, sig: reader.sized('sig', MAX_RSA_BYTES) };
  reader.finish();
  return signature;
}

export function marshalTpmtSignature(signature: TpmtSignature): Buffer {
  const writer = new ByteWriter().u16(signature.sigAlg).u16(signature.hash);
  if (signature.sigAlg === TPM_ALG_ECDSA) return writer.sized(signature.r).sized(signature.s).finish();
  return writer.sized(signature.sig).finish();
}

/**
 * Whether `key` made `signature` over `message`. False, never an exception, for a signature of another kind of key.
 * Does not judge the hash algorithm: SHA-1 is for the caller's policy.
 */
export function verifyTpmtSignature(signature: TpmtSignature, message: Uint8Array, key: KeyObject): boolean {
  const hash = requireHash(signature.hash).name;
  if (signature.sigAlg === TPM_ALG_ECDSA) {
    const fieldBytes = fieldBytesOf(key);
    if (fieldBytes === 0 || signature.r.length > fieldBytes || signature.s.length > fieldBytes) return false;
    // r and s may be shorter than the field: some TPMs strip leading zeros.
    const p1363 = Buffer.alloc(2 * fieldBytes);
    p1363.set(signature.r, fieldBytes - signature.r.length);
    p1363.set(signature.s, 2 * fieldBytes - signature.s.length);
    return verify(hash, message, { key, dsaEncoding: 'ieee-p1363' }, p1363);
  }
  if (key.asymmetricKeyType !== 'rsa') return false;
  const padding =
    signature.sigAlg === TPM_ALG_RSASSA
      ? { padding: constants.RSA_PKCS1_PADDING }
      : // Part 1, B.7: TPMs use the largest salt that fits, FIPS ones the hash size; both verify.
        { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO };
  return verify(hash, message, { key, ...padding }, signature.sig);
}

function fieldBytesOf(key: KeyObject): number {
  if (key.asymmetricKeyType !== 'ec') return 0;
  switch (key.asymmetricKeyDetails?.namedCurve) {
    case 'prime256v1':
      return 32;
    case 'secp384r1':
      return 48;
    default:
      return 0;
  }
}
