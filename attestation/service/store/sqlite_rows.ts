/** SQLite rows to the store's own: checked column by column. */
import { ServiceError } from '../../../src/errors.js';
import type { SqlRow } from './sqlite_connection.js';
import type { CompletedEnrolment, DeviceRow, KeyRow, LastAppraisal } from './store.js';

// Columns come back untyped. A wrong type means a damaged or foreign database, and is reported, not passed on.
export function text(row: SqlRow, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw damaged(column);
  return value;
}

export function integer(row: SqlRow, column: string): number {
  const value = row[column];
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw damaged(column);
  return value;
}

export function nullable<T>(row: SqlRow, column: string, read: (row: SqlRow, column: string) => T): T | null {
  return row[column] === null ? null : read(row, column);
}

export function json(row: SqlRow, column: string): unknown {
  try {
    return JSON.parse(text(row, column));
  } catch {
    throw damaged(column);
  }
}

function damaged(column: string): ServiceError {
  return new ServiceError('ERR_STORE', `database is damaged: column ${column} does not hold what was written`, {
    fields: { column },
  });
}

export function enrolment(row: SqlRow): CompletedEnrolment {
  return {
    enrolmentId: text(row, 'enrolment_id'),
    deviceId: text(row, 'device_id'),
    document: json(row, 'document'),
    createdAt: integer(row, 'created_at'),
    expiresAt: integer(row, 'expires_at'),
    completedAt: nullable(row, 'completed_at', integer),
    result: nullable(row, 'result', json),
  };
}

export function device(row: SqlRow): DeviceRow {
  return {
    deviceId: text(row, 'device_id'),
    fleet: text(row, 'fleet'),
    akName: text(row, 'ak_name'),
    document: json(row, 'document'),
    enrolledAt: integer(row, 'enrolled_at'),
    lastAppraisal: nullable(row, 'last_appraisal', json) as LastAppraisal | null,
    revokedAt: nullable(row, 'revoked_at', integer),
    revokedReason: nullable(row, 'revoked_reason', text),
  };
}

export function keyWithoutRecord(row: SqlRow): Omit<KeyRow, 'record'> {
  return {
    keyId: text(row, 'key_id'),
    model: text(row, 'model'),
    version: integer(row, 'version'),
    generation: integer(row, 'generation'),
    createdAt: integer(row, 'created_at'),
  };
}

export function key(row: SqlRow): KeyRow {
  return { ...keyWithoutRecord(row), record: json(row, 'record') };
}
