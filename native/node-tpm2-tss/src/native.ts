/** Loads the addon and types what it exports. Only tpm.ts and session.ts call it. */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from './errors.js';

/** One authorization: an empty or cleartext password, or a session with the authValue of what it authorizes. */
export interface NativeAuthorization {
  session?: bigint;
  authValue?: Uint8Array | object;
}

/** A handle with the Name that the caller expects, or any number. */
export interface NativeHandle {
  handle: number;
  name?: Uint8Array;
  /** Native session id: the handle of a session is looked up natively, so that a lost one is never confused with a new one. */
  session?: bigint;
}

export interface NativeRequest {
  command: string;
  handles: readonly NativeHandle[];
  authorizations: readonly NativeAuthorization[];
  encryption?: bigint;
  parameters: Readonly<Record<string, number | Uint8Array | object | readonly Uint8Array[]>>;
}

interface NativeSessionRequest {
  sessionType: number;
  authHash: number;
  parameterEncryption: boolean;
  tpmKey?: NativeHandle;
  bind?: NativeHandle;
  bindAuthValue?: Uint8Array | object;
}

export interface NativeContext {
  execute(request: NativeRequest): Promise<Record<string, unknown>>;
  startSession(request: NativeSessionRequest): Promise<{ session: bigint; sessionHandle: number }>;
  flushSession(session: bigint): Promise<void>;
  flushObject(object: NativeHandle): Promise<void>;
  close(): Promise<void>;
}

/** What secret memory this addon has: see {@link secretMemoryReport}. */
export interface SecretMemoryReport {
  level: 'secretmem' | 'locked' | 'refused';
  /** Why not a higher level; empty at `secretmem`. */
  reason: string;
  mappedBytes: number;
  /** RLIMIT_MEMLOCK; null when there is no limit. */
  limitBytes: number | null;
  regions: { begin: bigint; sizeBytes: number; purpose: string }[];
}

interface Native {
  open(options: { tcti: string; commandTimeoutMs: number; retryTimeoutMs: number }): Promise<NativeContext>;
  secretMemoryReport(): SecretMemoryReport;
  /** Ends the threads of this environment: what contexts still have loaded is flushed. */
  shutDown(): void;
}

function addonPath(): string {
  const here = fileURLToPath(new URL('..', import.meta.url));
  const override = process.env.SEALEDGE_NATIVE_BUILD;
  const candidates = [
    ...(override ? [join(override, 'node-tpm2-tss', 'tpm2_tss.node')] : []),
    join(here, 'build', 'tpm2_tss.node'),
    join(here, '..', 'build', 'release', 'node-tpm2-tss', 'tpm2_tss.node'),
  ];
  const found = (override ? candidates.slice(0, 1) : candidates).find((path) => existsSync(path));
  if (found) return found;
  throw new UsageError('ERR_NATIVE_MISSING', `the native addon is not built: looked for ${candidates.join(', ')}`);
}

let loaded: Native | undefined;

/** The addon, loaded at first use. */
export function native(): Native {
  if (!loaded) {
    const addon = createRequire(import.meta.url)(addonPath()) as Native;
    process.once('exit', () => addon.shutDown());
    loaded = addon;
  }
  return loaded;
}

/** Where secrets of this addon live: for operators and for tests that scan the process. */
export function secretMemoryReport(): SecretMemoryReport {
  return native().secretMemoryReport();
}
