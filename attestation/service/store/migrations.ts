/**
 * The SQLite schema, one step per released change; a step is never edited once released. Applied in order inside one
 * immediate transaction, so two processes starting on one new database do not race.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE challenges (
    exchange_id TEXT PRIMARY KEY,
    device_id TEXT NOT NULL REFERENCES devices (device_id),
    document TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    consumed_at INTEGER
  ) STRICT;
  CREATE INDEX challenges_by_expiry ON challenges (expires_at);

  CREATE TABLE enrolments (
    enrolment_id TEXT PRIMARY KEY,
    device_id TEXT NOT NULL,
    document TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    completed_at INTEGER,
    result TEXT
  ) STRICT;
  CREATE INDEX enrolments_by_expiry ON enrolments (expires_at);

  CREATE TABLE devices (
    device_id TEXT PRIMARY KEY,
    fleet TEXT NOT NULL,
    ak_name TEXT NOT NULL,
    document TEXT NOT NULL,
    enrolled_at INTEGER NOT NULL,
    last_appraisal TEXT,
    revoked_at INTEGER,
    revoked_reason TEXT
  ) STRICT;
  CREATE INDEX devices_by_fleet ON devices (fleet, device_id);

  CREATE TABLE appraisals (
    appraisal_id INTEGER PRIMARY KEY,
    device_id TEXT NOT NULL REFERENCES devices (device_id),
    at INTEGER NOT NULL,
    status TEXT NOT NULL,
    result_id TEXT NOT NULL,
    document TEXT NOT NULL
  ) STRICT;
  CREATE INDEX appraisals_by_device ON appraisals (device_id, appraisal_id);

  CREATE TABLE keys (
    key_id TEXT PRIMARY KEY,
    model TEXT NOT NULL,
    version INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    record TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (model, version)
  ) STRICT;

  CREATE TABLE grants (
    key_id TEXT NOT NULL REFERENCES keys (key_id),
    subject_kind TEXT NOT NULL CHECK (subject_kind IN ('fleet', 'device')),
    subject TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (key_id, subject_kind, subject)
  ) STRICT;

  CREATE TABLE releases (
    release_id INTEGER PRIMARY KEY,
    device_id TEXT NOT NULL REFERENCES devices (device_id),
    key_id TEXT NOT NULL REFERENCES keys (key_id),
    epoch INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    at INTEGER NOT NULL,
    document TEXT NOT NULL
  ) STRICT;
  CREATE INDEX releases_by_device ON releases (device_id, release_id);

  CREATE TABLE approvals (
    fleet TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    document TEXT NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE policies (
    fleet TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,
    document TEXT NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE request_counts (
    bucket TEXT PRIMARY KEY,
    window_start INTEGER NOT NULL,
    requests INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX request_counts_by_window ON request_counts (window_start);
  `,
];
