/**
 * The device's directory: versioned JSON files, mode 0600 in a directory of mode 0700. A file is there whole or not at all:
 * written under a temporary name, synced, renamed, directory synced (PROTOCOL.md "Crash and resume"). Nothing in it opens a model
 * without the TPM; what is read back is checked again before use, so a damaged file only counts as absent.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UsageError } from '../../src/errors.js';
import { systemReason } from '../../src/system_error.js';

const TEMPORARY = /\.tmp-[0-9a-f]{12}$/;
/** Younger ones may be another command's, in the middle of writing. */
const STALE_MS = 10 * 60_000;

export class StateDirectory {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Creates the directory where missing, and removes what a cut write left behind. */
  static async open(path: string): Promise<StateDirectory> {
    const directory = new StateDirectory(path);
    try {
      for (const name of ['', 'keys']) await makePrivate(join(path, name));
    } catch (cause) {
      throw new UsageError('ERR_FILE_UNREADABLE', `cannot use device directory ${path}`, { cause });
    }
    return directory;
  }

  /** The parsed file, or undefined when it is not there or not JSON. Says nothing about what the JSON holds. */
  async read(name: string): Promise<unknown> {
    let text: string;
    try {
      text = await readFile(join(this.path, name), 'utf8');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new UsageError('ERR_FILE_UNREADABLE', `cannot read ${join(this.path, name)}: ${systemReason(cause)}`, {
        cause,
      });
    }
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  }

  async write(name: string, value: unknown): Promise<void> {
    const target = join(this.path, name);
    const temporary = `${target}.tmp-${randomBytes(6).toString('hex')}`;
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(`${JSON.stringify(value, null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
    await syncDirectory(dirname(target));
  }
}

async function makePrivate(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
  for (const name of await readdir(path)) {
    if (TEMPORARY.test(name)) await removeStale(join(path, name));
  }
}

/** A rename is durable once its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function removeStale(path: string): Promise<void> {
  try {
    if (Date.now() - (await stat(path)).mtimeMs > STALE_MS) await unlink(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
  }
}
