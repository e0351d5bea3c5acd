/**
 * One SQLite connection with the settings the store relies on, its schema brought up to date. Only the store sees it.
 *
 * libsql quirks handled here and nowhere else *(seen with 0.5.29)*: a lone Buffer argument is taken for a table of named
 * parameters and aborts the process, so parameters always travel as an array; `get` adds a `_metadata` column; blobs come
 * back as Buffer from `get` and as ArrayBuffer from `all`, so that the schema has none.
 */
import { closeSync, openSync } from 'node:fs';
import Database from 'libsql';
import { ServiceError } from '../../../src/errors.js';
import { MIGRATIONS } from './migrations.js';

export type SqlValue = string | number | null;
export type SqlRow = Record<string, unknown>;

const BUSY_TIMEOUT_MS = 5_000;

export class SqliteConnection {
  readonly #database: Database.Database;
  readonly #statements = new Map<string, Database.Statement>();

  private constructor(database: Database.Database) {
    this.#database = database;
  }

  static open(path: string): SqliteConnection {
    return guard(() => {
      // The database names every device and holds wrapped keys: nobody else's to read. Its WAL inherits the mode.
      if (path !== ':memory:') closeSync(openSync(path, 'a', 0o600));
      const database = new Database(path, { timeout: BUSY_TIMEOUT_MS } as Database.Options);
      try {
        // FULL: in WAL mode NORMAL may lose the last commits on power loss, and a lost nonce consumption is a replay.
        database.pragma('journal_mode = WAL');
        database.pragma('synchronous = FULL');
        database.pragma('foreign_keys = ON');
        migrate(database);
      } catch (cause) {
        database.close();
        throw cause;
      }
      return new SqliteConnection(database);
    });
  }

  all(sql: string, ...parameters: SqlValue[]): SqlRow[] {
    return guard(() => this.#statement(sql).all(parameters) as SqlRow[]);
  }

  get(sql: string, ...parameters: SqlValue[]): SqlRow | undefined {
    return guard(() => this.#statement(sql).get(parameters) as SqlRow | undefined);
  }

  /** Returns the number of rows changed. */
  run(sql: string, ...parameters: SqlValue[]): number {
    return guard(() => this.#statement(sql).run(parameters).changes);
  }

  /** Takes the write lock first, so that what `body` reads is what it decides on. Synchronous: nothing interleaves. */
  transaction<T>(body: () => T): T {
    guard(() => this.#database.exec('BEGIN IMMEDIATE'));
    try {
      const result = body();
      guard(() => this.#database.exec('COMMIT'));
      return result;
    } catch (cause) {
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK');
      throw cause;
    }
  }

  close(): void {
    this.#statements.clear();
    if (this.#database.open) this.#database.close();
  }

  #statement(sql: string): Database.Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function migrate(database: Database.Database): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    database.exec(
      'CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT',
    );
    const row = database.prepare('SELECT coalesce(max(version), 0) AS version FROM schema_migrations').get([]);
    const current = (row as { version: number }).version;
    if (current > MIGRATIONS.length)
      throw new ServiceError(
        'ERR_STORE',
        `database schema is newer than this program: expected at most ${MIGRATIONS.length}, got ${current}`,
        { fields: { expected: MIGRATIONS.length, got: current } },
      );
    for (const [index, sql] of MIGRATIONS.entries()) {
      if (index < current) continue;
      database.exec(sql);
      database.prepare('INSERT INTO schema_migrations VALUES (?, ?)').run([index + 1, Date.now()]);
    }
    database.exec('COMMIT');
  } catch (cause) {
    if (database.inTransaction) database.exec('ROLLBACK');
    throw cause;
  }
}

function guard<T>(body: () => T): T {
  try {
    return body();
  } catch (cause) {
    if (cause instanceof ServiceError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ServiceError('ERR_STORE', `store failed: ${reason}`, { cause });
  }
}
