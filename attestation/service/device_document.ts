/** What a device row's document holds: the record of its enrolment and the base its counter is counted from. */
import { InternalError } from '../../src/errors.js';
import type { DeviceRecord } from '../protocol/device_record.js';
import type { DeviceRow } from './store/store.js';

export interface DeviceDocument {
  record: DeviceRecord;
  counterBase: bigint;
}

export function writeDeviceDocument({ record, counterBase }: DeviceDocument): unknown {
  return { record, counterBase: counterBase.toString() };
}

/** @throws InternalError when the row is damaged; the record itself is checked by its readers */
export function readDeviceDocument(row: DeviceRow): DeviceDocument {
  const { record, counterBase } = (row.document ?? {}) as { record?: DeviceRecord; counterBase?: unknown };
  if (record === undefined || typeof counterBase !== 'string' || !/^-?(0|[1-9][0-9]{0,19})$/.test(counterBase))
    throw new InternalError('ERR_INTERNAL', `record of device ${row.deviceId} is damaged`);
  return { record, counterBase: BigInt(counterBase) };
}
