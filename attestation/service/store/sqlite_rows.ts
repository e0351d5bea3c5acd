/** SQLite rows to the store's own: checked column by column. */
import { ServiceError } from '../../../src/errors.js';
import type { SqlRow } from './sqlite_connection.js';
import type { CompletedEnrolment, DeviceRow, KeyRow } from './store.js';

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

function bytes(row: SqlRow, column: string): Uint8Array {
  const value = row[column];
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (!(value instanceof Uint8Array)) throw damaged(column);
  return new Uint8Array(value);
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
    lastAppraisedAt: nullable(row, 'last_appraised_at', integer),
    lastStatus: nullable(row, 'last_status', text),
    revokedAt: nullable(row, 'revoked_at', integer),
    revokedReason: nullable(row, 'revoked_reason', text),
  };
}

export function keyWithoutSecret(row: SqlRow): Omit<KeyRow, 'wrapped'> {
  return {
    keyId: text(row, 'key_id'),
    model: text(row, 'model'),
    version: integer(row, 'version'),
    generation: integer(row, 'generation'),
    document: json(row, 'document'),
    createdAt: integer(row, 'created_at'),
  };
}

export function key(row: SqlRow): KeyRow {
  return { ...keyWithoutSecret(row), wrapped: bytes(row, 'wrapped') };
}
