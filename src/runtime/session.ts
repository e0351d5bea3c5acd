import { ModelError, UsageError } from '../errors.js';
import type {
  Feeds,
  Fetches,
  ResidencyOptions,
  Results,
  RunOptions,
  SessionMemory,
  SessionOptions,
  SessionResidency,
  ValueMetadata,
} from '../types.js';
import type { Backend, BackendOutput } from './backend.js';
import { NativeBackend } from './backend_native.js';
import { OnnxruntimeBackend } from './backend_onnxruntime.js';
import { bindFeeds } from './bind_feeds.js';
import { bindFetches, hasForm, misfit, type WantedOutput } from './bind_fetches.js';
import { looksSealed, modelSource } from './model_source.js';
import { checkedSignal, checkOptions, sealedElsewhere } from './session_options.js';
import { Tensor } from './tensor.js';

/**
 * A loaded model, shaped like `InferenceSession` of onnxruntime-common.
 *
 * ```ts
 * const session = await InferenceSession.create('motor.sealed', { key });
 * const { probabilities } = await session.run({ vibration: new Tensor('float32', samples, [1, 1, 2048]) });
 * await session.release();
 * ```
 */
export class InferenceSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputMetadata: readonly ValueMetadata[];
  readonly outputMetadata: readonly ValueMetadata[];
  readonly #backend: Backend;
  #released: Promise<void> | undefined;

  private constructor(backend: Backend) {
    this.#backend = backend;
    this.inputMetadata = backend.inputs;
    this.outputMetadata = backend.outputs;
    this.inputNames = backend.inputs.map((input) => input.name);
    this.outputNames = backend.outputs.map((output) => output.name);
  }

  /**
   * Loads a model from a path or from bytes; with `options.key`, a sealed one.
   * @throws ContainerError the sealed file is altered, cut or not for this version
   * @throws KeyError the key is for another model, publisher or version; or the model is sealed and there is none
   * @throws ModelError `ERR_OP_UNSUPPORTED` with every operator the engine lacks in `fields.operators`;
   * `ERR_LIMIT_EXCEEDED` it asks for more than `options.limits`
   * @throws MemoryError there is not enough secret memory
   */
  static async create(
    model: string | Uint8Array | ArrayBufferLike,
    options: SessionOptions = {},
  ): Promise<InferenceSession> {
    const { key, backend, threads, limits } = checkOptions(options);
    const source = modelSource(model);
    if (backend !== 'native' && (await looksSealed(source))) throw sealedElsewhere(backend);
    return new InferenceSession(
      backend === 'native'
        ? await NativeBackend.create(source, key, threads, limits)
        : await OnnxruntimeBackend.create(source, threads),
    );
  }

  /** Where weights are. `ordinary` unless the model is sealed and runs on the native backend. */
  get memory(): SessionMemory {
    this.#assertOpen();
    return this.#backend.memory();
  }

  /**
   * Computes on native threads; the event loop goes on meanwhile, and several runs may be under way. Inputs are copied before this
   * returns, so that their arrays may be used again at once. What lately took less than 150 us is computed before this returns.
   * @param fetches - names of the outputs wanted, or an object with a tensor to fill, or null, per name; all when not given. Large
   * results into the same tensors, run after run, spare the garbage collector full collections, which do hold up the event loop.
   * @param options - `signal`: when it is aborted, the run ends before its next operator and rejects with the signal's reason
   */
  async run(feeds: Feeds, fetches?: Fetches, options: RunOptions = {}): Promise<Results> {
    this.#assertOpen();
    const signal = checkedSignal(options);
    signal?.throwIfAborted();
    const wanted = bindFetches(this.outputMetadata, fetches);
    return results(await this.#backend.run(bindFeeds(this.inputMetadata, feeds), wanted, signal), wanted);
  }

  /**
   * Computes on this thread: for models that are done sooner than a thread could be woken. Inputs are read where they lie, and
   * tensors of `fetches` filled in place when the output's dimensions are fixed.
   */
  runSync(feeds: Feeds, fetches?: Fetches): Results {
    this.#assertOpen();
    const wanted = bindFetches(this.outputMetadata, fetches);
    return results(this.#backend.runSync(bindFeeds(this.inputMetadata, feeds), wanted), wanted);
  }

  /** Where the weights are; with `scan`, also whether any can be found elsewhere in this process. */
  async residency(options: ResidencyOptions = {}): Promise<SessionResidency> {
    this.#assertOpen();
    return this.#backend.residency(options.scan === true, options.key);
  }

  /** Wipes and frees the model, after the runs under way have ended; later runs are refused. Repeatable. */
  release(): Promise<void> {
    this.#released ??= this.#backend.release();
    return this.#released;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  #assertOpen(): void {
    if (this.#released !== undefined) throw new UsageError('ERR_MODEL_CLOSED', 'the session was released');
  }
}

function results(outputs: readonly BackendOutput[], wanted: readonly WantedOutput[]): Results {
  return Object.fromEntries(outputs.map((output, i) => [output.name, filled(output, wanted[i]?.target ?? null)]));
}

function filled(output: BackendOutput, target: Tensor | null): Tensor {
  if (target === null) return new Tensor(output.type, output.data ?? [], output.dims);
  if (!hasForm(target, output)) throw misfit(output.name, output.type, output.dims, target);
  if (output.data === null) return target;
  if (target.data.length !== output.data.length) {
    const message = `output ${output.name}: the buffer of the tensor to be filled was transferred or shrunk during the run`;
    throw new ModelError('ERR_INPUT_INVALID', message, { fields: { output: output.name } });
  }
  (target.data as Uint8Array).set(output.data as Uint8Array);
  return target;
}
