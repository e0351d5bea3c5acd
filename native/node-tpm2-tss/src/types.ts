/** Results of commands, with the names of TPM 2.0 Part 3. Structures are marshalled bytes; a TPM2B is its content. */

import type { NamedHandle } from './session.js';

/** An object in the TPM. Pass it as a handle: its Name goes with it. */
export interface LoadedObject extends NamedHandle {
  /** Computed by this package from the public area. */
  name: Buffer;
  /** TPMT_PUBLIC. */
  publicArea: Buffer;
}

export interface CreatedPrimary extends LoadedObject {
  /** TPMS_CREATION_DATA. */
  creationData: Buffer;
  creationHash: Buffer;
  /** TPMT_TK_CREATION. */
  creationTicket: Buffer;
}

export interface CreatedObject {
  /** Content of a TPM2B_PRIVATE: encrypted by the TPM. */
  outPrivate: Buffer;
  /** TPMT_PUBLIC. */
  outPublic: Buffer;
  creationData: Buffer;
  creationHash: Buffer;
  creationTicket: Buffer;
}

export interface PublicArea {
  /** TPMT_PUBLIC. */
  outPublic: Buffer;
  /** As the TPM says it: compute it with `objectName(outPublic)` when it matters. */
  name: Buffer;
  qualifiedName: Buffer;
}

export interface NvPublicArea {
  /** TPMS_NV_PUBLIC. */
  nvPublic: Buffer;
  /** As the TPM says it: compute it with `nvName(nvPublic)` when it matters. */
  nvName: Buffer;
}

/** A TPMS_ATTEST and the TPMT_SIGNATURE over it. */
export interface Certification {
  certifyInfo: Buffer;
  signature: Buffer;
}

export interface Quoted {
  /** TPMS_ATTEST. */
  quoted: Buffer;
  /** TPMT_SIGNATURE. */
  signature: Buffer;
}

export interface Capability {
  moreData: boolean;
  /** TPMS_CAPABILITY_DATA. */
  capabilityData: Buffer;
}

/** TPMS_TIME_INFO. */
export interface TimeInfo {
  time: bigint;
  clock: bigint;
  resetCount: number;
  restartCount: number;
  safe: boolean;
}

export interface PcrReadResult {
  pcrUpdateCounter: number;
  /** TPML_PCR_SELECTION. */
  pcrSelectionOut: Buffer;
  pcrValues: Buffer[];
}

export interface TestResult {
  outData: Buffer;
  /** TPM_RC_SUCCESS (0), TPM_RC_TESTING or a failure. */
  testResult: number;
}

export interface PolicyTicket {
  timeout: Buffer;
  /** TPMT_TK_AUTH. */
  policyTicket: Buffer;
}
