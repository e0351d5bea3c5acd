/** The store on SQLite: the default, for one host. Several processes may share the file. */
import { SqliteConnection } from './sqlite_connection.js';
import { device, enrolment, integer, json, key, keyWithoutRecord, nullable, text } from './sqlite_rows.js';
import type {
  AddKeyResult,
  AppraisalRow,
  ApprovalRow,
  ChallengeRow,
  CompletedEnrolment,
  ConsumeResult,
  DeviceRow,
  EnrolmentDecision,
  EnrolmentRow,
  GenerationsOfKey,
  GrantRow,
  GrantSubject,
  KeyRow,
  KnownDevice,
  LastAppraisal,
  NewKeyRow,
  PolicyRow,
  RecordReleaseResult,
  ReleaseRow,
  Store,
} from './store.js';

const DEFAULT_LIMIT = 1_000;

export class SqliteStore implements Store {
  readonly #db: SqliteConnection;

  private constructor(db: SqliteConnection) {
    this.#db = db;
  }

  /** Opens or creates the database at `path`, mode 0600, and brings its schema up to date. */
  static async open(path: string): Promise<SqliteStore> {
    return new SqliteStore(SqliteConnection.open(path));
  }

  async ping(): Promise<void> {
    this.#db.get('SELECT 1 AS one');
  }

