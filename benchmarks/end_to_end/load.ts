/**
 * Time from a file to a session that can run: our sealed file (read, signature and every segment verified, decrypted into secret memory),
 * our plain file, and onnxruntime's plain create. In turns, files warm in the page cache.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  generatePublisherKey,
  InferenceSession,
  keyPayload,
  parsePublisherPrivateKey,
  type SecretHandle,
  sealModel,
  secretFromBytes,
} from '../../src/index.js';

import { timed } from '../support/clock.js';
import type { BenchmarkModel } from '../support/models.js';
import type { Onnxruntime } from '../support/onnxruntime.js';
import { formatSpread, type Spread, spreadOf } from '../support/statistics.js';
import { alignColumns } from '../support/table.js';

export interface LoadResult {
  readonly model: string;
  readonly sealedBytes: number;
  /** Milliseconds. */
  readonly sealed: Spread;
  readonly plain: Spread;
  readonly onnxruntime: Spread | null;
  readonly memoryLevel: string;
  /** onnxruntime's median over ours for the sealed file: above 1, ours is faster. */
  readonly ratio: number | null;
}

export async function measureLoad(
  model: BenchmarkModel,
  onnxruntime: Onnxruntime | null,
  rounds: number,
): Promise<LoadResult> {
  const folder = await mkdtemp(join(tmpdir(), 'sealedge-bench-'));
  try {
    const sealedPath = join(folder, 'model.sealed');
    const key = await seal(model.path, sealedPath, join(folder, 'model.key'));
    const options = { intraOpNumThreads: 1 };
    let memoryLevel = '';
    const sealed: number[] = [];
    const plain: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      sealed.push(
        await timeToSession(
          () => InferenceSession.create(sealedPath, { ...options, key }),
          (session) => {
            memoryLevel = session.memory.level;
          },
        ),
      );
      plain.push(await timeToSession(() => InferenceSession.create(model.path, options)));
      if (onnxruntime) theirs.push(await timeToSession(() => onnxruntime.create(model.path)));
    }
    key.close();
    const ours = spreadOf(sealed);
    const other = onnxruntime ? spreadOf(theirs) : null;
    return {
      model: model.name,
      sealedBytes: (await stat(sealedPath)).size,
      sealed: ours,
      plain: spreadOf(plain),
      onnxruntime: other,
      memoryLevel,
      ratio: other ? other.median / ours.median : null,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function seal(modelPath: string, outputPath: string, keyPath: string): Promise<SecretHandle> {
  const publisherKey = parsePublisherPrivateKey(generatePublisherKey().privateKeyPem);
  const { keyFile } = await sealModel(modelPath, outputPath, { publisherKey, name: 'benchmark', version: 1, keyPath });
  return secretFromBytes(keyPayload(keyFile));
}

async function timeToSession<T extends { release(): Promise<void> }>(
  create: () => Promise<T>,
  look: (session: T) => void = () => {},
): Promise<number> {
  let session: T | undefined;
  const ms = await timed(async () => {
    session = await create();
  });
  if (session) {
    look(session);
    await session.release();
  }
  return ms;
}

export function loadTable(results: readonly LoadResult[]): string[] {
  const header = ['model', 'sealed KiB', 'sealed, ms', 'memory', 'plain, ms', 'onnxruntime plain, ms', 'ratio sealed'];
  const rows = results.map((result) => [
    result.model,
    (result.sealedBytes / 1024).toFixed(0),
    formatSpread(result.sealed),
    result.memoryLevel,
    formatSpread(result.plain),
    result.onnxruntime ? formatSpread(result.onnxruntime) : 'not installed',
    result.ratio?.toFixed(2) ?? '-',
  ]);
  return alignColumns([header, ...rows]);
}
