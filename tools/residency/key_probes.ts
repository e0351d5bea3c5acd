import { createCipheriv, createHmac, hkdfSync } from 'node:crypto';
import { aesRoundKeys } from './aes_key_schedule.js';
import type { Probe } from './probe_search.js';
import { hmacSha256States } from './sha256_states.js';

/**
 * Everything from which a content key, or what it protects, could be rebuilt: the keys, each half of each key, AES round keys, GHASH
 * keys, and the HMAC states of the derivation (docs/SPEC.md "Keys").
 */
export function keyProbes(contentKey: Uint8Array, segmentIds: readonly Uint8Array[], suite = 1): Probe[] {
  const probes = keyMaterial('content key', contentKey);
  const info = Buffer.concat([Buffer.from('sealedge/segment/1'), Buffer.from([suite >> 8, suite & 0xff])]);
  segmentIds.forEach((id, index) => {
    const name = `segment key ${index}`;
    const segmentKey = new Uint8Array(hkdfSync('sha256', contentKey, id, info, 32));
    probes.push(
      ...keyMaterial(name, segmentKey),
      ...roundKeyProbes(name, segmentKey),
      ...ghashProbes(name, segmentKey),
    );
    // HKDF: PRK = HMAC(salt, key), then HMAC(PRK, info): the PRK and the states it leaves behind are as good as the key.
    const prk = createHmac('sha256', id).update(contentKey).digest();
    probes.push(...keyMaterial(`${name} PRK`, prk), ...hmacProbes(`${name} PRK`, prk));
  });
  return unique(probes);
}

/** Both halves and the middle: 16-byte vector registers spill a key in pieces. */
export function keyMaterial(name: string, key: Uint8Array): Probe[] {
  const parts: Probe[] = [];
  for (let at = 0; at + 16 <= key.length; at += 8)
    parts.push({ name: `${name} [${at},${at + 16})`, bytes: key.subarray(at, at + 16) });
  return parts;
}

export function roundKeyProbes(name: string, key: Uint8Array): Probe[] {
  return aesRoundKeys(key).map((bytes, round) => ({ name: `${name} AES round key ${round}`, bytes }));
}

/** H = AES(0^128), as it is, byte-reversed (how carry-less multiplication wants it), and doubled (how libcrypto keeps it). */
function ghashProbes(name: string, key: Uint8Array): Probe[] {
  const h = createCipheriv('aes-256-ecb', key, null).update(Buffer.alloc(16));
  const words = (high: bigint, low: bigint): Buffer => {
    const bytes = Buffer.alloc(16);
    bytes.writeBigUInt64LE(high, 0);
    bytes.writeBigUInt64LE(low, 8);
    return bytes;
  };
  const high = h.readBigUInt64BE(0);
  const low = h.readBigUInt64BE(8);
  const carry = high >> 63n;
  let doubled = (((high << 64n) | low) << 1n) & ((1n << 128n) - 1n);
  if (carry === 1n) doubled ^= (0xc2n << 120n) | 1n;
  const doubledHigh = doubled >> 64n;
  const doubledLow = doubled & 0xffff_ffff_ffff_ffffn;
  return [
    { name: `${name} GHASH key`, bytes: h },
    { name: `${name} GHASH key reversed`, bytes: Buffer.from(h).reverse() },
    { name: `${name} GHASH key, words`, bytes: words(high, low) },
    { name: `${name} GHASH key doubled`, bytes: words(doubledHigh, doubledLow) },
    { name: `${name} GHASH key doubled, reversed`, bytes: words(doubledLow, doubledHigh) },
  ];
}

export function hmacProbes(name: string, key: Uint8Array): Probe[] {
  const { inner, outer } = hmacSha256States(key);
  return [
    { name: `${name} HMAC inner state`, bytes: inner },
    { name: `${name} HMAC outer state`, bytes: outer },
    ...keyMaterial(
      `${name} xor ipad`,
      key.map((byte) => byte ^ 0x36),
    ),
    ...keyMaterial(
      `${name} xor opad`,
      key.map((byte) => byte ^ 0x5c),
    ),
  ];
}

/** Round keys 0 and 1 are the key itself: each value keeps its first name. */
export function unique(probes: Probe[]): Probe[] {
  const seen = new Map<string, Probe>();
  for (const probe of probes) {
    const value = Buffer.from(probe.bytes).toString('hex');
    if (!seen.has(value)) seen.set(value, probe);
  }
  return [...seen.values()];
}
