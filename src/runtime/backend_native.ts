import { InternalError, ModelError } from '../errors.js';
import {
  closeInspectorSignal,
  type NativeCancellation,
  type NativeInput,
  type NativeOutput,
  type NativeSession,
  type NativeValueMetadata,
  native,
} from '../native.js';
import type { ModelLimits, SecretHandle, SessionMemory, SessionResidency, ValueMetadata } from '../types.js';
import type { Backend, BackendOutput, BoundInput } from './backend.js';
import { hasForm, type WantedOutput } from './bind_fetches.js';
import { arrayOfCode, dataTypeOf, type NumericArray, tensorTypeOfCode } from './data_types.js';
import type { Tensor } from './tensor.js';

/** The engine of this package: the only backend that keeps weights in secret memory. */
export class NativeBackend implements Backend {
  readonly inputs: readonly ValueMetadata[];
  readonly outputs: readonly ValueMetadata[];
  readonly #session: NativeSession;
  readonly #outputIndex: ReadonlyMap<string, number>;

  private constructor(session: NativeSession) {
    const metadata = native().sessionMetadata(session);
    this.#session = session;
    this.inputs = metadata.inputs.map(valueMetadata);
    this.outputs = metadata.outputs.map(valueMetadata);
    this.#outputIndex = new Map(metadata.outputs.map((output, index) => [output.name, index]));
  }

  static async create(
    model: { path: string } | { bytes: Uint8Array },
    key: SecretHandle | undefined,
    threads: number,
    limits: ModelLimits,
  ): Promise<NativeBackend> {
    if (key !== undefined) closeInspectorSignal();
    return new NativeBackend(await native().createSession(model, key, threads, limits));
  }

  memory(): SessionMemory {
    const { level, constantBytes, secretBytes, arenaBytes, peakArenaBytes } = native().sessionReport(this.#session);
    return { level, constantBytes, secretBytes, arenaBytes, peakArenaBytes };
  }

  async run(
    inputs: readonly BoundInput[],
    outputs: readonly WantedOutput[],
    signal?: AbortSignal,
  ): Promise<BackendOutput[]> {
    const indices = outputs.map((output) => this.#index(output));
    const run = (cancellation?: NativeCancellation) =>
      native().runSession(this.#session, inputs.map(nativeInput), indices, cancellation);
    const computed = await (signal === undefined ? run() : cancellable(run, signal));
    return backendOutputs(outputs, computed).map((output, i) => intoTarget(output, outputs[i]?.target ?? null));
  }

  runSync(inputs: readonly BoundInput[], outputs: readonly WantedOutput[]): BackendOutput[] {
    const targets = outputs.map((output) => {
      const index = this.#index(output);
      // Of other dimensions we learn only afterwards whether they are those of the target.
      const inPlace = output.target !== null && output.exact && output.target.size > 0;
      return inPlace ? { index, data: output.target.data as ArrayBufferView } : index;
    });
    return backendOutputs(outputs, native().runSessionSync(this.#session, inputs.map(nativeInput), targets));
  }

  async residency(scan: boolean, key: SecretHandle | undefined): Promise<SessionResidency> {
    const { level } = this.memory();
    const report = await native().sessionResidency(this.#session, scan, key);
    const reason = level === 'ordinary' ? 'the model is not sealed' : native().secretMemoryReport().reason;
    return { level, reason, ...report };
  }

  release(): Promise<void> {
    return native().releaseSession(this.#session);
  }

  #index({ name }: WantedOutput): number {
    return this.#outputIndex.get(name) ?? -1;
  }
}

async function cancellable(
  run: (cancellation: NativeCancellation) => Promise<NativeOutput[]>,
  signal: AbortSignal,
): Promise<NativeOutput[]> {
  const cancellation = native().createCancellation();
  const cancel = () => native().cancel(cancellation);
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await run(cancellation);
  } catch (error) {
    if (error instanceof ModelError && error.code === 'ERR_ABORTED') throw signal.reason;
    throw error;
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

/** A target of another size stays as it was: the session says what does not fit. */
function intoTarget(output: BackendOutput, target: Tensor | null): BackendOutput {
  if (output.data === null || target === null || !hasForm(target, output)) return output;
  const from = output.data as NumericArray;
  const to = target.data as NumericArray;
  if (to.byteLength !== from.byteLength || !(to.buffer instanceof ArrayBuffer)) return output;
  native().takeBytes(to, from.buffer as ArrayBuffer);
  return { ...output, data: null };
}

function valueMetadata(native: NativeValueMetadata): ValueMetadata {
  const type = tensorTypeOfCode(native.type);
  if (type === undefined) {
    throw new ModelError('ERR_MODEL_INVALID', `${native.name}: element type ${native.type} has no name`);
  }
  return { name: native.name, isTensor: true, type, shape: Object.freeze(native.shape ?? []) };
}

function nativeInput(input: BoundInput): NativeInput {
  const row = dataTypeOf(input.type);
  if (row === undefined || Array.isArray(input.data)) {
    throw new ModelError('ERR_INPUT_INVALID', `input ${input.name}: the native backend has no ${input.type} tensors`);
  }
  return { name: input.name, type: row.code, dims: input.dims, data: input.data as ArrayBufferView };
}

function backendOutputs(wanted: readonly WantedOutput[], computed: readonly NativeOutput[]): BackendOutput[] {
  return computed.map(({ type: code, dims, data: buffer }, i) => {
    const name = wanted[i]?.name ?? '';
    const type = tensorTypeOfCode(code);
    const data = buffer === null ? null : arrayOfCode(code, buffer);
    if (type === undefined || data === undefined) {
      throw new InternalError('ERR_INTERNAL', `output ${name}: element type ${code} has no array`);
    }
    return { name, type, dims, data };
  });
}
