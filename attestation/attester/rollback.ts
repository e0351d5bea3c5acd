/**
 * After the first good load (design decision 11): brings the counter to where older versions can no longer be unsealed, and, where
 * the terms say so, read-locks it, so that nothing can unseal again before the TPM is reset (design decision 12).
 */
import { TpmError } from '../../src/errors.js';
import { createPinnedStorageKey, pinnedCounter, readCounterPublic } from './device_keys.js';
import type { Grant } from './grant.js';
import type { DevicePins } from './pins.js';
import type { Session, Tpm } from './tpm.js';

const COUNTER_BYTES = 8;
/** NV memory wears: no honest verifier is this many generations ahead of a device. */
const MAX_INCREMENTS = 4096n;

export interface CounterReport {
  /** Undefined when the counter was read-locked already. */
  value: bigint | undefined;
  increments: number;
  readLocked: boolean;
}

/** Repeatable: a second load of the same version changes nothing. The session shows that the enrolled TPM has answered. */
export async function settleCounter(tpm: Tpm, pins: DevicePins, terms: Grant): Promise<CounterReport> {
  const session = await tpm.withObject(createPinnedStorageKey(tpm, pins), (storageKey) =>
    tpm.startHmacSession({ tpmKey: { handle: storageKey.handle, name: pins.storageKey.name } }),
  );
  try {
    return await settle(tpm, pins, terms, session);
  } finally {
    await session.flush();
  }
}

async function settle(tpm: Tpm, pins: DevicePins, terms: Grant, auth: Session): Promise<CounterReport> {
  const nvIndex = pinnedCounter(pins);
  const { advanceTo } = terms.counter;
  // Asked first: a read-locked index has another Name, and a session's HMAC over the pinned one would only fail. The answer is not
  // authenticated, so the lock is proven: TPM2_NV_ReadLock of a locked index succeeds, and its HMAC covers the Name, READLOCKED
  // included. Otherwise whoever sits on the bus could keep the counter from advancing by one bit.
  const area = await readCounterPublic(tpm, pins.counter.nvIndex);
  if (area?.readLocked) {
    await tpm.nvReadLock({ nvIndex: { handle: pins.counter.nvIndex, name: area.name } }, { auth });
    return { value: undefined, increments: 0, readLocked: true };
  }
  let value = await readCounter(tpm, pins, auth);
  if (advanceTo - value > MAX_INCREMENTS)
    throw new TpmError(
      'ERR_TPM_RESPONSE',
      `counter: expected at most ${MAX_INCREMENTS} steps to go, got ${advanceTo - value}`,
    );
  let increments = 0;
  for (; value < advanceTo; value++) {
    await tpm.nvIncrement({ nvIndex }, { auth });
    increments++;
  }
  if (increments > 0) value = await readCounter(tpm, pins, auth);
  if (value < advanceTo)
    throw new TpmError('ERR_TPM_RESPONSE', `counter: expected ${advanceTo} after incrementing, got ${value}`);
  if (terms.unsealOncePerBoot) await tpm.nvReadLock({ nvIndex }, { auth });
  return { value, increments, readLocked: terms.unsealOncePerBoot };
}

async function readCounter(tpm: Tpm, pins: DevicePins, auth: Session): Promise<bigint> {
  const data = await tpm.nvRead({ nvIndex: pinnedCounter(pins), size: COUNTER_BYTES }, { auth });
  if (data.length !== COUNTER_BYTES)
    throw new TpmError('ERR_TPM_RESPONSE', `counter: expected ${COUNTER_BYTES} bytes, got ${data.length}`);
  return data.readBigUInt64BE();
}
