/** The publisher's round trip: from a sealed file and its key back to ONNX. */
import { KeyError } from '../errors.js';
import { native } from '../native.js';
import { type ContentKeyFile, keyPayload } from './key_file.js';
import type { CompareReport, UnsealReport } from './native_container.js';
import { refuseExisting, writeOutputFile } from './output_file.js';

export interface UnsealOptions {
  overwrite?: boolean;
  /** Compare with this model before the output gets its name: same graph, every tensor equal bit by bit. */
  comparePath?: string;
}

export interface UnsealResult extends UnsealReport {
  /** Absent when nothing was compared. */
  compared?: CompareReport;
}

/** Decrypts everything into an ordinary ONNX file, mode 0600. For the publisher; a device has no use for it. */
export async function unsealModel(
  sealedPath: string,
  outputPath: string,
  key: ContentKeyFile,
  options: UnsealOptions = {},
): Promise<UnsealResult> {
  const overwrite = options.overwrite === true;
  if (!overwrite) await refuseExisting(outputPath);
  const { comparePath } = options;
  return writeOutputFile(outputPath, { mode: 0o600, overwrite }, async (file, temporaryPath) => {
    const report = await withPayload(key, (payload) => native().unsealFile(sealedPath, payload, file.fd));
    if (comparePath === undefined) return report;
    return { ...report, compared: await native().compareModels(temporaryPath, comparePath) };
  });
}

/** Everything that a holder of the key can check, without writing: every tag, every placement, every tensor's digest. */
export async function checkSealedModel(sealedPath: string, key: ContentKeyFile): Promise<UnsealReport> {
  return withPayload(key, (payload) => native().unsealFile(sealedPath, payload, -1));
}

async function withPayload<T>(key: ContentKeyFile, use: (payload: Buffer) => Promise<T>): Promise<T> {
  const payload = keyPayload(key);
  try {
    return await use(payload);
  } catch (cause) {
    // The payload has only a digest of the name; the key file has the name itself.
    if (!(cause instanceof KeyError) || cause.code !== 'ERR_MODEL_NAME_MISMATCH') throw cause;
    const { name } = key.model;
    const got = String(cause.fields.got);
    const fields = { expected: name, got };
    throw new KeyError(cause.code, `sealed file: expected model ${name}, got ${got}`, { cause, fields });
  } finally {
    payload.fill(0);
  }
}
