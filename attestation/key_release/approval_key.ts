/**
 * The two keys whose approvals the key policy follows: K_state, the operator's, and K_lease, the verifier's. Both are P-256;
 * their TPM public area, and with it the Name inside the policy, follows from the public point alone.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { UsageError } from '../../src/errors.js';
import {
  TPM_ALG_ECC,
  TPM_ALG_ECDSA,
  TPM_ALG_SHA256,
  TPM_ECC_NIST_P256,
  TPMA_OBJECT_SIGN_ENCRYPT,
  TPMA_OBJECT_USERWITHAUTH,
} from '../tpm/constants.js';
import { computeName, type EccPublic, marshalTpmtPublic } from '../tpm/tpmt_public.js';
import { marshalTpmtSignature } from '../tpm/tpmt_signature.js';

export interface ApprovalKey {
  /** TPMT_PUBLIC for TPM2_LoadExternal (PROTOCOL.md "Approval keys"). */
  public: Buffer;
  name: Buffer;
  key: KeyObject;
}

/** @throws UsageError when the key is not on P-256. */
export function approvalKey(key: KeyObject): ApprovalKey {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  if (publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new UsageError('ERR_OPTION_INVALID', 'an approval key must be an ECDSA key on P-256');
  }
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const area: EccPublic = {
    type: TPM_ALG_ECC,
    nameAlg: TPM_ALG_SHA256,
    objectAttributes: TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_USERWITHAUTH,
    authPolicy: new Uint8Array(),
    scheme: { scheme: TPM_ALG_ECDSA, hash: TPM_ALG_SHA256 },
    curve: TPM_ECC_NIST_P256,
    x: Buffer.from(x, 'base64url'),
    y: Buffer.from(y, 'base64url'),
  };
  return { public: marshalTpmtPublic(area), name: computeName(area), key: publicKey };
}

/** A PEM private key, as the operator's tool and the verifier keep them. */
export function readApprovalPrivateKey(pem: string | Buffer): KeyObject {
  try {
    const key = createPrivateKey(pem);
    approvalKey(key);
    return key;
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new UsageError('ERR_OPTION_INVALID', 'an approval key must be a PEM private key', { cause });
  }
}

/**
 * TPMT_SIGNATURE over aHash = SHA-256(approvedPolicy ‖ policyRef) (Part 3, 23.16), for TPM2_VerifySignature. ECDSA with SHA-256
 * over the 64 bytes and more is the same thing.
 */
export function signApproval(privateKey: KeyObject, approvedPolicy: Uint8Array, policyRef: Uint8Array): Buffer {
  const p1363 = sign('sha256', Buffer.concat([approvedPolicy, policyRef]), {
    key: privateKey,
    dsaEncoding: 'ieee-p1363',
  });
  return marshalTpmtSignature({
    sigAlg: TPM_ALG_ECDSA,
    hash: TPM_ALG_SHA256,
    r: p1363.subarray(0, 32),
    s: p1363.subarray(32),
  });
}
