/**
 * The two keys whose approvals the key policy follows: K_state, the operator's, and K_lease, the verifier's. Both are P-256;
 * their TPM public area, and with it the Name inside the policy, follows from the public point alone (PROTOCOL.md "Approval
 * keys").
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { UsageError } from '../../src/errors.js';
import { malformed } from '../tpm/byte_reader.js';
import {
  TPM_ALG_ECC,
  TPM_ALG_ECDSA,
  TPM_ALG_SHA256,
  TPM_ECC_NIST_P256,
  TPMA_OBJECT_SIGN_ENCRYPT,
  TPMA_OBJECT_USERWITHAUTH,
} from '../tpm/constants.js';
import { computeName, type EccPublic, marshalTpmtPublic, parseTpmtPublic, publicKeyOf } from '../tpm/tpmt_public.js';

const APPROVAL_KEY_ATTRIBUTES = TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_USERWITHAUTH;

export interface ApprovalKey {
  /** TPMT_PUBLIC for TPM2_LoadExternal. */
  public: Buffer;
  name: Buffer;
  key: KeyObject;
}

/** From a public or private key. @throws UsageError when it is not on P-256. */
export function approvalKey(key: KeyObject): ApprovalKey {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  if (publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new UsageError('ERR_OPTION_INVALID', 'an approval key must be an ECDSA key on P-256');
  }
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const area: EccPublic = {
    type: TPM_ALG_ECC,
    nameAlg: TPM_ALG_SHA256,
    objectAttributes: APPROVAL_KEY_ATTRIBUTES,
    authPolicy: new Uint8Array(),
    scheme: { scheme: TPM_ALG_ECDSA, hash: TPM_ALG_SHA256 },
    curve: TPM_ECC_NIST_P256,
    x: Buffer.from(x, 'base64url'),
    y: Buffer.from(y, 'base64url'),
  };
  return { public: marshalTpmtPublic(area), name: computeName(area), key: publicKey };
}

/** From the TPMT_PUBLIC of a message. @throws EvidenceError when it is any other area than the one {@link approvalKey} makes. */
export function parseApprovalKey(publicArea: Uint8Array): ApprovalKey {
  const area = parseTpmtPublic(publicArea);
  if (area.type === TPM_ALG_ECC && area.curve === TPM_ECC_NIST_P256) {
    const parsed = approvalKey(publicKeyOf(area));
    if (parsed.public.equals(publicArea)) return parsed;
  }
  throw malformed('approval key', 'a P-256 ECDSA key of the approval key template', 'another public area');
}
