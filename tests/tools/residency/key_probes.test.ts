import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { aesRoundKeys } from '../../../tools/residency/aes_key_schedule.js';
import { keyProbes } from '../../../tools/residency/key_probes.js';
import { hmacSha256States } from '../../../tools/residency/sha256_states.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('AES key schedule', () => {
  it('agrees with FIPS 197, appendix A.1', () => {
    const rounds = aesRoundKeys(Buffer.from('2b7e151628aed2a6abf7158809cf4f3c', 'hex'));
    expect(rounds).toHaveLength(11);
    expect(hex(rounds[1] as Uint8Array)).toBe('a0fafe1788542cb123a339392a6c7605');
    expect(hex(rounds[10] as Uint8Array)).toBe('d014f9a8c9ee2589e13f0cc8b6630ca6');
  });

  it('agrees with FIPS 197, appendix A.3', () => {
    const key = Buffer.from('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4', 'hex');
    const rounds = aesRoundKeys(key);
    expect(rounds).toHaveLength(15);
    expect(hex(rounds[0] as Uint8Array)).toBe('603deb1015ca71be2b73aef0857d7781');
    expect(hex(rounds[2] as Uint8Array)).toBe('9ba354118e6925afa51a8b5f2067fcde');
    expect(hex(rounds[14] as Uint8Array)).toBe('fe4890d1e6188d0b046df344706c631e');
  });
});

describe('HMAC-SHA-256 states', () => {
  it('are those from which the MAC continues', () => {
    // SHA-256("abc") has one block, so compressing a padded block from H0 must give the digest: ipad is undone by the key.
    const padded = Buffer.alloc(64);
    padded.write('abc');
    padded[3] = 0x80;
    padded[63] = 24;
    const { inner, outer } = hmacSha256States(padded.map((byte) => byte ^ 0x36));
    expect(hex(littleEndianWords(inner))).toBe(createHash('sha256').update('abc').digest('hex'));
    expect(hex(outer)).not.toBe(hex(inner));
  });
});

function littleEndianWords(state: Uint8Array): Uint8Array {
  return Buffer.from(state).swap32();
}

describe('keyProbes', () => {
  const key = Buffer.alloc(32, 7).map((byte, i) => byte + 11 * i);
  const id = Buffer.alloc(32, 9);

  it('covers content key, segment keys, PRK, round keys, GHASH keys and HMAC states, each once', () => {
    const probes = keyProbes(key, [id]);
    const names = probes.map(({ name }) => name);
    expect(names).toContain('content key [0,16)');
    expect(names).toContain('content key [16,32)');
    expect(names).toContain('segment key 0 AES round key 14');
    expect(names).toContain('segment key 0 GHASH key doubled');
    expect(names).toContain('segment key 0 PRK HMAC inner state');
    expect(new Set(probes.map(({ bytes }) => hex(bytes))).size).toBe(probes.length);
  });

  it('derives segment keys as docs/SPEC.md says', () => {
    const prk = createHmac('sha256', id).update(key).digest();
    const info = Buffer.concat([Buffer.from('sealedge/segment/1'), Buffer.from([0, 1, 1])]);
    const expected = createHmac('sha256', prk).update(info).digest();
    const probe = keyProbes(key, [id]).find(({ name }) => name === 'segment key 0 [0,16)');
    expect(hex(probe?.bytes ?? Buffer.alloc(0))).toBe(hex(expected.subarray(0, 16)));
  });
});
