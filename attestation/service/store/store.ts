/**
 * What the service remembers, behind one asynchronous interface (design decision 18): verifiers hold no state of their
 * own, so two processes on one database must agree. Every verb below is atomic: it happens wholly and durably before its
 * promise resolves, or not at all. A verb that loses a race says so in its result; a store that fails throws
 * `ServiceError` `ERR_STORE`.
 *
 * The store judges nothing and parses no evidence. `document` columns are JSON the caller wrote and reads back; secrets
 * reach it only wrapped (key records) or as digests (credential challenges). Times are milliseconds since the epoch.
 */

/** A challenge given to a device, to be answered once and in time. `document` holds the nonce and what was asked for. */
export interface ChallengeRow {
  exchangeId: string;
  deviceId: string;
  document: unknown;
  issuedAt: number;
  expiresAt: number;
}

/** `unknown` covers another device's challenge: whoever asks learns nothing about it. */
export type ConsumeResult = { status: 'consumed'; document: unknown } | { status: 'unknown' | 'expired' | 'used' };

export interface EnrolmentRow {
  enrolmentId: string;
  deviceId: string;
  /** What the challenge was made for; never the challenge's secret itself. */
  document: unknown;
  createdAt: number;
  expiresAt: number;
}

export interface CompletedEnrolment extends EnrolmentRow {
  completedAt: number | null;
  /** What the first completion answered, so that a retry is answered alike. */
  result: unknown;
}

export interface KnownDevice {
  /** What an earlier enrolment left. */
  previous: DeviceRow | undefined;
  /** Of all keys ever released to it; 0 when none was. */
  highestReleasedGeneration: number;
}

export interface EnrolmentDecision {
  device: Pick<DeviceRow, 'fleet' | 'akName' | 'document'>;
  result: unknown;
}

export interface DeviceRow {
  /** Stable over re-enrolment: derived from the EK. */
  deviceId: string;
  fleet: string;
  akName: string;
  document: unknown;
  enrolledAt: number;
  lastAppraisal: LastAppraisal | null;
  revokedAt: number | null;
  revokedReason: string | null;
}

export interface KeyRow {
  keyId: string;
  model: string;
  version: number;
  /** PROTOCOL.md "Counter terms": rises with version within a model, and counts over all models. */
  generation: number;
  /** The key record: the content key under the master key, useless alone. */
  record: unknown;
  createdAt: number;
}

export type NewKeyRow = Omit<KeyRow, 'generation'>;
/** `exists`: this key id or version is there already. `out-of-order`: a newer version of the model is there already. */
export type AddKeyResult = { added: true; generation: number } | { added: false; reason: 'exists' | 'out-of-order' };

/** Where a key stands among all keys: what the limit of the device's counter is computed from. */
export interface GenerationsOfKey {
  generation: number;
  /** Of the next newer version of the same model, if there is one. */
  nextNewer: number | undefined;
  /** The highest of all keys. */
  newest: number;
}

export type GrantSubject = { fleet: string } | { deviceId: string };
export interface GrantRow {
  keyId: string;
  subject: GrantSubject;
  createdAt: number;
}

export interface ApprovalRow {
  fleet: string;
  revision: number;
  /** Never falls: what an older epoch approved dies with the leases that name it (design decision 10). */
  epoch: number;
  document: unknown;
  updatedAt: number;
}

export interface PolicyRow {
  fleet: string;
  revision: number;
  document: unknown;
  updatedAt: number;
}

export interface LastAppraisal {
  at: number;
  status: string;
  /** `jti` of the Attestation Result: only the newest result of a device counts [R1]. */
  resultId: string;
  /** Clock and counter of the Evidence last accepted, which the next must not go below [V6] [V7]. */
  accepted: unknown;
}

export interface AppraisalRow {
  deviceId: string;
  at: number;
  status: string;
  resultId: string;
  /** Absent when the Evidence was not accepted: what was accepted before stays. */
  accepted?: unknown;
  document: unknown;
}

export interface ReleaseRow {
  deviceId: string;
  keyId: string;
  epoch: number;
  generation: number;
  at: number;
  document: unknown;
}

export type RecordReleaseResult =
  | 'recorded'
  | 'revoked'
  | 'not-granted'
  | 'epoch-moved'
  | 'result-stale'
  | 'version-older'
  | 'unknown';

export interface Store {
  /** Cheap proof that the database answers. */
  ping(): Promise<void>;

