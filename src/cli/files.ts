/** Files that commands are given by name. */
import { readFile } from 'node:fs/promises';
import { SealedgeError, UsageError } from '../errors.js';
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

/** What `parse` makes of a file; its refusal names the file, because a command may have been given several. */
export async function parseFile<T>(path: string, parse: (text: string) => T): Promise<T> {
  const text = await readTextFile(path);
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof SealedgeError) error.message = `${path}: ${error.message}`;
    throw error;
  }
}
