/** Public types that are not classes. */

import type { Tensor } from './runtime/tensor.js';

/** Element types, named as in onnxruntime-common. */
export type TensorType =
  | 'float32'
  | 'uint8'
  | 'int8'
  | 'uint16'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'string'
  | 'bool'
  | 'float16'
  | 'float64'
  | 'uint32'
  | 'uint64';

/**
 * A secret in native memory: it may be held and passed on, never read. Made by node-tpm2-tss's `unseal`, or by
 * {@link secretFromBytes} from bytes that were in JavaScript already.
 */
export interface SecretHandle {
  readonly byteLength: number;
  readonly closed: boolean;
  /** Drops this reference; repeatable. The memory is wiped with the last reference, which a session being made may hold. */
  close(): void;
}

/**
 * `secretmem`: memfd_secret, unreadable even to root through /proc; `locked`: mlock, never swapped or dumped;
 * `ordinary`: no promise is made (plain models, and every model on onnxruntime).
 */
export type SessionMemoryLevel = 'secretmem' | 'locked' | 'ordinary';

export interface SessionMemory {
  readonly level: SessionMemoryLevel;
  /** Weights and constants held, in bytes. 0 when the backend does not say. */
  readonly constantBytes: number;
  /** Of these, in secret memory: all of them for a sealed model on the native backend, else 0. */
  readonly secretBytes: number;
  /** Activations of one run, as planned for the input shapes used last. */
  readonly arenaBytes: number;
  /** Most that activations took at once so far: of concurrent runs, of other input shapes, and of what loops stack up. */
  readonly peakArenaBytes: number;
}

/** One way in which weights lie in memory: `row-major`, or a packed layout of docs/SPEC.md. */
export interface WeightForm {
  readonly form: string;
  readonly tensors: number;
  readonly bytes: number;
}

export interface ResidencyHit {
  /** Which weight, in which form, at which byte; or which part of the key. */
  readonly probe: string;
  readonly address: bigint;
  /** A file, `[heap]`, `[stack]`, or `anonymous` with its permissions. */
  readonly mapping: string;
}

/**
 * What a search of this process's own memory found: all of it that can be read, but for the registered secret regions. Other
 * threads go on meanwhile and registers are not seen; `tools/residency` scans a stopped process from outside, as root.
 */
export interface ResidencyScan {
  /** Strings of 16 bytes that were looked for. */
  readonly probes: number;
  readonly mappings: number;
  readonly bytesRead: number;
  /** Not given out by the kernel: secret memory at level `secretmem`, and mappings without permission to read. */
  readonly unreadableBytes: number;
  readonly hitCount: number;
  /** The first of each probe, at most 1,024. */
  readonly hits: readonly ResidencyHit[];
  /** A random string planted for this scan was found. If not, the scan proves nothing. */
  readonly controlFound: boolean;
}

/** Where the weights of a session are. */
export interface SessionResidency {
  readonly level: SessionMemoryLevel;
  /** Why the level is not higher; empty at `secretmem`. */
  readonly reason: string;
  /** Weights and what was computed from them, in every form held. */
  readonly weightBytes: number;
  /** Of these, in secret memory. */
  readonly secretBytes: number;
  readonly forms: readonly WeightForm[];
  /** Activations of one run, largest plan. */
  readonly arenaBytes: number;
  /** Activations are in secret memory too, because an operator may copy weights into them. */
  readonly arenaIsSecret: boolean;
  readonly scan: ResidencyScan | null;
}

export interface ResidencyOptions {
  /** Look for weights outside secret memory: takes about a second per gigabyte of this process, on a native thread. */
  readonly scan?: boolean;
  /** Look for this key too. */
  readonly key?: SecretHandle;
}

export interface SecretMemoryRegion {
  readonly begin: bigint;
  readonly sizeBytes: number;
  readonly purpose: string;
}

