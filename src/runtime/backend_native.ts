import { InternalError, ModelError } from '../errors.js';
import {
  closeInspectorSignal,
  type NativeInput,
  type NativeOutput,
  type NativeSession,
  type NativeValueMetadata,
  native,
} from '../native.js';
import type { SecretHandle, SessionMemory, SessionResidency, ValueMetadata } from '../types.js';
import type { Backend, BackendOutput, BoundInput } from './backend.js';
import { arrayOfCode, dataTypeOf, tensorTypeOfCode } from './data_types.js';

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
  ): Promise<NativeBackend> {
    if (key !== undefined) closeInspectorSignal();
    return new NativeBackend(await native().createSession(model, key, threads));
  }

  memory(): SessionMemory {
    const { level, constantBytes, secretBytes, arenaBytes } = native().sessionReport(this.#session);
    return { level, constantBytes, secretBytes, arenaBytes };
  }

  async run(inputs: readonly BoundInput[], outputs: readonly string[]): Promise<BackendOutput[]> {
    const computed = await native().runSession(this.#session, inputs.map(nativeInput), this.#indices(outputs));
    return computed.map((output, i) => backendOutput(outputs[i] ?? '', output));
  }

  runSync(inputs: readonly BoundInput[], outputs: readonly string[]): BackendOutput[] {
    const computed = native().runSessionSync(this.#session, inputs.map(nativeInput), this.#indices(outputs));
    return computed.map((output, i) => backendOutput(outputs[i] ?? '', output));
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

  #indices(outputs: readonly string[]): number[] {
    return outputs.map((name) => this.#outputIndex.get(name) ?? -1);
  }
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

function backendOutput(name: string, output: NativeOutput): BackendOutput {
  const type = tensorTypeOfCode(output.type);
  const data = arrayOfCode(output.type, output.data);
  if (type === undefined || data === undefined) {
    throw new InternalError('ERR_INTERNAL', `output ${name}: element type ${output.type} has no array`);
  }
  return { name, type, dims: output.dims, data };
}
