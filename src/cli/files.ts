/** Files that commands are given by name. */
import { readFile } from 'node:fs/promises';
import { UsageError } from '../errors.js';

/** @throws UsageError `ERR_FILE_UNREADABLE` */
export async function readTextFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new UsageError('ERR_FILE_UNREADABLE', `cannot read ${path}: ${(cause as Error).message}`, {
      cause,
      fields: { path },
    });
  }
}
