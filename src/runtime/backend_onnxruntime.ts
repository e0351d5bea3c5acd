import type { InferenceSession as OrtSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { UsageError } from '../errors.js';
import type { SessionMemory, TensorData, TensorType, ValueMetadata } from '../types.js';
import type { Backend, BackendOutput, BoundInput } from './backend.js';
import type { WantedOutput } from './bind_fetches.js';

type Ort = typeof import('onnxruntime-node');

/**
 * onnxruntime-node, for plain models whose operators the native engine lacks. Weights are copied into ordinary heap memory
 * and stay readable there after `release()`: that is why a policy has to allow it by name.
 */
export class OnnxruntimeBackend implements Backend {
  readonly inputs: readonly ValueMetadata[];
  readonly outputs: readonly ValueMetadata[];
  readonly #ort: Ort;
  readonly #session: OrtSession;

  private constructor(ort: Ort, session: OrtSession) {
    this.#ort = ort;
    this.#session = session;
    this.inputs = session.inputMetadata.map(valueMetadata);
    this.outputs = session.outputMetadata.map(valueMetadata);
  }

  static async create(model: { path: string } | { bytes: Uint8Array }, threads: number): Promise<OnnxruntimeBackend> {
    const ort = await importOrt();
    const options = threads === 0 ? {} : { intraOpNumThreads: threads };
    const session =
      'path' in model
        ? await ort.InferenceSession.create(model.path, options)
        : await ort.InferenceSession.create(model.bytes, options);
    return new OnnxruntimeBackend(ort, session);
  }

  memory(): SessionMemory {
    return { level: 'ordinary', constantBytes: 0, secretBytes: 0, arenaBytes: 0, peakArenaBytes: 0 };
  }

  /** onnxruntime-node cannot be stopped half way: `signal` is looked at when it is done. */
  async run(
    inputs: readonly BoundInput[],
    outputs: readonly WantedOutput[],
    signal?: AbortSignal,
  ): Promise<BackendOutput[]> {
    const feeds: Record<string, OrtTensor> = {};
    for (const input of inputs) {
      feeds[input.name] = new this.#ort.Tensor(input.type as 'float32', input.data as Float32Array, input.dims);
    }
    const results = await this.#session.run(
      feeds,
      outputs.map(({ name }) => name),
    );
    signal?.throwIfAborted();
    return outputs.map(({ name }) => {
      const tensor = results[name] as OrtTensor;
      return { name, type: tensor.type as TensorType, dims: tensor.dims, data: tensor.data as TensorData };
    });
  }

  runSync(): BackendOutput[] {
    throw new UsageError('ERR_OPTION_INVALID', 'runSync: the onnxruntime backend has only run');
  }

  async residency(): Promise<never> {
    throw new UsageError('ERR_OPTION_INVALID', 'residency: only the native backend knows where weights are');
  }

  release(): Promise<void> {
    return this.#session.release();
  }
}

/** The package reports its use to its maker, and leaves files of that in /tmp, unless told not to before it loads. */
async function importOrt(): Promise<Ort> {
  process.env.ORT_DISABLE_TELEMETRY ??= '1';
  try {
    return await import('onnxruntime-node');
  } catch (cause) {
    throw new UsageError('ERR_OPTION_INVALID', 'backend onnxruntime: the package onnxruntime-node is not installed', {
      cause,
      fields: { option: 'backend' },
    });
  }
}

function valueMetadata(value: OrtSession['inputMetadata'][number]): ValueMetadata {
  if (!value.isTensor) throw new UsageError('ERR_OPTION_INVALID', `${value.name}: only tensors are supported`);
  return { name: value.name, isTensor: true, type: value.type as TensorType, shape: [...value.shape] };
}
