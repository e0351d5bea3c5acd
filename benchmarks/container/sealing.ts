/**
 * Sealing throughput on a model of 256 MiB of random weights, and beside it what one thread of Node's own AES-256-GCM does to the same
 * bytes in memory: the bound that the cipher sets. The files lie in the temporary folder: on a disk, the disk may be the bound.
 */
import { createCipheriv, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { generatePublisherKey, parsePublisherPrivateKey, sealModel } from '../../src/index.js';
import { timed } from '../support/clock.js';
import { formatSpread, type Spread, spreadOf } from '../support/statistics.js';
import { LAYER_BYTES, writeLargeModel } from './large_model.js';

const LAYERS = 16;
const ROUNDS = 5;

export interface SealingResult {
  readonly weightBytes: number;
  /** Megabytes (10^6) per second. */
  readonly oneThread: Spread;
  readonly allThreads: Spread;
  readonly threads: number;
  readonly aesGcmOneThread: Spread;
  /** Growth of this process's resident memory during the first sealing, MiB. */
  readonly residentGrowthMib: number;
}

export async function measureSealing(): Promise<SealingResult> {
  const folder = await mkdtemp(join(tmpdir(), 'sealedge-bench-'));
  try {
    const model = join(folder, 'large.onnx');
    const weightBytes = await writeLargeModel(model, LAYERS);
    const publisherKey = parsePublisherPrivateKey(generatePublisherKey().privateKeyPem);
    const megabytesPerSecond = (ms: number): number => weightBytes / 1e3 / ms;
    const seal = async (threads: number): Promise<number> => {
      const paths = { out: join(folder, 'large.sealed'), key: join(folder, 'large.key') };
      const ms = await timed(() =>
        sealModel(model, paths.out, {
          publisherKey,
          name: 'large',
          version: 1,
          keyPath: paths.key,
          threads,
          overwrite: true,
        }),
      );
      return megabytesPerSecond(ms);
    };

    const before = process.memoryUsage.rss();
    let highest = before;
    const watch = setInterval(() => {
      highest = Math.max(highest, process.memoryUsage.rss());
    }, 5);
    await seal(1);
    clearInterval(watch);

    const threads = availableParallelism();
    const oneThread: number[] = [];
    const allThreads: number[] = [];
    const aesGcm: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      oneThread.push(await seal(1));
      allThreads.push(await seal(threads));
      aesGcm.push(megabytesPerSecond(await timed(() => encryptInMemory())));
    }
    return {
      weightBytes,
      oneThread: spreadOf(oneThread),
      allThreads: spreadOf(allThreads),
      threads,
      aesGcmOneThread: spreadOf(aesGcm),
      residentGrowthMib: (highest - before) / 2 ** 20,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function encryptInMemory(): void {
  const block = Buffer.alloc(1 << 20, 1);
  const cipher = createCipheriv('aes-256-gcm', randomBytes(32), Buffer.alloc(12));
  for (let done = 0; done < LAYERS * LAYER_BYTES; done += block.length) cipher.update(block);
  cipher.final();
}

export function sealingTable(result: SealingResult): string[] {
  return [
    `${(result.weightBytes / 2 ** 20).toFixed(0)} MiB of weights, MB/s`,
    `seal, 1 thread    ${formatSpread(result.oneThread)}`,
    `seal, ${result.threads} threads   ${formatSpread(result.allThreads)}`,
    `AES-256-GCM alone ${formatSpread(result.aesGcmOneThread)} (node:crypto, 1 thread, in memory)`,
    `resident memory grew by ${result.residentGrowthMib.toFixed(0)} MiB`,
  ];
}
