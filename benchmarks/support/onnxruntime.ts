/** onnxruntime-node as trials compare with it: one thread, every graph optimisation, quiet. */
import { createRequire } from 'node:module';
import type { BenchmarkCase, NamedArray } from './models.js';

export interface OrtSession {
  run(feeds: Record<string, unknown>): Promise<Record<string, { data: Float32Array; dims: readonly number[] }>>;
  release(): Promise<void>;
}

interface OrtModule {
  InferenceSession: { create(path: string, options: object): Promise<OrtSession> };
  Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => unknown;
}

export interface Onnxruntime {
  readonly version: string;
  create(path: string): Promise<OrtSession>;
  feeds(inputs: readonly NamedArray[]): Record<string, unknown>;
}

const OPTIONS = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  logSeverityLevel: 3,
};

/** null when the package is not installed: it is an optional peer. */
export async function loadOnnxruntime(): Promise<Onnxruntime | null> {
  let ort: OrtModule;
  let version: string;
  try {
    const require = createRequire(import.meta.url);
    ort = require('onnxruntime-node');
    version = require('onnxruntime-node/package.json').version;
  } catch {
    return null;
  }
  return {
    version,
    create: (path) => ort.InferenceSession.create(path, OPTIONS),
    feeds: (inputs) =>
      Object.fromEntries(inputs.map(({ name, data, dims }) => [name, new ort.Tensor('float32', data, dims)])),
  };
}

export async function referencesOf(
  session: OrtSession,
  onnxruntime: Onnxruntime,
  { inputs }: BenchmarkCase,
): Promise<NamedArray[]> {
  const outputs = await session.run(onnxruntime.feeds(inputs));
  return Object.entries(outputs).map(([name, { data, dims }]) => ({ name, data, dims }));
}
