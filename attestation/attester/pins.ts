/**
 * What the device pinned at enrolment (PROTOCOL.md [D1] to [D4]): the Names of its own keys and counter, and the keys of the
 * parties it believes. Kept in `device.json`.
 */
import { UsageError } from '../../src/errors.js';
import { DEVICE_ID, FLEET_NAME } from '../protocol/decode.js';
import { JsonReader } from '../protocol/json_reader.js';
import type { StateDirectory } from './state_directory.js';

export type PrimaryKeyType = 'ecc-p256' | 'rsa-2048';
const KEY_TYPES: readonly PrimaryKeyType[] = ['ecc-p256', 'rsa-2048'];

export interface DevicePins {
  /** Base URL of the verifier. */
  verifier: string;
  deviceId: string;
  fleet: string;
  ekName: Buffer;
  ak: { type: PrimaryKeyType; name: Buffer };
  storageKey: { type: PrimaryKeyType; name: Buffer };
  /** Name of the index once written and not read-locked. */
  counter: { nvIndex: number; name: Buffer };
  counterBase: bigint;
  /** TPMT_PUBLIC of K_state and K_lease. */
  stateKey: Buffer;
  leaseKey: Buffer;
  /** SubjectPublicKeyInfo. */
  resultKey: Buffer;
}

const FILE = 'device.json';
const FORMAT = 'sealedge-device/1';
const MAX_NAME_BYTES = 66;
const MAX_KEY_BYTES = 1024;

export async function writePins(directory: StateDirectory, pins: DevicePins): Promise<void> {
  const hex = (bytes: Buffer) => bytes.toString('hex');
  await directory.write(FILE, {
    format: FORMAT,
    verifier: pins.verifier,
    deviceId: pins.deviceId,
    fleet: pins.fleet,
    ekName: hex(pins.ekName),
    ak: { type: pins.ak.type, name: hex(pins.ak.name) },
    storageKey: { type: pins.storageKey.type, name: hex(pins.storageKey.name) },
    counter: { nvIndex: pins.counter.nvIndex, name: hex(pins.counter.name) },
    counterBase: pins.counterBase.toString(),
    stateKey: hex(pins.stateKey),
    leaseKey: hex(pins.leaseKey),
    resultKey: hex(pins.resultKey),
  });
}

/** Undefined when the device is not enrolled; a file that does not parse counts as absent. */
export async function readPins(directory: StateDirectory): Promise<DevicePins | undefined> {
  const value = await directory.read(FILE);
  if (value === undefined) return undefined;
  try {
    return parsePins(value);
  } catch (cause) {
    if (cause instanceof UsageError) return undefined;
    throw cause;
  }
}

export async function requirePins(directory: StateDirectory): Promise<DevicePins> {
  const pins = await readPins(directory);
  if (pins === undefined)
    throw new UsageError('ERR_OPTION_INVALID', `device in ${directory.path} is not enrolled`, {
      fields: { directory: directory.path, hint: 'run sealedge device init' },
    });
  return pins;
}

function parsePins(value: unknown): DevicePins {
  const json = new JsonReader(value, FILE, 'usage');
  json.oneOf('format', [FORMAT]);
  const name = (from: JsonReader, member: string) => from.hex(member, { min: 22, max: MAX_NAME_BYTES });
  const primary = (from: JsonReader) => {
    const key = { type: from.oneOf('type', KEY_TYPES), name: name(from, 'name') };
    from.finish();
    return key;
  };
  const key = (member: string) => json.hex(member, { min: 1, max: MAX_KEY_BYTES });
  const counter = json.object('counter');
  const pins = {
    verifier: json.text('verifier', /^https?:\/\/\S+$/),
    deviceId: json.text('deviceId', DEVICE_ID),
    fleet: json.text('fleet', FLEET_NAME),
    ekName: name(json, 'ekName'),
    ak: primary(json.object('ak')),
    storageKey: primary(json.object('storageKey')),
    counter: { nvIndex: counter.integer('nvIndex', 0x01800000, 0x01bfffff), name: name(counter, 'name') },
    counterBase: json.u64('counterBase'),
    stateKey: key('stateKey'),
    leaseKey: key('leaseKey'),
    resultKey: key('resultKey'),
  };
  counter.finish();
  json.finish();
  return pins;
}
