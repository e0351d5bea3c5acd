/**
 * The signed form of a release grant: a compact JWS by the result key. Without it anybody on the network could wrap a payload of
 * their own, and with it a publisher of their own, to a device.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { CompactSign, compactVerify, errors } from 'jose';
import { EvidenceError } from '../../src/errors.js';
import { malformed } from '../tpm/byte_reader.js';
import type { ReleaseGrant } from './messages.js';

const ALGORITHM = 'ES256';
const GRANT_TYPE = 'sealedge-release+jwt';

/** @param resultKey - private, P-256. */
export async function signGrant(grant: ReleaseGrant, resultKey: KeyObject): Promise<string> {
  return new CompactSign(Buffer.from(JSON.stringify(grant)))
    .setProtectedHeader({ alg: ALGORITHM, typ: GRANT_TYPE })
    .sign(resultKey);
}

/**
 * PROTOCOL.md [D2], the signature part. The payload is returned as it is, to be decoded and checked by the caller.
 * @param resultKey - SubjectPublicKeyInfo (DER) pinned at enrolment.
 * @throws EvidenceError `ERR_EVIDENCE_MALFORMED` | `ERR_QUOTE_SIGNATURE`
 */
export async function verifyGrant(token: string, resultKey: Uint8Array): Promise<unknown> {
  const key = createPublicKey({ key: Buffer.from(resultKey), format: 'der', type: 'spki' });
  try {
    const { payload, protectedHeader } = await compactVerify(token, key, { algorithms: [ALGORITHM] });
    if (protectedHeader.typ !== GRANT_TYPE) throw malformed('grant typ', GRANT_TYPE, String(protectedHeader.typ));
    return JSON.parse(Buffer.from(payload).toString('utf8'));
  } catch (cause) {
    if (cause instanceof errors.JWSSignatureVerificationFailed) {
      throw new EvidenceError('ERR_QUOTE_SIGNATURE', 'grant: expected one signed by the pinned verifier, got another', {
        cause,
      });
    }
    if (cause instanceof errors.JOSEError || cause instanceof SyntaxError) {
      throw malformed('grant', 'a signed grant', 'none', cause);
    }
    throw cause;
  }
}
