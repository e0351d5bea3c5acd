/** A file that appears under its name complete, or not at all. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UsageError } from '../errors.js';
import { systemReason } from '../system_error.js';

export interface OutputOptions {
  /** Permission bits of the finished file; 0600 while it is written. */
  mode: number;
  /** Replace a file of that name. Otherwise it is an error, also when it appears meanwhile. */
  overwrite?: boolean;
}

/**
 * Calls `write` with a new file beside `path`, then flushes it and gives it its name. When anything fails nothing is left behind.
 * @throws UsageError `ERR_OPTION_INVALID` when `path` exists and may not be replaced
 */
export async function writeOutputFile<T>(
  path: string,
  options: OutputOptions,
  write: (file: FileHandle, temporaryPath: string) => Promise<T>,
): Promise<T> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  const file = await openNew(temporary, path);
  try {
    const result = await write(file, temporary);
    await file.chmod(options.mode);
    await file.sync();
    await giveName(temporary, path, options.overwrite === true);
    await syncFolder(path);
    return result;
  } finally {
    await file.close();
    await rm(temporary, { force: true });
  }
}

async function openNew(temporary: string, path: string): Promise<FileHandle> {
  try {
    return await open(temporary, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  } catch (cause) {
    throw new UsageError('ERR_OPTION_INVALID', `cannot write ${path}: ${systemReason(cause)}`, {
      cause,
      fields: { path },
    });
  }
}

async function giveName(temporary: string, path: string, overwrite: boolean): Promise<void> {
  if (overwrite) {
    await rename(temporary, path);
    return;
  }
  try {
    // Unlike rename(2), link(2) refuses a name that is taken.
    await link(temporary, path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw alreadyThere(path, cause);
    // A file system without hard links.
    if (code !== 'EPERM' && code !== 'ENOTSUP') throw cause;
    await refuseExisting(path);
    await rename(temporary, path);
  }
}

/** For a check before long work; {@link writeOutputFile} checks again. */
export async function refuseExisting(path: string): Promise<void> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw alreadyThere(path, error);
  }
  await file.close();
  throw alreadyThere(path);
}

function alreadyThere(path: string, cause?: unknown): UsageError {
  return new UsageError('ERR_OPTION_INVALID', `${path} exists already`, {
    cause,
    fields: { path, hint: 'replace it with --force' },
  });
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
