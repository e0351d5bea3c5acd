/**
 * Signing Attestation Results: the step after appraisal, with the only private key the verifier's judgement hangs on. A result is
 * a JWT (RFC 7519) signed with ES256.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { errors, jwtVerify, SignJWT } from 'jose';
import { EvidenceError } from '../../src/errors.js';
import { malformed } from '../tpm/byte_reader.js';
import { type AttestationResult, readAttestationResult } from './attestation_result.js';
import { type Ear, validateEar } from './ear.js';

const ALGORITHM = 'ES256';
const RESULT_TYPE = 'eat+jwt';

/** @param resultKey - private, P-256. */
export async function signAttestationResult(ear: Ear, resultKey: KeyObject): Promise<string> {
  return new SignJWT(validateEar(ear)).setProtectedHeader({ alg: ALGORITHM, typ: RESULT_TYPE }).sign(resultKey);
}

/**
 * PROTOCOL.md [R1]. That no newer result of the device exists is for the store to say.
 * @throws EvidenceError `ERR_EVIDENCE_MALFORMED` | `ERR_QUOTE_SIGNATURE` | `ERR_NONCE_EXPIRED`
 */
export async function verifyAttestationResult(
  token: string,
  resultKey: KeyObject,
  now: Date,
): Promise<AttestationResult> {
  const publicKey = resultKey.type === 'private' ? createPublicKey(resultKey) : resultKey;
  try {
    const { payload } = await jwtVerify(token, publicKey, {
      algorithms: [ALGORITHM],
      typ: RESULT_TYPE,
      currentDate: now,
      requiredClaims: ['iat', 'exp', 'jti'],
    });
    return readAttestationResult(payload);
  } catch (cause) {
    throw translate(cause);
  }
}

function translate(cause: unknown): unknown {
  if (cause instanceof errors.JWTExpired) {
    return new EvidenceError('ERR_NONCE_EXPIRED', 'attestation result: expected an unexpired one, got an expired one', {
      cause,
    });
  }
  if (cause instanceof errors.JWSSignatureVerificationFailed) {
    return new EvidenceError(
      'ERR_QUOTE_SIGNATURE',
      'attestation result: expected one signed by this verifier, got another',
      {
        cause,
      },
    );
  }
  return cause instanceof errors.JOSEError ? malformed('attestation result', 'a signed result', 'none', cause) : cause;
}
