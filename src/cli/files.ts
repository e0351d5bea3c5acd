/** Files that commands are given by name. */
import { readFile } from 'node:fs/promises';
import { UsageError } from '../errors.js';
import { systemReason } from '../system_error.js';

/** @throws UsageError `ERR_FILE_UNREADABLE` */
export async function readTextFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new UsageError('ERR_FILE_UNREADABLE', `cannot read ${path}: ${systemReason(cause)}`, {
      cause,
      fields: { path },
    });
  }
}
