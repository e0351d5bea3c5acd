/**
 * The messages of PROTOCOL.md, version 1, in wire form: what is in the JSON, nothing decoded. Types only; strict decoding
 * is in decode.ts, the errors of the wire in problem.ts.
 */

import type { ResidencyStatement } from './residency.js';

export const PROTOCOL_VERSION = 1;

/** A byte string: base64url without padding, canonical. A TPM2B is sent as its buffer, without the size field. */
export type Base64url = string;
/** An unsigned 64-bit number in decimal, no leading zero: JSON numbers end at 2^53. */
export type DecimalU64 = string;
/** 32 lower-case hex digits, derived from the EK (PROTOCOL.md "Names and identifiers"). */
export type DeviceId = string;
/** 64 lower-case hex digits, as in the sealed file's manifest (SPEC.md "Key identifier"). */
type KeyId = string;
/** Opaque to the device: 22 base64url characters. */
type ExchangeId = string;
/** Seconds since 1970 (RFC 7519 NumericDate). */
type NumericDate = number;
export type BankName = 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** A TPMS_ATTEST and the TPMT_SIGNATURE of the AK over it. */
interface SignedAttest {
  attest: Base64url;
  signature: Base64url;
}

/** A key's TPMT_PUBLIC with TPM2_Certify of it by the AK. */
export interface CertifiedKey extends SignedAttest {
  public: Base64url;
}

/** A counter's TPMS_NV_PUBLIC with TPM2_NV_Certify (size 8, offset 0) of it by the AK. */
export interface CertifiedCounter extends SignedAttest {
  nvPublic: Base64url;
}

export interface PcrSelectionMessage {
  bank: BankName;
  /** Ascending, no duplicates, 0 to 23. */
  pcrs: number[];
}

interface PcrValueMessage {
  bank: BankName;
  index: number;
  value: Base64url;
}

// 1. Enrol: POST /v1/enrolments

export interface EnrolRequest {
  protocol: typeof PROTOCOL_VERSION;
  fleet: string;
  /** DER, the EK's first, then intermediates the device carries, at most 8. */
  ekCertificates: Base64url[];
  /** TPMT_PUBLIC. */
  ekPublic: Base64url;
  /** TPMT_PUBLIC. */
  akPublic: Base64url;
}

export interface EnrolChallenge {
  exchangeId: ExchangeId;
  /** 32 bytes: qualifying data of the certifications in {@link EnrolProof}. */
  nonce: Base64url;
  expiresAt: NumericDate;
  /** TPMS_ID_OBJECT: the buffer of the TPM2B_ID_OBJECT for TPM2_ActivateCredential. */
  credentialBlob: Base64url;
  /** The buffer of the TPM2B_ENCRYPTED_SECRET. */
  encryptedSecret: Base64url;
}

// 2. Prove: POST /v1/enrolments/{exchangeId}/proof

export interface EnrolProof {
  protocol: typeof PROTOCOL_VERSION;
  /** What TPM2_ActivateCredential returned. */
  credential: Base64url;
  storageKey: CertifiedKey;
  counter: CertifiedCounter;
}

/** What the device pins: from here on it accepts nothing signed by other keys. */
export interface EnrolResult {
  deviceId: DeviceId;
  fleet: string;
  /** TPMT_PUBLIC of K_state (the operator's) and of K_lease (the verifier's). */
  stateKey: Base64url;
  leaseKey: Base64url;
  /** SubjectPublicKeyInfo (DER) of the key that signs Attestation Results and release grants. */
  resultKey: Base64url;
  counterBase: DecimalU64;
}

// 3. Challenge: POST /v1/challenges

export interface ChallengeRequest {
  protocol: typeof PROTOCOL_VERSION;
  deviceId: DeviceId;
}

export interface AttestChallenge {
  exchangeId: ExchangeId;
  /** 32 bytes: qualifying data of the quote (see `residency`) and of every certification in the evidence. */
  nonce: Base64url;
  expiresAt: NumericDate;
  pcrSelection: PcrSelectionMessage;
}

// 4. Attest: POST /v1/attestations

