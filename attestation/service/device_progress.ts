/** Clock and counter of the Evidence last accepted, as the store keeps them. */
import type { DeviceProgress } from '../protocol/device_record.js';
import { JsonReader } from '../protocol/json_reader.js';
import type { Appraisal } from '../verifier/appraise.js';
import { clockToJson, readClock } from '../verifier/attestation_result.js';
import type { DeviceRow } from './store/store.js';

export function writeProgress({ claims, counterValue }: Appraisal, device: DeviceRow): unknown {
  // Evidence without the counter (read-locked) does not make its last value forgotten.
  const counter = counterValue ?? readProgress(device).lastCounter;
  return { clock: clockToJson(claims.clock), ...(counter === undefined ? {} : { counter: counter.toString() }) };
}

export function readProgress(device: DeviceRow): DeviceProgress {
  const revoked = device.revokedAt !== null;
  const accepted = device.lastAppraisal?.accepted ?? undefined;
  if (accepted === undefined) return { revoked };
  const json = new JsonReader(accepted, 'accepted', 'usage');
  const counter = json.has('counter') ? { lastCounter: json.u64('counter') } : {};
  return { lastClock: readClock(json.object('clock')), ...counter, revoked };
}
