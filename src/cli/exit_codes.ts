/** What a script can tell from how `sealedge` ended. One code per kind of reaction; documented in `sealedge --help`. */

export const EXIT_CODES = {
  success: 0,
  /** A defect, or something nobody foresaw. */
  internal: 1,
  /** Wrong arguments, unreadable or existing files, a closed model. */
  usage: 2,
  /** Evidence is malformed, stale, forged or not of this device. */
  evidence: 3,
  /** Evidence is genuine; the state or the release is not approved. */
  policy: 4,
  /** The sealed file is malformed, altered or cut. */
  container: 5,
  /** The TPM refused or is away. */
  tpm: 6,
  /** The key does not fit the file or was not released. */
  key: 7,
  /** The model or its input is wrong, or an operator is missing. */
  model: 8,
  /** Secret memory is refused or used up. */
  memory: 9,
  /** The verifier service refused or is away. */
  service: 10,
} as const;

const BY_CLASS: Readonly<Record<string, number>> = {
  UsageError: EXIT_CODES.usage,
  EvidenceError: EXIT_CODES.evidence,
  AppraisalError: EXIT_CODES.policy,
  ContainerError: EXIT_CODES.container,
  TpmError: EXIT_CODES.tpm,
  KeyError: EXIT_CODES.key,
  ModelError: EXIT_CODES.model,
  MemoryError: EXIT_CODES.memory,
  ServiceError: EXIT_CODES.service,
};

/** By name: node-tpm2-tss is a package of its own and has error classes of the same names. */
export function exitCodeOf(error: unknown): number {
  return error instanceof Error ? (BY_CLASS[error.name] ?? EXIT_CODES.internal) : EXIT_CODES.internal;
}
