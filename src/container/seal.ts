/** Seals an ONNX model: plan, encrypt natively, describe, sign (SPEC.md "Writing"). */
import { type KeyObject, randomBytes } from 'node:crypto';
import { type FileHandle, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { ModelError, UsageError } from '../errors.js';
import { native } from '../native.js';
import { signEnvelope } from './dsse.js';
import {
  align,
  CONTENT_KEY_BYTES,
  deriveKeyId,
  encodeHeader,
  HEADER_BYTES,
  MAX_ENVELOPE_BYTES,
  SUITE_1,
} from './format.js';
import { type ContentKeyFile, formatKeyFile } from './key_file.js';
import {
  encodeManifest,
  isModelDescription,
  isModelName,
  isModelVersion,
  type Manifest,
  type SegmentEntry,
} from './manifest.js';
import type { NativeSealPlan, SealPlanFacts } from './native_container.js';
import { refuseExisting, writeOutputFile } from './output_file.js';
import { publisherSpki } from './publisher_key.js';

const PROGRESS_MS = 100;
const MAX_THREADS = 1024;

export interface SealOptions {
  /** ECDSA P-256 private key. */
  publisherKey: KeyObject;
  name: string;
  version: number;
  description?: string;
  /** Named in the file for all to see; absent: no time is named. */
  created?: Date;
  /** Where the content key goes, with mode 0600. */
  keyPath: string;
  threads?: number;
  /** Replace existing files. */
  overwrite?: boolean;
  /** Bytes encrypted so far, and in all. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

export interface SealResult {
  manifest: Manifest;
  /** Secret: it holds the content key. */
  keyFile: ContentKeyFile;
  facts: SealPlanFacts;
}

/**
 * Writes the sealed file and its key file; both appear complete or not at all, the key first.
 * @throws UsageError, ModelError
 */
export async function sealModel(modelPath: string, outputPath: string, options: SealOptions): Promise<SealResult> {
  checkOptions(options);
  if (resolve(outputPath) === resolve(options.keyPath)) {
    throw new UsageError('ERR_OPTION_INVALID', 'key path: expected another file than the sealed one', {
      fields: { path: options.keyPath },
    });
  }
  if (options.overwrite !== true) {
    await refuseExisting(outputPath);
    await refuseExisting(options.keyPath);
  }
  const plan = await native().planSeal(modelPath);
  const facts = native().sealPlanFacts(plan);
  const contentKey = randomBytes(CONTENT_KEY_BYTES);
  const draft = draftManifest(facts.segmentLengths, deriveKeyId(contentKey), options);
  const keyFile = { contentKey, keyId: draft.keyId, publisherSpki: draft.publisherSpki, model: pick(options) };
  const overwrite = options.overwrite === true;
  let keyWritten = false;
  const write = async (file: FileHandle): Promise<Manifest> => {
    const segments = await encryptSegments(plan, file, draft, contentKey, options);
    const sealed = { ...draft, segments };
    const front = encodeFront(sealed, options.publisherKey);
    await file.write(front, 0, front.length, 0);
    // A full disk shows here at the latest: the key of an older file is not replaced before this one is written.
    await file.sync();
    await writeOutputFile(options.keyPath, { mode: 0o600, overwrite }, (key) => key.writeFile(formatKeyFile(keyFile)));
    keyWritten = true;
    return sealed;
  };
  let manifest: Manifest;
  try {
    manifest = await writeOutputFile(outputPath, { mode: 0o644, overwrite }, write);
  } catch (error) {
    // The name of the sealed file was taken meanwhile: nobody has a use for the key.
    if (keyWritten && !overwrite && error instanceof UsageError) await rm(options.keyPath, { force: true });
    throw error;
  }
  return { manifest, keyFile, facts };
}

function pick({ name, version }: SealOptions): ContentKeyFile['model'] {
  return { name, version };
}

function checkOptions(options: SealOptions): void {
  if (!isModelName(options.name)) {
    throw new UsageError('ERR_OPTION_INVALID', 'model name: expected 1 to 256 bytes without control characters');
  }
  if (!isModelVersion(options.version)) {
    throw new UsageError('ERR_OPTION_INVALID', `model version: expected 1 to 2^53 - 1, got ${options.version}`);
  }
  if (options.description !== undefined && !isModelDescription(options.description)) {
    throw new UsageError('ERR_OPTION_INVALID', 'description: expected 1 to 1,024 bytes without control characters');
  }
  const { threads } = options;
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= MAX_THREADS)) {
    throw new UsageError('ERR_OPTION_INVALID', `threads: expected 1 to ${MAX_THREADS}, got ${threads}`);
  }
  options.signal?.throwIfAborted();
}

/**
 * The manifest with zeros for what only encryption can tell. Those have fixed lengths, so the draft is as long as the manifest
 * will be, and the data offset follows from it (SPEC.md "Writing", step 2).
 */
function draftManifest(lengths: readonly number[], keyId: Buffer, options: SealOptions): Manifest {
  const { name, version, description, created } = options;
  const manifest: Manifest = {
    model: description === undefined ? { name, version } : { name, version, description },
    publisherSpki: publisherSpki(options.publisherKey),
    keyId,
    suite: SUITE_1,
    dataOffset: 0,
    totalLength: 0,
    segments: [],
  };
  if (created !== undefined) manifest.created = `${created.toISOString().slice(0, 19)}Z`;
  for (let dataOffset = align(1); ; ) {
    let end = dataOffset;
    manifest.segments = lengths.map((length, index) => {
      const offset = align(end);
      end = offset + length;
      return { ...EMPTY_SEGMENT, kind: index === 0 ? 'graph' : 'weights', offset, length };
    });
    manifest.dataOffset = dataOffset;
    manifest.totalLength = end;
    const envelopeLength = encodeFront(manifest, options.publisherKey).length - HEADER_BYTES;
    if (envelopeLength > MAX_ENVELOPE_BYTES) {
      throw new ModelError('ERR_LIMIT_EXCEEDED', `envelope: expected at most 1 MiB, got ${envelopeLength} bytes`);
    }
    const needed = align(HEADER_BYTES + envelopeLength);
    if (needed === dataOffset) return manifest;
    dataOffset = needed;
  }
}

const EMPTY_SEGMENT = { id: Buffer.alloc(32), tag: Buffer.alloc(16), sha256: Buffer.alloc(32) };

/** Header and envelope; the zeros up to the data offset are the file's own. */
function encodeFront(manifest: Manifest, publisherKey: KeyObject): Buffer {
  const envelope = signEnvelope(encodeManifest(manifest), publisherKey, manifest.publisherSpki);
  return Buffer.concat([encodeHeader(envelope.length), envelope]);
}

async function encryptSegments(
  plan: NativeSealPlan,
  file: FileHandle,
  draft: Manifest,
  contentKey: Buffer,
  options: SealOptions,
): Promise<SegmentEntry[]> {
  const total = draft.segments.reduce((sum, segment) => sum + segment.length, 0);
  const timer = setInterval(() => options.onProgress?.(native().sealProgress(plan), total), PROGRESS_MS);
  const cancel = () => native().cancelSeal(plan);
  options.signal?.addEventListener('abort', cancel);
  try {
    const threads = options.threads ?? availableParallelism();
    const segments = await native().writeSegments(plan, file.fd, draft.dataOffset, contentKey, threads);
    options.onProgress?.(total, total);
    return segments;
  } finally {
    clearInterval(timer);
    options.signal?.removeEventListener('abort', cancel);
  }
}
