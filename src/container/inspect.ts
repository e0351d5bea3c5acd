/** What can be known of a sealed file without its key: the signed statement, and that every byte is as it was signed. */
import { createHash, type Hash, type KeyObject } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { ContainerError, KeyError, UsageError } from '../errors.js';
import { publisherKeyId } from './dsse.js';
import { SealedFileParser } from './file_parser.js';
import type { Manifest } from './manifest.js';
import { publisherSpki } from './publisher_key.js';

const READ_BYTES = 1 << 20;

export interface InspectOptions {
  /** Refuse a file of any other publisher. Without it the signature proves only who claims to have signed. */
  publisher?: KeyObject;
  /** Bytes read so far, and in all. */
  onProgress?: (done: number, total: number) => void;
}

/** Hashes all segments of a file that comes in pieces. For a whole file see {@link inspectSealedFile}. */
export class KeylessChecker {
  readonly #parser: SealedFileParser;
  readonly #hashes: Hash[] = [];

  constructor(options: Pick<InspectOptions, 'publisher'> = {}) {
    this.#parser = new SealedFileParser({
      manifest: (manifest) => {
        checkPublisher(manifest, options.publisher);
        for (let i = 0; i < manifest.segments.length; i++) this.#hashes.push(createHash('sha256'));
      },
      segmentData: (index, data) => {
        this.#hashes[index]?.update(data);
      },
    });
  }

  push(piece: Uint8Array): void {
    this.#parser.push(piece);
  }

  /** @throws ContainerError `ERR_SEGMENT_AUTH` when a segment is not the one that was signed */
  finish(): Manifest {
    const manifest = this.#parser.finish();
    this.#hashes.forEach((hash, index) => {
      if (manifest.segments[index]?.sha256.equals(hash.digest()) !== true) {
        const fields = { segment: index };
        throw new ContainerError('ERR_SEGMENT_AUTH', `segment ${index} is not the one that was signed`, { fields });
      }
    });
    return manifest;
  }
}

/** Verifies signature, lengths, padding and digests of a file, reading it once. Memory does not grow with it. */
export async function inspectSealedFile(path: string, options: InspectOptions = {}): Promise<Manifest> {
  const file = await openRegular(path);
  try {
    const { size } = await file.stat();
    const checker = new KeylessChecker(options);
    const buffer = Buffer.alloc(READ_BYTES);
    for (let done = 0; ; ) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length);
      if (bytesRead === 0) break;
      checker.push(buffer.subarray(0, bytesRead));
      done += bytesRead;
      options.onProgress?.(done, size);
    }
    return checker.finish();
  } finally {
    await file.close();
  }
}

async function openRegular(path: string): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    throw new UsageError('ERR_FILE_UNREADABLE', `cannot read ${path}: ${(cause as Error).message}`, {
      cause,
      fields: { path },
    });
  }
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new UsageError('ERR_FILE_UNREADABLE', `cannot read ${path}: it is not a regular file`, { fields: { path } });
}

function checkPublisher(manifest: Manifest, publisher: KeyObject | undefined): void {
  if (publisher === undefined) return;
  const expected = publisherKeyId(publisherSpki(publisher)).toString('hex');
  const got = publisherKeyId(manifest.publisherSpki).toString('hex');
  if (expected === got) return;
  const message = `sealed file is signed by another publisher: expected ${expected}, got ${got}`;
  throw new KeyError('ERR_PUBLISHER_UNTRUSTED', message, { fields: { expected, got } });
}
