import { type FileHandle, open } from 'node:fs/promises';
import { MAGIC } from '../container/format.js';
import { UsageError } from '../errors.js';
import { describe } from './tensor.js';

/** Where a model comes from, as a backend takes it. */
export type ModelSource = { readonly path: string } | { readonly bytes: Uint8Array };

export function modelSource(model: unknown): ModelSource {
  if (typeof model === 'string') return { path: model };
  if (model instanceof Uint8Array) return { bytes: model };
  if (model instanceof ArrayBuffer || model instanceof SharedArrayBuffer) return { bytes: new Uint8Array(model) };
  throw new UsageError('ERR_OPTION_INVALID', `model: expected a path or bytes, got ${describe(model)}`, {
    fields: { option: 'model' },
  });
}

/**
 * Whether a model starts like a sealed file (SPEC.md "Header"); no ModelProto does. Says nothing about the rest. A file that cannot
 * be read is left to the backend, whose refusal names the reason.
 */
export async function looksSealed(source: ModelSource): Promise<boolean> {
  if ('bytes' in source) return MAGIC.equals(source.bytes.subarray(0, MAGIC.length));
  let file: FileHandle | undefined;
  try {
    file = await open(source.path);
    const { buffer } = await file.read({ buffer: Buffer.alloc(MAGIC.length), position: 0 });
    return MAGIC.equals(buffer);
  } catch {
    return false;
  } finally {
    await file?.close();
  }
}
