/** Keys and tokens at rest: a file that others can read is refused, not used quietly. */
import { readFile, stat } from 'node:fs/promises';
import { UsageError } from '../../src/errors.js';
import { systemReason } from '../../src/system_error.js';

const OTHERS = 0o077;

/** @param what - named in errors, for example "operator token". @throws UsageError */
export async function readPrivateFile(path: string, what: string): Promise<string> {
  try {
    if (((await stat(path)).mode & OTHERS) !== 0)
      throw new UsageError('ERR_OPTION_INVALID', `${what} ${path} is readable by others: expected mode 0600`);
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new UsageError('ERR_FILE_UNREADABLE', `cannot read ${what} ${path}: ${systemReason(cause)}`, { cause });
  }
}
