export * from './constants.js';
export {
  InternalError,
  type InternalErrorCode,
  KeyError,
  type KeyErrorCode,
  MemoryError,
  type MemoryErrorCode,
  TpmError,
  type TpmErrorCode,
  UsageError,
  type UsageErrorCode,
} from './errors.js';
export {
  digestValues,
  ecdsaSignature,
  type NvPublic,
  nvName,
  nvPublic,
  objectName,
  type PcrBankSelection,
  pcrSelection,
  readPcrSelection,
  type SignatureScheme,
  signatureScheme,
} from './marshal.js';
export { type SecretMemoryReport, secretMemoryReport } from './native.js';
export type { SecretHandle } from './secret_handle.js';
export type { Authorization, CommandSessions, Handle, NamedHandle, SessionOptions } from './session.js';
export { Session } from './session.js';
export * from './templates.js';
export { type EkCertificate, type OpenOptions, type PcrValue, Tpm } from './tpm.js';
export type * from './types.js';
