import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SqliteStore } from '../../../../attestation/service/store/sqlite.js';
import { describeStore } from './conformance.js';

describeStore('SQLite', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sealedge-store-'));
  return {
    open: () => SqliteStore.open(join(directory, 'verifier.db')),
    remove: () => rm(directory, { recursive: true }),
  };
});

describe('SQLite file', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sealedge-store-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('is readable by its owner only', async () => {
    const path = join(directory, 'verifier.db');
    const store = await SqliteStore.open(path);
    for (const name of [path, `${path}-wal`]) expect((await stat(name)).mode & 0o777).toBe(0o600);
    await store.close();
  });

  it('is refused when a newer program wrote it', async () => {
    const path = join(directory, 'verifier.db');
    await (await SqliteStore.open(path)).close();
    const raw = new Database(path);
    raw.exec('INSERT INTO schema_migrations VALUES (99, 0)');
    raw.close();
    await expect(SqliteStore.open(path)).rejects.toMatchObject({ code: 'ERR_STORE', fields: { got: 99 } });
  });

  it('is refused when it is no database', async () => {
    const path = join(directory, 'verifier.db');
    await writeFile(path, 'this is not a database, only a text that is longer than a header');
    await expect(SqliteStore.open(path)).rejects.toMatchObject({ code: 'ERR_STORE' });
  });

  it('is refused when a column was damaged', async () => {
    const path = join(directory, 'verifier.db');
    const store = await SqliteStore.open(path);
    const policy = await store.swapPolicy('plant-1', {}, 0, 1);
    expect(policy).toBe(true);
    const raw = new Database(path);
    raw.exec(`UPDATE policies SET document = '{"half":'`);
    raw.close();
    await expect(store.getPolicy('plant-1')).rejects.toMatchObject({ code: 'ERR_STORE' });
    await store.close();
  });
});
