/** What the front of a sealed file says, before anything of it is used. */
import { open } from 'node:fs/promises';
import { SealedFileParser } from '../container/file_parser.js';
import type { Manifest } from '../container/manifest.js';
import { ContainerError, UsageError } from '../errors.js';
import { systemReason } from '../system_error.js';

const READ_BYTES = 64 * 1024;
const MAX_FRONT_BYTES = (1 << 20) + READ_BYTES;

/** The signed statement at the front of the file, to know which key it needs. The engine checks the file again, by itself. */
export async function readManifest(path: string): Promise<Manifest> {
  let manifest: Manifest | undefined;
  const parser = new SealedFileParser({
    manifest: (found) => {
      manifest = found;
    },
    segmentData: () => {},
  });
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path);
  } catch (cause) {
    throw new UsageError('ERR_FILE_UNREADABLE', `cannot read ${path}: ${systemReason(cause)}`, { cause });
  }
  try {
    const buffer = Buffer.alloc(READ_BYTES);
    for (let position = 0; manifest === undefined && position < MAX_FRONT_BYTES; ) {
      const { bytesRead } = await file.read(buffer, 0, READ_BYTES, position);
      if (bytesRead === 0) break;
      parser.push(buffer.subarray(0, bytesRead));
      position += bytesRead;
    }
  } finally {
    await file.close();
  }
  if (manifest === undefined)
    throw new ContainerError('ERR_TRUNCATED', `${path} ends before its signed statement does`);
  return manifest;
}
