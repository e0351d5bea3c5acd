/**
 * The device's own keys and counter in its TPM. All are primaries made from fixed templates: the same seed gives the same key, so
 * nothing has to be kept, and a cut enrolment leaves nothing to clean up.
 */
import { akTemplate, nvName, srkTemplate, TPM_RH } from 'node-tpm2-tss';
import { TpmError, UsageError } from '../../src/errors.js';
import {
  TPM_ALG_SHA256,
  TPMA_NV_AUTHREAD,
  TPMA_NV_AUTHWRITE,
  TPMA_NV_NO_DA,
  TPMA_NV_READ_STCLEAR,
  TPMA_NV_READLOCKED,
  TPMA_NV_TPM_NT_COUNTER,
  TPMA_NV_WRITTEN,
} from '../tpm/constants.js';
import { computeNvName, parseTpmsNvPublic } from '../tpm/tpms_nv_public.js';
import type { DevicePins, PrimaryKeyType } from './pins.js';
import { type CreatedPrimary, type NamedHandle, type Tpm, tpmRefusal } from './tpm.js';

export const DEFAULT_COUNTER_INDEX = 0x01805ea1;
const COUNTER_BYTES = 8;
const COUNTER_ATTRIBUTES =
  (TPMA_NV_AUTHWRITE | TPMA_NV_TPM_NT_COUNTER | TPMA_NV_AUTHREAD | TPMA_NV_NO_DA | TPMA_NV_READ_STCLEAR) >>> 0;

/** In the endorsement hierarchy, whose keys see resetCount as it is and survive TPM2_Clear. */
export function createAk(tpm: Tpm, type: PrimaryKeyType): Promise<CreatedPrimary> {
  return tpm.createPrimary({ primaryHandle: TPM_RH.ENDORSEMENT, inPublic: akTemplate(type) });
}

/** In the owner hierarchy, so that TPM2_Clear destroys what was released to it (design decision 9). */
export function createStorageKey(tpm: Tpm, type: PrimaryKeyType): Promise<CreatedPrimary> {
  return tpm.createPrimary({ primaryHandle: TPM_RH.OWNER, inPublic: srkTemplate(type) });
}

/** [D1]: refuses to go on with a TPM that is not the one enrolled, or that was cleared since. */
export async function createPinnedAk(tpm: Tpm, pins: DevicePins): Promise<CreatedPrimary> {
  return pinned(tpm, await createAk(tpm, pins.ak.type), pins.ak.name, 'attestation key');
}

export async function createPinnedStorageKey(tpm: Tpm, pins: DevicePins): Promise<CreatedPrimary> {
  return pinned(tpm, await createStorageKey(tpm, pins.storageKey.type), pins.storageKey.name, 'storage key');
}

async function pinned(tpm: Tpm, key: CreatedPrimary, name: Buffer, what: string): Promise<CreatedPrimary> {
  if (name.equals(key.name)) return key;
  await tpm.flushObject(key);
  throw new TpmError(
    'ERR_TPM_SESSION',
    `Name of the ${what}: expected ${name.toString('hex')}, got ${Buffer.from(key.name).toString('hex')}`,
    { fields: { what, hint: 'this is another TPM, or it was cleared: enrol again with sealedge device init --again' } },
  );
}

export interface CounterState {
  /** TPMS_NV_PUBLIC. */
  nvPublic: Buffer;
  name: Buffer;
  readLocked: boolean;
}

/**
 * Defines the counter where it is not there yet, and writes it once: an unwritten counter has no value. An index with other
 * attributes is somebody else's and is left alone. May be repeated after being cut anywhere.
 */
export async function defineCounter(tpm: Tpm, nvIndex: number): Promise<CounterState> {
  let found = await readCounterPublic(tpm, nvIndex);
  if (found === undefined) {
    await tpm.nvDefineSpace({ publicInfo: { nvIndex, attributes: COUNTER_ATTRIBUTES, dataSize: COUNTER_BYTES } });
    found = await readCounterPublic(tpm, nvIndex);
  }
  if (found !== undefined && (parseTpmsNvPublic(found.nvPublic).attributes & TPMA_NV_WRITTEN) === 0) {
    await tpm.nvIncrement({ nvIndex: { handle: nvIndex, name: found.name } });
    found = await readCounterPublic(tpm, nvIndex);
  }
  if (found === undefined) throw new TpmError('ERR_TPM_RESPONSE', `NV index ${hex(nvIndex)} vanished`);
  return found;
}

/** Undefined when there is no such index. @throws UsageError when it is not a counter of ours. */
export async function readCounterPublic(tpm: Tpm, nvIndex: number): Promise<CounterState | undefined> {
  let nvPublic: Buffer;
  try {
    ({ nvPublic } = await tpm.nvReadPublic({ nvIndex }));
  } catch (error) {
    if (tpmRefusal(error) === 'TPM_RC_HANDLE') return undefined;
    throw error;
  }
  const area = parseTpmsNvPublic(nvPublic);
  const attributes = (area.attributes & ~(TPMA_NV_WRITTEN | TPMA_NV_READLOCKED)) >>> 0;
  const ours =
    area.nvIndex === nvIndex &&
    area.nameAlg === TPM_ALG_SHA256 &&
    attributes === COUNTER_ATTRIBUTES &&
    area.authPolicy.length === 0 &&
    area.dataSize === COUNTER_BYTES;
  if (!ours)
    throw new UsageError(
      'ERR_OPTION_INVALID',
      `NV index ${hex(nvIndex)}: expected attributes ${hex(COUNTER_ATTRIBUTES)}, got ${hex(attributes)}`,
      { fields: { nvIndex, hint: 'the index is in use: choose another with --counter-index' } },
    );
  return { nvPublic, name: nvName(nvPublic), readLocked: (area.attributes & TPMA_NV_READLOCKED) !== 0 };
}

/** The counter as a handle with its pinned Name, which a redefined index does not have before it is written. */
export function pinnedCounter(pins: DevicePins): NamedHandle {
  return { handle: pins.counter.nvIndex, name: pins.counter.name };
}

/** The Name that our counter at `nvIndex` has once written and while not read-locked: it follows from the index alone. */
export function expectedCounterName(nvIndex: number): Buffer {
  return computeNvName({
    nvIndex,
    nameAlg: TPM_ALG_SHA256,
    attributes: (COUNTER_ATTRIBUTES | TPMA_NV_WRITTEN) >>> 0,
    authPolicy: new Uint8Array(),
    dataSize: COUNTER_BYTES,
  });
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
