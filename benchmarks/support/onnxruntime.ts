/** onnxruntime-node as trials compare with it: one thread unless told otherwise, every graph optimisation, quiet. */
import { createRequire } from 'node:module';
import type { NumericArray } from '../../src/runtime/data_types.js';
import type { TensorType } from '../../src/types.js';
import type { BenchmarkCase, NamedArray } from './models.js';

interface OrtTensor {
  readonly type: TensorType;
  readonly data: NumericArray;
  readonly dims: readonly number[];
}

export interface OrtSession {
  run(feeds: Record<string, unknown>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}

interface OrtModule {
  InferenceSession: { create(path: string, options: object): Promise<OrtSession> };
  Tensor: new (type: TensorType, data: NumericArray, dims: readonly number[]) => unknown;
}

export interface Onnxruntime {
  readonly version: string;
  /** `exact`: int8 products without the 16-bit saturation of processors that lack VNNI. */
  create(path: string, exact?: boolean, threads?: number): Promise<OrtSession>;
  feeds(inputs: readonly NamedArray[]): Record<string, unknown>;
}

const OPTIONS = {
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  logSeverityLevel: 3,
};

const EXACT = { extra: { session: { x64quantprecision: '1' } } };

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
    create: (path, exact = false, intraOpNumThreads = 1) =>
      ort.InferenceSession.create(path, { ...OPTIONS, intraOpNumThreads, ...(exact ? EXACT : {}) }),
    feeds: (inputs) =>
      Object.fromEntries(inputs.map(({ name, type, data, dims }) => [name, new ort.Tensor(type, data, dims)])),
  };
}

export async function referencesOf(
  session: OrtSession,
  onnxruntime: Onnxruntime,
  { inputs }: BenchmarkCase,
): Promise<NamedArray[]> {
  const outputs = await session.run(onnxruntime.feeds(inputs));
  return Object.entries(outputs).map(([name, { type, data, dims }]) => ({ name, type, data, dims }));
}
