import type { SecretHandle, SessionMemory, SessionResidency, TensorData, TensorType, ValueMetadata } from '../types.js';
import type { WantedOutput } from './bind_fetches.js';
import type { NumericArray } from './data_types.js';

/** An input that was checked against the model's metadata. */
export interface BoundInput {
  readonly name: string;
  readonly type: TensorType;
  readonly dims: readonly number[];
  readonly data: NumericArray | readonly string[];
}

export interface BackendOutput {
  readonly name: string;
  readonly type: TensorType;
  readonly dims: readonly number[];
  /** null: it was written to its target. */
  readonly data: TensorData | null;
}

/** What a session needs of whoever computes. */
export interface Backend {
  readonly inputs: readonly ValueMetadata[];
  readonly outputs: readonly ValueMetadata[];
  memory(): SessionMemory;
  run(inputs: readonly BoundInput[], outputs: readonly WantedOutput[], signal?: AbortSignal): Promise<BackendOutput[]>;
  runSync(inputs: readonly BoundInput[], outputs: readonly WantedOutput[]): BackendOutput[];
  residency(scan: boolean, key: SecretHandle | undefined): Promise<SessionResidency>;
  release(): Promise<void>;
}
