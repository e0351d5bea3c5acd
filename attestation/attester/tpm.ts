/**
 * What the device side needs of a TPM: the commands it sends and nothing else, so that a simulator or a recorder can stand in.
 * node-tpm2-tss's `Tpm` is one. Only types come from there: this room loads no native code.
 */
import type { Tpm as TssTpm } from 'node-tpm2-tss';

export type {
  CreatedPrimary,
  EkCertificate,
  LoadedObject,
  NamedHandle,
  SecretHandle,
  Session,
} from 'node-tpm2-tss';

export type Tpm = Pick<
  TssTpm,
  | 'activateCredential'
  | 'certify'
  | 'createEk'
  | 'createPrimary'
  | 'flushObject'
  | 'import'
  | 'load'
  | 'loadExternal'
  | 'nvCertify'
  | 'nvDefineSpace'
  | 'nvIncrement'
  | 'nvRead'
  | 'nvReadLock'
  | 'nvReadPublic'
  | 'policyAuthorize'
  | 'policyCommandCode'
  | 'policyCounterTimer'
  | 'policyNV'
  | 'policyPCR'
  | 'quote'
  | 'readEkCertificates'
  | 'readPcrs'
  | 'startEkPolicySession'
  | 'startHmacSession'
  | 'startPolicySession'
  | 'unseal'
  | 'verifySignature'
  | 'withObject'
>;

/**
 * The name of a TPM's refusal, `TPM_RC_POLICY_FAIL` for example; undefined when `error` is none. By shape, not by class: the
 * binding is a package of its own with error classes of its own.
 */
export function tpmRefusal(error: unknown): string | undefined {
  if (!(error instanceof Error) || (error as { code?: unknown }).code !== 'ERR_TPM_RC') return undefined;
  const { rcName } = (error as { fields?: { rcName?: unknown } }).fields ?? {};
  return typeof rcName === 'string' ? rcName : undefined;
}
