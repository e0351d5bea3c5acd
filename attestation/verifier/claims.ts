/** What appraisal finds out about a device, in a form that a policy can judge and a result can carry. */
import type { ResidencyStatement } from '../protocol/residency.js';
import type { ClockInfo } from '../tpm/tpms_attest.js';

/** A reason not to affirm. `claim` goes over the wire, the rest to the log. */
export interface FailedClaim {
  /** For a PCR: "pcr:sha256:4". */
  claim: string;
  expected: string;
  got: string;
}

/** How a boot state keeps code of root's choosing from running (design decision 12). */
export const ROOT_CODE_EXCLUSIONS = ['verity-root', 'ima-appraisal', 'lockdown', 'no-interactive-root'] as const;
export type RootCodeExclusion = (typeof ROOT_CODE_EXCLUSIONS)[number];

export interface Claims {
  /** The reference state all quoted PCRs agree with, if there is one. */
  referenceState?: string;
  /** Against the nearest reference state, when none agrees. */
  referenceMismatches: readonly FailedClaim[];
  /** What the matching reference state says excludes arbitrary root code. Empty when none matches. */
  rootCodeExcludedBy: readonly RootCodeExclusion[];
  /** All four of them (PROTOCOL.md [V10]): with one missing, root can still run what it likes. */
  arbitraryRootCodeExcluded: boolean;
  clock: ClockInfo;
  /** What the device says of its own memory, bound to the quote; absent when it says nothing. */
  residency?: ResidencyStatement;
}
