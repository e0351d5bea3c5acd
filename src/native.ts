/**
 * Loads sealedge.node, once, and only when something needs it. Native errors arrive here and leave as the classes of
 * errors.ts.
 */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NativeContainer } from './container/native_container.js';
import {
  AppraisalError,
  ContainerError,
  EvidenceError,
  InternalError,
  KeyError,
  MemoryError,
  ModelError,
  type SealedgeError,
  type SealedgeErrorClass,
  type SealedgeErrorOptions,
  ServiceError,
  TpmError,
  UsageError,
} from './errors.js';
import type {
  ModelLimits,
  RuntimeInfo,
  SecretHandle,
  SecretMemoryReport,
  SessionMemory,
  SessionResidency,
} from './types.js';

/** An opaque session of the addon. */
export type NativeSession = object & { readonly __nativeSession?: never };

export interface NativeInput {
  readonly name: string;
  /** onnx.TensorProto.DataType */
  readonly type: number;
  readonly dims: readonly number[];
  readonly data: ArrayBufferView;
}

/** An output by its index, to be written where `data` is. */
interface NativeTarget {
  readonly index: number;
  readonly data: ArrayBufferView;
}

export interface NativeOutput {
  readonly type: number;
  readonly dims: number[];
  /** null: it was written to its target. */
  readonly data: ArrayBuffer | null;
}

/** A flag for one run. */
export type NativeCancellation = object & { readonly __nativeCancellation?: never };

export interface NativeValueMetadata {
  readonly name: string;
  readonly type: number;
  readonly shape: (number | string)[] | null;
}

interface NativeSessionReport extends SessionMemory {
  readonly isa: string;
  readonly repackedWeights: number;
  readonly nodeCount: number;
  readonly stepCount: number;
}

/** What the engine knows of {@link SessionResidency}; the level is the process's. */
type NativeResidencyReport = Omit<SessionResidency, 'level' | 'reason'>;

export interface NativeAddon extends NativeContainer {
  errorTable(): [errorClass: string, code: string][];
  runtimeInfo(): RuntimeInfo;
  secretMemoryReport(): SecretMemoryReport;
  secretFromBytes(bytes: Uint8Array): SecretHandle;
  ignoreInspectorSignal(): void;

  createSession(
    model: { path: string } | { bytes: Uint8Array },
    key: SecretHandle | undefined,
    threads: number,
    limits: ModelLimits,
  ): Promise<NativeSession>;
  sessionMetadata(session: NativeSession): {
    inputs: NativeValueMetadata[];
    outputs: NativeValueMetadata[];
    sealed: boolean;
  };
  sessionReport(session: NativeSession): NativeSessionReport;
  createCancellation(): NativeCancellation;
  cancel(cancellation: NativeCancellation): void;
  runSession(
    session: NativeSession,
    inputs: NativeInput[],
    outputs: number[],
    cancellation?: NativeCancellation,
  ): Promise<NativeOutput[]>;
  runSessionSync(session: NativeSession, inputs: NativeInput[], outputs: (number | NativeTarget)[]): NativeOutput[];
  /** Copies all of source into target, which has the same size, and detaches source: its memory is free at once. */
  takeBytes(target: ArrayBufferView, source: ArrayBuffer): void;
  sessionResidency(session: NativeSession, scan: boolean, key?: SecretHandle): Promise<NativeResidencyReport>;
  releaseSession(session: NativeSession): Promise<void>;
}

let loaded: NativeAddon | undefined;

/** @throws UsageError `ERR_NATIVE_MISSING` when the addon is not built, or does not load here. */
export function native(): NativeAddon {
  loaded ??= load();
  return loaded;
}

/** Copies bytes that are in ordinary memory already: for publishers and tests. On a device the key comes from the TPM. */
export function secretFromBytes(bytes: Uint8Array): SecretHandle {
  return native().secretFromBytes(bytes);
}

/** Which level of secret memory this process got, and every secret mapping of this addon. */
export function secretMemoryReport(): SecretMemoryReport {
  return native().secretMemoryReport();
}

export function runtimeInfo(): RuntimeInfo {
  return native().runtimeInfo();
}

/**
 * Keeps SIGUSR1 from opening Node's debugger onto a process that holds a secret. A listener of the application has
 * replaced the debugger already and is left alone.
 */
