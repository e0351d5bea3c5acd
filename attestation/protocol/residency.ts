/**
 * What a device says of its own memory: where the weights of a loaded model are, and what a search for them elsewhere found. A quote
 * that goes with it has it in its qualifying data, so it was made by whoever used the TPM in the quoted state, for this exchange.
 * PROTOCOL.md "EvidenceMessage", [V11].
 */
import { createHash } from 'node:crypto';
import type { JsonReader } from './json_reader.js';

export const RESIDENCY_LEVELS = ['secretmem', 'locked', 'ordinary'] as const;

/** In wire form. Sizes in bytes. */
export interface ResidencyStatement {
  /** Of the sealed model. */
  keyId: string;
  level: (typeof RESIDENCY_LEVELS)[number];
  weightBytes: number;
  secretBytes: number;
  /** Strings looked for, memory read, strings found outside secret memory, and whether the planted one was found. */
  probes: number;
  bytesRead: number;
  hitCount: number;
  controlFound: boolean;
}

const DOMAIN = 'sealedge/residency/1';
const KEY_ID = /^[0-9a-f]{64}$/;

/** @throws EvidenceError `ERR_EVIDENCE_MALFORMED` */
export function readResidency(json: JsonReader): ResidencyStatement {
  const size = (name: string): number => json.integer(name, 0, Number.MAX_SAFE_INTEGER);
  const statement: ResidencyStatement = {
    keyId: json.text('keyId', KEY_ID),
    level: json.oneOf('level', RESIDENCY_LEVELS),
    weightBytes: size('weightBytes'),
    secretBytes: size('secretBytes'),
    probes: size('probes'),
    bytesRead: size('bytesRead'),
    hitCount: size('hitCount'),
    controlFound: json.boolean('controlFound'),
  };
  json.finish();
  return statement;
}

/** H(nonce ‖ "sealedge/residency/1" ‖ key id ‖ u8(level) ‖ u64 each: weights, secret, probes, read, hits ‖ u8(control found)). */
export function residencyQualifyingData(nonce: Uint8Array, statement: ResidencyStatement): Buffer {
  const { weightBytes, secretBytes, probes, bytesRead, hitCount } = statement;
  const numbers = Buffer.alloc(5 * 8);
  [weightBytes, secretBytes, probes, bytesRead, hitCount].forEach((value, i) => {
    numbers.writeBigUInt64BE(BigInt(value), 8 * i);
  });
  return createHash('sha256')
    .update(nonce)
    .update(DOMAIN)
    .update(Buffer.from(statement.keyId, 'hex'))
    .update(Uint8Array.of(RESIDENCY_LEVELS.indexOf(statement.level)))
    .update(numbers)
    .update(Uint8Array.of(statement.controlFound ? 1 : 0))
    .digest();
}

/** Everything is in secret memory, nothing was found elsewhere, and the search would have found it. */
export function isResident(statement: ResidencyStatement): boolean {
  const { level, weightBytes, secretBytes, probes, hitCount, controlFound } = statement;
  return level !== 'ordinary' && secretBytes === weightBytes && probes > 0 && hitCount === 0 && controlFound;
}
