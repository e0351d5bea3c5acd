/**
 * Errors of this package: the same classes, codes and fields as those of sealedge, so that a caller of both needs one
 * `switch (error.code)`; defined here so that the package is useful alone.
 */

interface ErrorOptions {
  cause?: unknown;
  /** Typed details. Never a secret. */
  fields?: Readonly<Record<string, unknown>>;
}

class CodedError<Code extends string> extends Error {
  readonly code: Code;
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(code: Code, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.fields = options.fields ?? {};
  }
}

/** The call is wrong: fix the call. */
export type UsageErrorCode = 'ERR_OPTION_INVALID' | 'ERR_CANCELLED' | 'ERR_NATIVE_MISSING';
export class UsageError extends CodedError<UsageErrorCode> {}

/** A SecretHandle that is closed, or of an addon that does not fit this one. */
export type KeyErrorCode = 'ERR_KEY_HANDLE_INVALID';
export class KeyError extends CodedError<KeyErrorCode> {}

/** Secret memory is refused or used up: raise RLIMIT_MEMLOCK. */
export type MemoryErrorCode = 'ERR_SECRET_MEMORY_REFUSED' | 'ERR_SECRET_MEMORY_EXHAUSTED' | 'ERR_OUT_OF_MEMORY';
export class MemoryError extends CodedError<MemoryErrorCode> {}

/** A defect in this package. */
export type InternalErrorCode = 'ERR_CRYPTO_FAILURE' | 'ERR_INTERNAL';
export class InternalError extends CodedError<InternalErrorCode> {}

/**
 * The TPM refused or is away: inspect the platform.
 *
 * | code | meaning |
 * |---|---|
 * | `ERR_TPM_RC` | a response code; see `rc`, `rcName`, `layer`, `command` |
 * | `ERR_TPM_UNAVAILABLE` | no connection, or it broke; the next command connects again |
 * | `ERR_TPM_RESPONSE` | the response is not what the specification allows |
 * | `ERR_TPM_SESSION` | the response was not authenticated, a pinned Name does not match, or the session is lost |
 */
export type TpmErrorCode = 'ERR_TPM_UNAVAILABLE' | 'ERR_TPM_RC' | 'ERR_TPM_RESPONSE' | 'ERR_TPM_SESSION';
export class TpmError extends CodedError<TpmErrorCode> {
  /** The response code as received, 0x0000099D for example. */
  get rc(): number | undefined {
    return typeof this.fields.rc === 'number' ? this.fields.rc : undefined;
  }
  /** Its name in TPM 2.0 Part 2, 6.6, with the number of the session, parameter or handle kept out: `TPM_RC_POLICY_FAIL`. */
  get rcName(): string | undefined {
    return typeof this.fields.rcName === 'string' ? this.fields.rcName : undefined;
  }
  /** Who answered: `tpm`, `tcti`, `sys`, `mu`, `resourceManager`, `context` (this package). */
  get layer(): string | undefined {
    return typeof this.fields.layer === 'string' ? this.fields.layer : undefined;
  }
  /** The command that failed: `TPM2_Unseal`. */
  get command(): string | undefined {
    return typeof this.fields.command === 'string' ? this.fields.command : undefined;
  }
}

/** What the addon throws: a plain error that names its class. */
interface NativeFailure {
  nativeClass: string;
  code: string;
  message: string;
  fields: Record<string, string>;
}

/** The native error as the class it names; anything else unchanged. */
export function typedError(error: unknown): unknown {
  if (!(error instanceof Error) || !('nativeClass' in error)) return error;
  const { nativeClass, code, message, fields } = error as unknown as NativeFailure;
  const options = { fields: { ...fields, ...(fields.rc === undefined ? {} : { rc: Number(fields.rc) }) } };
  switch (nativeClass) {
    case 'TpmError':
      return new TpmError(code as TpmErrorCode, message, options);
    case 'UsageError':
      return new UsageError(code as UsageErrorCode, message, options);
    case 'KeyError':
      return new KeyError(code as KeyErrorCode, message, options);
    case 'MemoryError':
      return new MemoryError(code as MemoryErrorCode, message, options);
    default:
      return new InternalError(code as InternalErrorCode, message, options);
  }
}
