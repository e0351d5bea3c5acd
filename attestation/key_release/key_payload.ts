/**
 * The 104 bytes that are sealed to a device (PROTOCOL.md "The wrapped key"): the content key and what it may open. For the
 * device this is the trust anchor, so the verifier writes it from its own records only.
 */
import { createHash } from 'node:crypto';
import { UsageError } from '../../src/errors.js';
import { u64 } from '../tpm/byte_writer.js';

const KEY_PAYLOAD_BYTES = 104;

export interface KeyPayload {
  /** 32 bytes. */
  contentKey: Uint8Array;
  /** SHA-256 of the publisher's SubjectPublicKeyInfo. */
  publisher: Uint8Array;
  model: string;
  minimumVersion: bigint;
}

/** Wipe the result. */
export function encodeKeyPayload(payload: KeyPayload): Buffer {
  const { contentKey, publisher, model, minimumVersion } = payload;
  if (contentKey.length !== 32 || publisher.length !== 32) {
    throw new UsageError('ERR_OPTION_INVALID', 'content key and publisher digest must have 32 bytes');
  }
  const out = Buffer.alloc(KEY_PAYLOAD_BYTES);
  out.set(contentKey, 0);
  out.set(publisher, 32);
  out.set(createHash('sha256').update(model).digest(), 64);
  out.set(u64(minimumVersion), 96);
  return out;
}