export interface SecretMemoryReport {
  readonly level: 'secretmem' | 'locked' | 'refused';
  /** Why the level is not higher; empty at `secretmem`. */
  readonly reason: string;
  readonly mappedBytes: number;
  /** RLIMIT_MEMLOCK; null when it does not apply to this process. */
  readonly limitBytes: number | null;
  readonly regions: readonly SecretMemoryRegion[];
}

export interface RuntimeInfo {
  /** The instruction set kernels use: `SEALEDGE_ISA` may force a lower one. */
  readonly isa: 'scalar' | 'avx2' | 'avx512' | 'vnni' | 'neon' | 'dotprod';
  readonly features: readonly string[];
  readonly threads: number;
  readonly libcrypto: string;
  /** A build with test hooks gives up secrets on request and is never released. */
  readonly testHooks: boolean;
}

export type BackendName = 'native' | 'onnxruntime';

export interface SessionPolicy {
  /**
   * Backends that may run the model; `native` alone when not given. `onnxruntime` copies weights into ordinary memory
   * and leaves them readable there after `release()`, so it has to be named.
   */
  readonly allowBackends?: readonly BackendName[];
}

/**
 * What a model may ask for. Beyond a bound it is refused with `ERR_LIMIT_EXCEEDED`, before memory is taken for it. A file of a few
 * bytes can declare anything, so set these to what your models need where files come from others.
 */
export interface ModelLimits {
  /** One tensor: an initializer, an input, an output, or anything in between. Default: 4 GiB. */
  readonly maxTensorBytes?: number;
  /** Weights and constants, in every layout they are kept in, and what is computed from them. Default: 16 GiB. */
  readonly maxConstantBytes?: number;
  /**
   * Of these, what is computed from a plain model's weights when it is loaded, and kept. Nothing is refused beyond it: it is computed in
   * every run. Default: 1 GiB, and no more than 64 MiB and four times the weights' own size.
   */
  readonly maxDerivedBytes?: number;
  /** Activations of one run. Default: 4 GiB. */
  readonly maxArenaBytes?: number;
  /** Nodes of all graphs of the file. Default: 1,048,576. */
  readonly maxNodes?: number;
  /** Graphs inside graphs (`If`, `Loop`, `Scan`); 0: none. Default: 16. */
  readonly maxGraphDepth?: number;
}

export interface SessionOptions {
  /** The key payload of a sealed model, as released to this device. With it, the model must be a sealed file. */
  readonly key?: SecretHandle;
  readonly backend?: BackendName;
  readonly policy?: SessionPolicy;
  /** Threads inside operators, at most; default: all that this process may use. */
  readonly intraOpNumThreads?: number;
  /** Of the native backend; not to be given with another. */
  readonly limits?: ModelLimits;
}

export interface RunOptions {
  /** Ends the run before its next operator, or the next iteration of a loop. */
  readonly signal?: AbortSignal;
}

/** What is known of an input or output before a run: `shape` holds numbers, names of free dimensions, and -1 for unnamed ones. */
export interface ValueMetadata {
  readonly name: string;
  readonly isTensor: true;
  readonly type: TensorType;
  readonly shape: readonly (number | string)[];
}

/** What `ERR_OP_UNSUPPORTED` lists in `fields.operators`, once for every kind of node the engine lacks. */
export interface UnsupportedOperator {
  readonly opType: string;
  readonly domain: string;
  readonly opsetVersion: number;
  /** Name of the first such node. */
  readonly node: string;
  /** What about it is not supported; empty: the operator as such. */
  readonly reason: string;
  readonly count: number;
}

export type Feeds = Readonly<Record<string, TensorLike>>;
export type Fetches = readonly string[] | Readonly<Record<string, Tensor | null>>;
export type Results = Record<string, Tensor>;

export type TensorData =
  | Float32Array
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float64Array
  | Uint32Array
  | BigUint64Array
  | readonly string[];

/** Anything shaped like a tensor, so that tensors of onnxruntime-common can be fed as they are. */
export interface TensorLike {
  readonly type: string;
  readonly data: unknown;
  readonly dims: readonly number[];
}