export interface EvidenceMessage {
  protocol: typeof PROTOCOL_VERSION;
  exchangeId: ExchangeId;
  deviceId: DeviceId;
  /** TPM2_Quote over exactly the selection of the challenge. */
  quote: SignedAttest;
  /** One value for each quoted PCR, ascending. */
  pcrs: PcrValueMessage[];
  storageKey: CertifiedKey;
  /** Absent when the counter is read-locked (`unsealOncePerBoot`). */
  counter?: CertifiedCounter;
  /** Where a loaded model's weights are. When present, the quote's qualifying data is made of it and the nonce. */
  residency?: ResidencyStatement;
  /** Carried only: version 1 neither appraises them nor puts anything about them into the result. */
  eventLogs?: { firmware?: Base64url; ima?: Base64url };
}

export interface AttestResponse {
  /** The Attestation Result: an EAR as a compact JWS. Contraindicated devices get one too. */
  result: string;
}

// 5. Release: POST /v1/releases and POST /v1/leases

export interface ReleaseRequest {
  protocol: typeof PROTOCOL_VERSION;
  /** The EAR of step 4, unexpired. */
  result: string;
  model: string;
  /** The newest version of the model when absent. */
  version?: DecimalU64;
  /** TPMT_PUBLIC; its Name must be the one in the result. */
  storageKey: Base64url;
}

export interface LeaseRequest {
  protocol: typeof PROTOCOL_VERSION;
  result: string;
  keyId: KeyId;
}

/** Both answers: a {@link ReleaseGrant} as a compact JWS of the result key, `typ` "sealedge-release+jwt". */
export interface ReleaseResponse {
  grant: string;
}

export interface ReleaseGrant {
  protocol: typeof PROTOCOL_VERSION;
  iat: NumericDate;
  deviceId: DeviceId;
  akName: Base64url;
  keyId: KeyId;
  model: string;
  version: DecimalU64;
  /** SHA-256 of the publisher's SubjectPublicKeyInfo. */
  publisher: Base64url;
  /** authPolicy of the sealed object: fixed for the pair of device and key. */
  authPolicy: Base64url;
  /** Absent in the answer to a {@link LeaseRequest}. */
  wrapped?: WrappedKey;
  counter: CounterTerms;
  unsealOncePerBoot: boolean;
  /** Every approved state of the fleet's current epoch: the device picks the one its PCRs are in. */
  stateApprovals: StateApproval[];
  leaseApproval: LeaseApproval;
}

/** Arguments of TPM2_Import under the storage key, with an empty encryptionKey and symmetricAlg TPM_ALG_NULL. */
interface WrappedKey {
  /** TPMT_PUBLIC of the sealed object (objectPublic). */
  public: Base64url;
  /** Buffer of the TPM2B_PRIVATE (duplicate). */
  duplicate: Base64url;
  /** Buffer of the TPM2B_ENCRYPTED_SECRET (inSymSeed). */
  encryptedSeed: Base64url;
}

interface CounterTerms {
  nvIndex: number;
  /** PolicyNV: counter <= limit. */
  limit: DecimalU64;
  /** The runtime increments the counter up to this value after the first good load, never beyond. */
  advanceTo: DecimalU64;
}

/** Also the file that `sealedge approve-state` writes and the operator hands to the verifier. */
export interface StateApproval {
  fleet: string;
  epoch: DecimalU64;
  pcrSelection: PcrSelectionMessage;
  /** policyDigest after PolicyPCR over the approved values. */
  approvedPolicy: Base64url;
  /** refState. */
  policyRef: Base64url;
  /** TPMT_SIGNATURE (ECDSA, SHA-256) of K_state over aHash. */
  signature: Base64url;
}

export interface LeaseApproval {
  epoch: DecimalU64;
  counterLimit: DecimalU64;
  /** PolicyCounterTimer on Clock, milliseconds of TPM-powered time; absent: no such limit. */
  clockLimit?: DecimalU64;
  /** PolicyCounterTimer on resetCount; absent: no such limit. */
  resetLimit?: number;
  /** policyDigest after PolicyAuthorize(K_state, refState), PolicyNV and the PolicyCounterTimers present. */
  approvedPolicy: Base64url;
  /** refLease. */
  policyRef: Base64url;
  /** TPMT_SIGNATURE (ECDSA, SHA-256) of K_lease over aHash. */
  signature: Base64url;
}

/** RFC 9457, application/problem+json. Says what kind of refusal it was; the reason in full is in the verifier's log. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  /** urn:uuid of the request, the same as in the log. */
  instance?: string;
}
