import { cpus, totalmem } from 'node:os';
import { runtimeInfo } from '../../src/index.js';

/** What a figure depends on besides the code. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly node: string;
  readonly isa: string;
  readonly features: readonly string[];
  readonly onnxruntime: string | null;
}

export function describeMachine(onnxruntimeVersion: string | null): Machine {
  const { isa, features } = runtimeInfo();
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    isa,
    features,
    onnxruntime: onnxruntimeVersion,
  };
}