  issueChallenge(row: ChallengeRow): Promise<void>;
  /** At most one caller ever gets `consumed` for a challenge. */
  consumeChallenge(exchangeId: string, deviceId: string, now: number): Promise<ConsumeResult>;
  /**
   * Counts one request more of `bucket` in the window that begins at `windowStart`, and returns how many there were, this one
   * included. Of each bucket only the newest window is remembered.
   */
  countRequest(bucket: string, windowStart: number): Promise<number>;
  /**
   * Forgets challenges and enrolments, finished or not, that expired before `before`, and counts of windows that began before it;
   * returns how many rows. What a finished enrolment made known is in the device's row.
   */
  purgeExpired(before: number): Promise<number>;

  beginEnrolment(row: EnrolmentRow): Promise<void>;
  getEnrolment(enrolmentId: string): Promise<CompletedEnrolment | undefined>;
  /**
   * Makes the device of a pending enrolment known, once. The same enrolment completed again returns the first result.
   * `decide` runs inside the transaction, on what is known of the device at that instant; it must be pure.
   * `revoked`: the device was revoked; enrolling again does not lift that.
   */
  completeEnrolment(
    enrolmentId: string,
    deviceId: string,
    decide: (known: KnownDevice) => EnrolmentDecision,
    now: number,
  ): Promise<{ status: 'completed' | 'repeated'; result: unknown } | { status: 'unknown' | 'expired' | 'revoked' }>;

  getDevice(deviceId: string): Promise<DeviceRow | undefined>;
  /** Ordered by device id, after `after`. */
  listDevices(options?: { fleet?: string; after?: string; limit?: number }): Promise<DeviceRow[]>;
  /** False when unknown. Revoking twice keeps the first time and reason. */
  revokeDevice(deviceId: string, reason: string, now: number): Promise<boolean>;
  /**
   * Records an appraisal only if the device is still as it was when judged: the same enrolment and the same last appraisal,
   * not revoked. Else what was accepted could fall back behind other Evidence [V6] [V7]: `moved` means judge again.
   */
  recordAppraisal(
    row: AppraisalRow,
    judgedOn: Pick<DeviceRow, 'enrolledAt' | 'akName' | 'lastAppraisal'>,
  ): Promise<'recorded' | 'moved'>;
  listAppraisals(deviceId: string, limit?: number): Promise<AppraisalRow[]>;

  addKey(row: NewKeyRow): Promise<AddKeyResult>;
  getKey(keyId: string): Promise<KeyRow | undefined>;
  /** The newest version, or exactly `version`. */
  findKey(model: string, version?: number): Promise<KeyRow | undefined>;
  generationsOf(keyId: string): Promise<GenerationsOfKey | undefined>;
  listKeys(): Promise<Omit<KeyRow, 'record'>[]>;
  /** False when the key is unknown. */
  grantKey(keyId: string, subject: GrantSubject, now: number): Promise<boolean>;
  /** False when there was no such grant. */
  withdrawKey(keyId: string, subject: GrantSubject): Promise<boolean>;
  listGrants(keyId: string): Promise<GrantRow[]>;
  isGranted(keyId: string, deviceId: string, fleet: string): Promise<boolean>;

  /**
   * Records a release only if, at that instant, `resultId` is the newest result of the device, the device is not revoked,
   * the key is granted to it and no older than what the device was given of that model, and the fleet's approval epoch is
   * the one the release names: a revocation that was answered is never overtaken.
   */
  recordRelease(row: ReleaseRow, resultId: string): Promise<RecordReleaseResult>;
  listReleases(options?: { deviceId?: string; limit?: number }): Promise<ReleaseRow[]>;

  getApproval(fleet: string): Promise<ApprovalRow | undefined>;
  /**
   * Compare and set on the revision (0: none stored); the new revision is one more. False also when `epoch` is lower than
   * the one stored.
   */
  swapApproval(
    row: Pick<ApprovalRow, 'fleet' | 'epoch' | 'document'>,
    expectedRevision: number,
    now: number,
  ): Promise<boolean>;
  getPolicy(fleet: string): Promise<PolicyRow | undefined>;
  /** Compare and set on the revision (0: none stored); the new revision is one more. */
  swapPolicy(fleet: string, document: unknown, expectedRevision: number, now: number): Promise<boolean>;

  close(): Promise<void>;
}