  async issueChallenge(row: ChallengeRow): Promise<void> {
    this.#db.run(
      'INSERT INTO challenges (exchange_id, device_id, document, issued_at, expires_at) VALUES (?, ?, ?, ?, ?)',
      row.exchangeId,
      row.deviceId,
      JSON.stringify(row.document),
      row.issuedAt,
      row.expiresAt,
    );
  }

  async consumeChallenge(exchangeId: string, deviceId: string, now: number): Promise<ConsumeResult> {
    return this.#db.transaction(() => {
      const row = this.#db.get(
        'SELECT document, expires_at, consumed_at FROM challenges WHERE exchange_id = ? AND device_id = ?',
        exchangeId,
        deviceId,
      );
      if (row === undefined) return { status: 'unknown' };
      if (row.consumed_at !== null) return { status: 'used' };
      // Expired or not, a challenge that was answered is spent.
      this.#db.run('UPDATE challenges SET consumed_at = ? WHERE exchange_id = ?', now, exchangeId);
      if (now >= integer(row, 'expires_at')) return { status: 'expired' };
      return { status: 'consumed', document: json(row, 'document') };
    });
  }

  async countRequest(bucket: string, windowStart: number): Promise<number> {
    return this.#db.transaction(() => {
      this.#db.run(
        `INSERT INTO request_counts (bucket, window_start, requests) VALUES (?, ?, 1)
         ON CONFLICT (bucket) DO UPDATE SET
           requests = CASE WHEN window_start < excluded.window_start THEN 1 ELSE requests + 1 END,
           window_start = max(window_start, excluded.window_start)`,
        bucket,
        windowStart,
      );
      const row = this.#db.get('SELECT requests FROM request_counts WHERE bucket = ?', bucket);
      return row === undefined ? 1 : integer(row, 'requests');
    });
  }

  async purgeExpired(before: number): Promise<number> {
    return this.#db.transaction(
      () =>
        this.#db.run('DELETE FROM challenges WHERE expires_at < ?', before) +
        this.#db.run('DELETE FROM enrolments WHERE expires_at < ?', before) +
        this.#db.run('DELETE FROM request_counts WHERE window_start < ?', before),
    );
  }

  async beginEnrolment(row: EnrolmentRow): Promise<void> {
    this.#db.run(
      'INSERT INTO enrolments (enrolment_id, device_id, document, created_at, expires_at) VALUES (?, ?, ?, ?, ?)',
      row.enrolmentId,
      row.deviceId,
      JSON.stringify(row.document),
      row.createdAt,
      row.expiresAt,
    );
  }

  async getEnrolment(enrolmentId: string): Promise<CompletedEnrolment | undefined> {
    const row = this.#db.get('SELECT * FROM enrolments WHERE enrolment_id = ?', enrolmentId);
    return row && enrolment(row);
  }

  async completeEnrolment(
    enrolmentId: string,
    deviceId: string,
    decide: (known: KnownDevice) => EnrolmentDecision,
    now: number,
  ): Promise<{ status: 'completed' | 'repeated'; result: unknown } | { status: 'unknown' | 'expired' | 'revoked' }> {
    return this.#db.transaction(() => {
      const row = this.#db.get('SELECT * FROM enrolments WHERE enrolment_id = ?', enrolmentId);
      if (row === undefined || row.device_id !== deviceId) return { status: 'unknown' as const };
      const previous = this.#getDevice(deviceId);
      if (previous !== undefined && previous.revokedAt !== null) return { status: 'revoked' as const };
      const pending = enrolment(row);
      if (pending.completedAt !== null) return { status: 'repeated' as const, result: pending.result };
      if (now >= pending.expiresAt) return { status: 'expired' as const };
      const { device, result } = decide({ previous, highestReleasedGeneration: this.#highestReleased(deviceId) });
      this.#db.run(
        `INSERT INTO devices (device_id, fleet, ak_name, document, enrolled_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (device_id) DO UPDATE SET fleet = excluded.fleet, ak_name = excluded.ak_name,
           document = excluded.document, enrolled_at = excluded.enrolled_at, last_appraisal = NULL`,
        deviceId,
        device.fleet,
        device.akName,
        JSON.stringify(device.document),
        now,
      );
      this.#db.run(
        'UPDATE enrolments SET completed_at = ?, result = ? WHERE enrolment_id = ?',
        now,
        JSON.stringify(result),
        enrolmentId,
      );
      return { status: 'completed' as const, result };
    });
  }

  #highestReleased(deviceId: string): number {
    const row = this.#db.get(
      'SELECT coalesce(max(generation), 0) AS generation FROM releases WHERE device_id = ?',
      deviceId,
    );
    return row === undefined ? 0 : integer(row, 'generation');
  }

  #getDevice(deviceId: string): DeviceRow | undefined {
    const row = this.#db.get('SELECT * FROM devices WHERE device_id = ?', deviceId);
    return row && device(row);
  }

  async getDevice(deviceId: string): Promise<DeviceRow | undefined> {
    return this.#getDevice(deviceId);
  }

  async listDevices(options: { fleet?: string; after?: string; limit?: number } = {}): Promise<DeviceRow[]> {
    const fleet = options.fleet ?? null;
    return this.#db
      .all(
        'SELECT * FROM devices WHERE (? IS NULL OR fleet = ?) AND device_id > ? ORDER BY device_id LIMIT ?',
        fleet,
        fleet,
        options.after ?? '',
        options.limit ?? DEFAULT_LIMIT,
      )
      .map(device);
  }

  async revokeDevice(deviceId: string, reason: string, now: number): Promise<boolean> {
    return (
      this.#db.run(
        `UPDATE devices SET revoked_at = coalesce(revoked_at, ?), revoked_reason = coalesce(revoked_reason, ?)
         WHERE device_id = ?`,
        now,
        reason,
        deviceId,
      ) === 1
    );
  }

  async recordAppraisal(
    row: AppraisalRow,
    judgedOn: Pick<DeviceRow, 'enrolledAt' | 'akName' | 'lastAppraisal'>,
  ): Promise<'recorded' | 'moved'> {
    return this.#db.transaction(() => {
      const device = this.#getDevice(row.deviceId);
      const same =
        device !== undefined &&
        device.revokedAt === null &&
        device.enrolledAt === judgedOn.enrolledAt &&
        device.akName === judgedOn.akName &&
        device.lastAppraisal?.resultId === judgedOn.lastAppraisal?.resultId;
      if (!same) return 'moved';
      this.#db.run(
        'INSERT INTO appraisals (device_id, at, status, result_id, document) VALUES (?, ?, ?, ?, ?)',
        row.deviceId,
        row.at,
        row.status,
        row.resultId,
        JSON.stringify(row.document),
      );
      const accepted = row.accepted ?? device.lastAppraisal?.accepted ?? null;
      const last: LastAppraisal = { at: row.at, status: row.status, resultId: row.resultId, accepted };
      this.#db.run('UPDATE devices SET last_appraisal = ? WHERE device_id = ?', JSON.stringify(last), row.deviceId);
      return 'recorded';
    });
  }

  async listAppraisals(deviceId: string, limit = DEFAULT_LIMIT): Promise<AppraisalRow[]> {
    return this.#db
      .all('SELECT * FROM appraisals WHERE device_id = ? ORDER BY appraisal_id DESC LIMIT ?', deviceId, limit)
      .map((row) => ({
        deviceId: text(row, 'device_id'),
        at: integer(row, 'at'),
        status: text(row, 'status'),
        resultId: text(row, 'result_id'),
        document: json(row, 'document'),
      }));
  }

  async addKey(row: NewKeyRow): Promise<AddKeyResult> {
    return this.#db.transaction(() => {
      const taken = this.#db.get(
        'SELECT 1 AS one FROM keys WHERE key_id = ? OR (model = ? AND version = ?)',
        row.keyId,
        row.model,
        row.version,
      );
      if (taken !== undefined) return { added: false, reason: 'exists' };
      // A version slipped in below a newer one would need a generation between two that devices already count by.
      const newer = this.#db.get('SELECT 1 AS one FROM keys WHERE model = ? AND version > ?', row.model, row.version);
      if (newer !== undefined) return { added: false, reason: 'out-of-order' };
      const highest = this.#db.get('SELECT coalesce(max(generation), 0) AS generation FROM keys');
      const current = highest === undefined ? 0 : integer(highest, 'generation');
      const older = this.#db.get('SELECT 1 AS one FROM keys WHERE model = ?', row.model);
      const generation = older === undefined ? current : current + 1;
      this.#db.run(
        'INSERT INTO keys (key_id, model, version, generation, record, created_at) VALUES (?, ?, ?, ?, ?, ?)',
        row.keyId,
        row.model,
        row.version,
        generation,
        JSON.stringify(row.record),
        row.createdAt,
      );
      return { added: true, generation };
    });
  }

  async getKey(keyId: string): Promise<KeyRow | undefined> {
    const row = this.#db.get('SELECT * FROM keys WHERE key_id = ?', keyId);
    return row && key(row);
  }

  async findKey(model: string, version?: number): Promise<KeyRow | undefined> {
    const row = this.#db.get(
      'SELECT * FROM keys WHERE model = ? AND (? IS NULL OR version = ?) ORDER BY version DESC LIMIT 1',
      model,
      version ?? null,
      version ?? null,
    );
    return row && key(row);
  }

  async generationsOf(keyId: string): Promise<GenerationsOfKey | undefined> {
    const row = this.#db.get(
      `SELECT generation, (SELECT max(generation) FROM keys) AS newest,
         (SELECT min(generation) FROM keys AS other WHERE other.model = keys.model AND other.version > keys.version)
           AS next_newer
       FROM keys WHERE key_id = ?`,
      keyId,
    );
    return (
      row && {
        generation: integer(row, 'generation'),
        nextNewer: nullable(row, 'next_newer', integer) ?? undefined,
        newest: integer(row, 'newest'),
      }
    );
  }

  async listKeys(): Promise<Omit<KeyRow, 'record'>[]> {
    return this.#db
      .all('SELECT key_id, model, version, generation, created_at FROM keys ORDER BY model, version')
      .map(keyWithoutRecord);
  }

  async grantKey(keyId: string, subject: GrantSubject, now: number): Promise<boolean> {
    const [kind, name] = subjectColumns(subject);
    return this.#db.transaction(() => {
      if (this.#db.get('SELECT 1 AS one FROM keys WHERE key_id = ?', keyId) === undefined) return false;
      this.#db.run(
        'INSERT INTO grants (key_id, subject_kind, subject, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
        keyId,
        kind,
        name,
        now,
      );
      return true;
    });
  }

  async withdrawKey(keyId: string, subject: GrantSubject): Promise<boolean> {
    const [kind, name] = subjectColumns(subject);
    return (
      this.#db.run('DELETE FROM grants WHERE key_id = ? AND subject_kind = ? AND subject = ?', keyId, kind, name) === 1
    );
  }

  async listGrants(keyId: string): Promise<GrantRow[]> {
    return this.#db.all('SELECT * FROM grants WHERE key_id = ? ORDER BY subject_kind, subject', keyId).map((row) => ({
      keyId: text(row, 'key_id'),
      subject: row.subject_kind === 'fleet' ? { fleet: text(row, 'subject') } : { deviceId: text(row, 'subject') },
      createdAt: integer(row, 'created_at'),
    }));
  }

  async isGranted(keyId: string, deviceId: string, fleet: string): Promise<boolean> {
    return this.#isGranted(keyId, deviceId, fleet);
  }

  #isGranted(keyId: string, deviceId: string, fleet: string): boolean {
    const row = this.#db.get(
      `SELECT 1 AS one FROM grants WHERE key_id = ?
         AND ((subject_kind = 'device' AND subject = ?) OR (subject_kind = 'fleet' AND subject = ?)) LIMIT 1`,
      keyId,
      deviceId,
      fleet,
    );
    return row !== undefined;
  }

  async recordRelease(row: ReleaseRow, resultId: string): Promise<RecordReleaseResult> {
    return this.#db.transaction(() => {
      const device = this.#getDevice(row.deviceId);
      if (device === undefined) return 'unknown';
      if (device.revokedAt !== null) return 'revoked';
      if (device.lastAppraisal?.resultId !== resultId) return 'result-stale';
      const { fleet } = device;
      if (!this.#isGranted(row.keyId, row.deviceId, fleet)) return 'not-granted';
      if (this.#hasNewer(row.deviceId, row.keyId)) return 'version-older';
      const approval = this.#db.get('SELECT epoch FROM approvals WHERE fleet = ?', fleet);
      if (approval === undefined || integer(approval, 'epoch') !== row.epoch) return 'epoch-moved';
      this.#db.run(
        'INSERT INTO releases (device_id, key_id, epoch, generation, at, document) VALUES (?, ?, ?, ?, ?, ?)',
        row.deviceId,
        row.keyId,
        row.epoch,
        row.generation,
        row.at,
        JSON.stringify(row.document),
      );
      return 'recorded';
    });
  }

  #hasNewer(deviceId: string, keyId: string): boolean {
    const row = this.#db.get(
      `SELECT 1 AS one FROM releases JOIN keys AS given USING (key_id) JOIN keys AS asked ON asked.key_id = ?
       WHERE releases.device_id = ? AND given.model = asked.model AND given.version > asked.version LIMIT 1`,
      keyId,
      deviceId,
    );
    return row !== undefined;
  }

  async listReleases(options: { deviceId?: string; limit?: number } = {}): Promise<ReleaseRow[]> {
    const deviceId = options.deviceId ?? null;
    return this.#db
      .all(
        'SELECT * FROM releases WHERE (? IS NULL OR device_id = ?) ORDER BY release_id DESC LIMIT ?',
        deviceId,
        deviceId,
        options.limit ?? DEFAULT_LIMIT,
      )
      .map((row) => ({
        deviceId: text(row, 'device_id'),
        keyId: text(row, 'key_id'),
        epoch: integer(row, 'epoch'),
        generation: integer(row, 'generation'),
        at: integer(row, 'at'),
        document: json(row, 'document'),
      }));
  }

  async getApproval(fleet: string): Promise<ApprovalRow | undefined> {
    const row = this.#db.get('SELECT * FROM approvals WHERE fleet = ?', fleet);
    return (
      row && {
        fleet: text(row, 'fleet'),
        revision: integer(row, 'revision'),
        epoch: integer(row, 'epoch'),
        document: json(row, 'document'),
        updatedAt: integer(row, 'updated_at'),
      }
    );
  }

  async swapApproval(
    row: Pick<ApprovalRow, 'fleet' | 'epoch' | 'document'>,
    expectedRevision: number,
    now: number,
  ): Promise<boolean> {
    const document = JSON.stringify(row.document);
    const changed =
      expectedRevision === 0
        ? this.#db.run(
            `INSERT INTO approvals (fleet, revision, epoch, document, updated_at) VALUES (?, 1, ?, ?, ?)
             ON CONFLICT DO NOTHING`,
            row.fleet,
            row.epoch,
            document,
            now,
          )
        : this.#db.run(
            `UPDATE approvals SET revision = revision + 1, epoch = ?, document = ?, updated_at = ?
             WHERE fleet = ? AND revision = ? AND epoch <= ?`,
            row.epoch,
            document,
            now,
            row.fleet,
            expectedRevision,
            row.epoch,
          );
    return changed === 1;
  }

  async getPolicy(fleet: string): Promise<PolicyRow | undefined> {
    const row = this.#db.get('SELECT * FROM policies WHERE fleet = ?', fleet);
    return (
      row && {
        fleet: text(row, 'fleet'),
        revision: integer(row, 'revision'),
        document: json(row, 'document'),
        updatedAt: integer(row, 'updated_at'),
      }
    );
  }

  async swapPolicy(fleet: string, document: unknown, expectedRevision: number, now: number): Promise<boolean> {
    const body = JSON.stringify(document);
    const changed =
      expectedRevision === 0
        ? this.#db.run(
            'INSERT INTO policies (fleet, revision, document, updated_at) VALUES (?, 1, ?, ?) ON CONFLICT DO NOTHING',
            fleet,
            body,
            now,
          )
        : this.#db.run(
            'UPDATE policies SET revision = revision + 1, document = ?, updated_at = ? WHERE fleet = ? AND revision = ?',
            body,
            now,
            fleet,
            expectedRevision,
          );
    return changed === 1;
  }

  async close(): Promise<void> {
    this.#db.close();
  }
}

function subjectColumns(subject: GrantSubject): ['fleet' | 'device', string] {
  return 'fleet' in subject ? ['fleet', subject.fleet] : ['device', subject.deviceId];
}
