/**
 * Every error sealedge throws. Few classes, one per caller reaction; a stable `code` inside each, so that
 * `switch (err.code)` narrows. Native errors arrive as the same classes (native/core/error_code.h lists their codes).
 */

export type SealedgeErrorClass =
  | 'UsageError'
  | 'MemoryError'
  | 'ContainerError'
  | 'KeyError'
  | 'TpmError'
  | 'ModelError'
  | 'EvidenceError'
  | 'AppraisalError'
  | 'ServiceError'
  | 'InternalError';

export interface SealedgeErrorOptions {
  cause?: unknown;
  /** Typed details: what was expected, what was got, which claim, PCR, operator. Never a secret. */
  fields?: Readonly<Record<string, unknown>>;
}

export class SealedgeError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(code: Code, message: string, options: SealedgeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.fields = options.fields ?? {};
  }
}

/** The call is wrong: fix the call. */
export type UsageErrorCode =
  | 'ERR_OPTION_INVALID'
  | 'ERR_MODEL_CLOSED'
  | 'ERR_FILE_UNREADABLE'
  | 'ERR_CANCELLED'
  | 'ERR_NATIVE_MISSING';
export class UsageError extends SealedgeError<UsageErrorCode> {}

/** Secret memory is refused or used up: raise RLIMIT_MEMLOCK or load less. */
export type MemoryErrorCode = 'ERR_SECRET_MEMORY_REFUSED' | 'ERR_SECRET_MEMORY_EXHAUSTED' | 'ERR_OUT_OF_MEMORY';
export class MemoryError extends SealedgeError<MemoryErrorCode> {}

/** The sealed file is malformed, altered or cut: reject the file. */
export type ContainerErrorCode =
  | 'ERR_HEADER_MALFORMED'
  | 'ERR_VERSION_UNSUPPORTED'
  | 'ERR_ENVELOPE_MALFORMED'
  | 'ERR_ENVELOPE_NOT_CANONICAL'
  | 'ERR_SIGNATURE_INVALID'
  | 'ERR_MANIFEST_INVALID'
  | 'ERR_SUITE_UNSUPPORTED'
  | 'ERR_PADDING_INVALID'
  | 'ERR_LENGTH_MISMATCH'
  | 'ERR_TRUNCATED'
  | 'ERR_SEGMENT_AUTH';
export class ContainerError extends SealedgeError<ContainerErrorCode> {}

/** The key does not fit this file or was not released: re-provision or re-attest. */
export type KeyErrorCode =
  | 'ERR_PUBLISHER_UNTRUSTED'
  | 'ERR_MODEL_NAME_MISMATCH'
  | 'ERR_MODEL_VERSION_TOO_OLD'
  | 'ERR_KEY_PAYLOAD_INVALID'
  | 'ERR_KEY_HANDLE_INVALID'
  | 'ERR_NO_MATCHING_KEY'
  | 'ERR_UNSEAL_POLICY';
export class KeyError extends SealedgeError<KeyErrorCode> {}

/** The TPM refused or is away: inspect the platform. Fields of ERR_TPM_RC: rc, rcName, layer, command. */
export type TpmErrorCode = 'ERR_TPM_UNAVAILABLE' | 'ERR_TPM_RC' | 'ERR_TPM_RESPONSE' | 'ERR_TPM_SESSION';
export class TpmError extends SealedgeError<TpmErrorCode> {}

/** The model or its input is wrong: change the model or the input. */
export type ModelErrorCode =
  | 'ERR_MODEL_INVALID'
  | 'ERR_OP_UNSUPPORTED'
  | 'ERR_SHAPE_MISMATCH'
  | 'ERR_INPUT_INVALID'
  | 'ERR_LIMIT_EXCEEDED'
  | 'ERR_ABORTED'
  | 'ERR_BACKEND_NOT_ALLOWED';
export class ModelError extends SealedgeError<ModelErrorCode> {}

/** The Evidence is malformed, stale, forged or not of this device: refuse the device. */
export type EvidenceErrorCode =
  | 'ERR_EVIDENCE_MALFORMED'
  | 'ERR_QUOTE_SIGNATURE'
  | 'ERR_NONCE_MISMATCH'
  | 'ERR_NONCE_EXPIRED'
  | 'ERR_NONCE_UNKNOWN'
  | 'ERR_PCR_SELECTION'
  | 'ERR_PCR_DIGEST'
  | 'ERR_CLOCK'
  | 'ERR_EK_CERTIFICATE'
  | 'ERR_EK_MISMATCH'
  | 'ERR_AK_TEMPLATE'
  | 'ERR_AK_NAME'
  | 'ERR_CREDENTIAL'
  | 'ERR_NV_CERTIFY'
  | 'ERR_STORAGE_KEY';
export class EvidenceError extends SealedgeError<EvidenceErrorCode> {}

/** The Evidence is genuine and the state is not approved: review the policy. Fields: failed claims. */
export type AppraisalErrorCode =
  | 'ERR_REFERENCE_VALUE_MISMATCH'
  | 'ERR_RELEASE_DENIED'
  | 'ERR_DEVICE_REVOKED'
  | 'ERR_DEVICE_UNKNOWN';
export class AppraisalError extends SealedgeError<AppraisalErrorCode> {}

/** The verifier service refused or is away. Fields: status, type (RFC 9457). */
export type ServiceErrorCode = 'ERR_SERVICE_UNAVAILABLE' | 'ERR_SERVICE_REFUSED' | 'ERR_STORE';
export class ServiceError extends SealedgeError<ServiceErrorCode> {}

/** A defect in sealedge. */
export type InternalErrorCode = 'ERR_CRYPTO_FAILURE' | 'ERR_INTERNAL';
export class InternalError extends SealedgeError<InternalErrorCode> {}
