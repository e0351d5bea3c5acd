/**
 * Enrolment: is this a TPM of a maker we trust, and is this AK in it? Two pure steps, before and after the device has answered
 * the credential challenge (PROTOCOL.md [E1] to [E7]). Making the challenge is key_release/make_credential.ts.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { EvidenceError } from '../../src/errors.js';
import type { DecodedEnrolProof, DecodedEnrolRequest } from '../protocol/decode.js';
import type { DeviceRecord } from '../protocol/device_record.js';
import { TPM_ALG_KEYEDHASH } from '../tpm/constants.js';
import { type EccPublic, parseTpmtPublic, publicKeyOf, type RsaPublic } from '../tpm/tpmt_public.js';
import { type EkTrust, verifyEk } from './endorsements.js';
import { attestationKeyOf, checkAk, checkCounter, checkStorageKey } from './templates.js';
import { verifyCertify, verifyCounterCertify } from './verify.js';

export interface EnrolIdentity {
  deviceId: string;
  fleet: string;
  /** To make the credential for. */
  ekPublic: RsaPublic | EccPublic;
  akName: Buffer;
  /** Subjects, from the EK certificate to the trust anchor. */
  ekChain: string[];
}

const DEVICE_ID_DOMAIN = 'sealedge/device/1';
const DEVICE_ID_BYTES = 16;

/**
 * A device is its EK, whatever AK it uses today. Over the key alone and in one encoding: the certificate vouches for nothing else
 * of the public area, and a device that could vary an attribute or a leading zero would have as many ids as it likes, one
 * for each revocation.
 * @param ekPublic - TPMT_PUBLIC.
 * @throws EvidenceError `ERR_EVIDENCE_MALFORMED` | `ERR_EK_MISMATCH`
 */
export function deviceIdOf(ekPublic: Uint8Array): string {
  const area = parseTpmtPublic(ekPublic);
  if (area.type === TPM_ALG_KEYEDHASH) {
    throw new EvidenceError('ERR_EK_MISMATCH', 'EK type: expected an RSA or ECC key, got KEYEDHASH');
  }
  const spki = publicKeyOf(area).export({ type: 'spki', format: 'der' });
  const digest = createHash('sha256').update(DEVICE_ID_DOMAIN).update(spki).digest();
  return digest.subarray(0, DEVICE_ID_BYTES).toString('hex');
}

/** What the verifier keeps of a credential it has sent. */
export function credentialDigest(secret: Uint8Array): Buffer {
  return createHash('sha256').update(secret).digest();
}

/**
 * [E1] to [E4].
 * @throws EvidenceError `ERR_EK_CERTIFICATE` | `ERR_EK_MISMATCH` | `ERR_AK_TEMPLATE` | `ERR_EVIDENCE_MALFORMED`
 */
export function verifyEnrolRequest(request: DecodedEnrolRequest, trust: EkTrust, now: Date): EnrolIdentity {
  const { ekPublic, chain } = verifyEk(request.ekCertificates, request.ekPublic, trust, now);
  const { name: akName } = checkAk(request.akPublic);
  return { deviceId: deviceIdOf(request.ekPublic), fleet: request.fleet, ekPublic, akName, ekChain: chain };
}

export interface EnrolChallengeState {
  /** As checked by {@link verifyEnrolRequest}. */
  request: Pick<DecodedEnrolRequest, 'fleet' | 'ekPublic' | 'akPublic'>;
  ekChain: readonly string[];
  nonce: Uint8Array;
  /** {@link credentialDigest} of the secret in the challenge. */
  credentialDigest: Uint8Array;
}

/**
 * [E5] to [E7]. That the exchange is open, unexpired and used once is the store's business.
 * @throws EvidenceError `ERR_CREDENTIAL` | `ERR_STORAGE_KEY` | `ERR_NV_CERTIFY` | `ERR_NONCE_MISMATCH` | `ERR_QUOTE_SIGNATURE` |
 *   `ERR_EVIDENCE_MALFORMED`
 */
export function verifyEnrolProof(proof: DecodedEnrolProof, state: EnrolChallengeState): DeviceRecord {
  if (!timingSafeEqual(credentialDigest(proof.credential), state.credentialDigest)) {
    throw new EvidenceError('ERR_CREDENTIAL', 'credential: expected the one sent to this EK and AK, got another');
  }
  const { request, nonce } = state;
  const checkedAk = checkAk(request.akPublic);
  const ak = attestationKeyOf(checkedAk);
  const storageKey = checkStorageKey(proof.storageKey.public);
  verifyCertify(proof.storageKey, storageKey, ak, nonce);
  const counter = checkCounter(proof.counter.nvPublic);
  const counterValue = verifyCounterCertify(proof.counter, counter.name, ak, nonce);
  return {
    format: 'sealedge-device/1',
    deviceId: deviceIdOf(request.ekPublic),
    fleet: request.fleet,
    ekPublic: base64url(request.ekPublic),
    akPublic: base64url(request.akPublic),
    akName: base64url(checkedAk.name),
    storageKeyPublic: base64url(proof.storageKey.public),
    storageKeyName: base64url(storageKey.name),
    counterPublic: base64url(proof.counter.nvPublic),
    counterName: base64url(counter.name),
    counterValue: String(counterValue),
    ekChain: [...state.ekChain],
  };
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
