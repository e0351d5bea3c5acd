/**
 * What the verifier knows about an enrolled device. The stored form is JSON, so that a row of any database can hold it;
 * {@link readDeviceRecord} turns it into what appraisal and release work with.
 */
import { DEVICE_ID, FLEET_NAME } from './decode.js';
import { JsonReader } from './json_reader.js';
import type { Base64url, DecimalU64, DeviceId } from './messages.js';

export interface DeviceRecord {
  format: 'sealedge-device/1';
  deviceId: DeviceId;
  fleet: string;
  /** TPMT_PUBLIC. */
  ekPublic: Base64url;
  akPublic: Base64url;
  akName: Base64url;
  storageKeyPublic: Base64url;
  storageKeyName: Base64url;
  /** TPMS_NV_PUBLIC. */
  counterPublic: Base64url;
  counterName: Base64url;
  /** As certified at enrolment. */
  counterValue: DecimalU64;
  /** Subjects of the EK certificate's chain. */
  ekChain: string[];
}

interface ClockValues {
  clock: bigint;
  resetCount: number;
  restartCount: number;
  safe: boolean;
}

export interface Endorsements {
  deviceId: DeviceId;
  fleet: string;
  akPublic: Buffer;
  akName: Buffer;
  storageKeyPublic: Buffer;
  storageKeyName: Buffer;
  counterPublic: Buffer;
  counterName: Buffer;
  /** Of the last accepted Evidence. */
  lastClock?: ClockValues;
  lastCounter?: bigint;
  revoked?: boolean;
}

const AREA = { min: 1, max: 4096 };
const NAME = { min: 34, max: 34 };

/** What changes after enrolment is kept by the store and passed in. */
export interface DeviceProgress {
  lastClock?: ClockValues;
  lastCounter?: bigint;
  revoked?: boolean;
}

/** @throws UsageError when the record is not one: the store is damaged. */
export function readDeviceRecord(record: unknown, progress: DeviceProgress = {}): Endorsements {
  const json = new JsonReader(record, 'deviceRecord', 'usage');
  json.oneOf('format', ['sealedge-device/1']);
  json.bytes('ekPublic', AREA);
  const enrolledCounter = json.u64('counterValue');
  json.list('ekChain', { max: 16 });
  const endorsements = {
    deviceId: json.text('deviceId', DEVICE_ID),
    fleet: json.text('fleet', FLEET_NAME),
    akPublic: json.bytes('akPublic', AREA),
    akName: json.bytes('akName', NAME),
    storageKeyPublic: json.bytes('storageKeyPublic', AREA),
    storageKeyName: json.bytes('storageKeyName', NAME),
    counterPublic: json.bytes('counterPublic', AREA),
    counterName: json.bytes('counterName', NAME),
    lastCounter: progress.lastCounter ?? enrolledCounter,
    ...(progress.lastClock === undefined ? {} : { lastClock: progress.lastClock }),
    ...(progress.revoked === undefined ? {} : { revoked: progress.revoked }),
  };
  json.finish();
  return endorsements;
}