export function closeInspectorSignal(): void {
  if (process.listenerCount('SIGUSR1') === 0) native().ignoreInspectorSignal();
}

/** What the addon reads from the environment. It keeps to what it knows; who asked for something else is to hear of it. */
const VARIABLES = {
  SEALEDGE_ISA: ['scalar', 'avx2', 'avx512', 'vnni', 'neon', 'dotprod'],
  SEALEDGE_MEMORY: ['secretmem', 'locked'],
};

function checkVariables(): void {
  for (const [name, known] of Object.entries(VARIABLES)) {
    const value = process.env[name] ?? '';
    if (value !== '' && !known.includes(value))
      throw new UsageError('ERR_OPTION_INVALID', `${name}: expected ${known.join(', ')}, got ${value}`);
  }
}

/** Nothing slower, or faster, than what was asked for runs unsaid. */
function checkInstructionSet(addon: NativeAddon): NativeAddon {
  const asked = process.env.SEALEDGE_ISA ?? '';
  const { isa } = addon.runtimeInfo();
  if (asked === '' || asked === isa) return addon;
  throw new UsageError(
    'ERR_OPTION_INVALID',
    `SEALEDGE_ISA: this processor, or this build, has no ${asked}; it has ${isa}`,
  );
}

function load(): NativeAddon {
  checkVariables();
  const file = addonPath();
  if (!existsSync(file)) {
    throw new UsageError('ERR_NATIVE_MISSING', `the native addon is not at ${file}: run \`npm run build\``, {
      fields: { path: file },
    });
  }
  let addon: NativeAddon;
  try {
    addon = translating(createRequire(import.meta.url)(file));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(
      'ERR_NATIVE_MISSING',
      `the native addon ${file} does not load here (${reason}): run \`npm run build\` on this machine`,
      { cause, fields: { path: file } },
    );
  }
  return checkInstructionSet(addon);
}

function addonPath(): string {
  const build = process.env.SEALEDGE_NATIVE_BUILD;
  if (build !== undefined && build !== '') return join(build, 'sealedge.node');
  // This file is src/native.ts, or dist/src/native.js once built.
  const here = dirname(fileURLToPath(import.meta.url));
  const root = here.endsWith(join('dist', 'src')) ? join(here, '..', '..') : join(here, '..');
  return join(root, 'native', 'build', 'release', 'sealedge.node');
}

type AnyFunction = (...args: unknown[]) => unknown;

function translating(addon: Record<string, AnyFunction>): NativeAddon {
  const entries = Object.entries(addon).map(([name, call]) => [name, (...args: unknown[]) => translate(call, args)]);
  return Object.fromEntries(entries) as NativeAddon;
}

function translate(call: AnyFunction, args: unknown[]): unknown {
  try {
    const result = call(...args);
    if (!(result instanceof Promise)) return result;
    return result.catch((error: unknown) => {
      throw toSealedgeError(error);
    });
  } catch (error) {
    throw toSealedgeError(error);
  }
}

interface NativeError extends Error {
  sealedgeClass: SealedgeErrorClass;
  code: string;
  fields: Record<string, unknown>;
}

type AnyErrorClass = new (code: never, message: string, options: SealedgeErrorOptions) => SealedgeError;

const errorClasses: Readonly<Record<SealedgeErrorClass, AnyErrorClass>> = {
  AppraisalError,
  ContainerError,
  EvidenceError,
  InternalError,
  KeyError,
  MemoryError,
  ModelError,
  ServiceError,
  TpmError,
  UsageError,
};

/** Native fields are strings; these hold JSON. `operators`: {@link UnsupportedOperator}[]. */
const jsonFields: ReadonlySet<string> = new Set(['operators']);

function isNativeError(error: unknown): error is NativeError {
  return error instanceof Error && 'sealedgeClass' in error;
}

function toSealedgeError(error: unknown): unknown {
  if (!isNativeError(error)) return error;
  const fields = Object.fromEntries(
    Object.entries(error.fields).map(([name, value]) => [
      name,
      jsonFields.has(name) && typeof value === 'string' ? JSON.parse(value) : value,
    ]),
  );
  return new errorClasses[error.sealedgeClass](error.code as never, error.message, { fields });
}
