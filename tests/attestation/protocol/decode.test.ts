/** Messages: strict JSON, errors that name the member, nothing but ERR_EVIDENCE_MALFORMED. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decodeEnrolProof, decodeEnrolRequest, decodeEvidenceMessage } from '../../../attestation/protocol/decode.js';
import { JsonReader } from '../../../attestation/protocol/json_reader.js';

const signed = { attest: 'AAAA', signature: 'AAAA' };
const evidence = () => ({
  protocol: 1,
  exchangeId: 'A'.repeat(22),
  deviceId: 'ab'.repeat(16),
  quote: { ...signed },
  pcrs: [{ bank: 'sha256', index: 0, value: randomBytes(32).toString('base64url') }],
  storageKey: { public: 'AAAA', ...signed },
  counter: { nvPublic: 'AAAA', ...signed },
  eventLogs: { firmware: 'AAAA' },
});
const enrol = () => ({ protocol: 1, fleet: 'bakery', ekCertificates: ['AAAA'], ekPublic: 'AAAA', akPublic: 'AAAA' });
const proof = () => ({
  protocol: 1,
  credential: Buffer.alloc(32).toString('base64url'),
  storageKey: { public: 'AAAA', ...signed },
  counter: { nvPublic: 'AAAA', ...signed },
});

function set(target: object, path: string, value: unknown): object {
  const copy = structuredClone(target) as Record<string, unknown>;
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  let inner = copy;
  for (const key of keys) inner = inner[key] as Record<string, unknown>;
  if (value === undefined) delete inner[last];
  else inner[last] = value;
  return copy;
}

describe('decoding', () => {
  it('gives bytes', () => {
    const { evidence: decoded, deviceId } = decodeEvidenceMessage(evidence());
    expect(deviceId).toBe('ab'.repeat(16));
    expect(decoded.quote.attest).toEqual(Buffer.alloc(3));
    expect(decoded.pcrs[0]).toMatchObject({ bank: 'sha256', index: 0 });
    expect(decoded.eventLogs).toEqual({ firmware: Buffer.alloc(3) });
    const { counter: _, eventLogs: __, ...less } = evidence();
    expect(decodeEvidenceMessage(less).evidence.counter).toBeUndefined();
    expect(decodeEnrolRequest(enrol()).ekCertificates).toHaveLength(1);
    expect(decodeEnrolProof(proof()).credential).toHaveLength(32);
  });

  it.each<[(message: unknown) => unknown, () => object, string, unknown, RegExp]>([
    [
      decodeEvidenceMessage,
      evidence,
      'protocol',
      2,
      /EvidenceMessage.protocol: expected an integer from 1 to 1, got 2/,
    ],
    [decodeEvidenceMessage, evidence, 'exchangeId', 'short', /exchangeId/],
    [decodeEvidenceMessage, evidence, 'deviceId', 'AB'.repeat(16), /deviceId/],
    [decodeEvidenceMessage, evidence, 'quote', undefined, /EvidenceMessage.quote: expected an object, got nothing/],
    [decodeEvidenceMessage, evidence, 'quote', [], /got a list of 0/],
    [decodeEvidenceMessage, evidence, 'quote.attest', 'AAA=', /quote.attest: expected base64url without padding/],
    [decodeEvidenceMessage, evidence, 'quote.attest', 'AAB', /base64url without padding/],
    [decodeEvidenceMessage, evidence, 'quote.attest', 'A+/A', /base64url/],
    [decodeEvidenceMessage, evidence, 'quote.attest', '', /expected 1 to 4096 bytes, got 0/],
    [decodeEvidenceMessage, evidence, 'quote.attest', 'A'.repeat(8000), /expected 1 to 4096 bytes, got 6000/],
    [
      decodeEvidenceMessage,
      evidence,
      'quote.extra',
      1,
      /EvidenceMessage.quote: expected no unknown member, got "extra"/,
    ],
    [decodeEvidenceMessage, evidence, 'extra', 1, /no unknown member/],
    [decodeEvidenceMessage, evidence, '__proto__x', 1, /no unknown member/],
    [decodeEvidenceMessage, evidence, 'pcrs', {}, /pcrs: expected a list/],
    [
      decodeEvidenceMessage,
      evidence,
      'pcrs',
      [{ bank: 'md5', index: 0, value: 'AAAA' }],
      /bank: expected sha1 or sha256/,
    ],
    [
      decodeEvidenceMessage,
      evidence,
      'pcrs',
      [{ bank: 'sha256', index: 24, value: 'AAAA' }],
      /index: expected an integer from 0 to 23, got 24/,
    ],
    [decodeEvidenceMessage, evidence, 'pcrs', [{ bank: 'sha256', index: 1.5, value: 'AAAA' }], /index/],
    [decodeEvidenceMessage, evidence, 'pcrs', [null], /pcrs\[0\]: expected an object, got null/],
    [decodeEvidenceMessage, evidence, 'eventLogs.boot', 'AAAA', /eventLogs/],
    [decodeEnrolRequest, enrol, 'fleet', '../etc', /fleet/],
    [decodeEnrolRequest, enrol, 'ekCertificates', [], /ekCertificates: expected a list of 1 to 8, got a list of 0/],
    [decodeEnrolRequest, enrol, 'ekCertificates', [7], /ekCertificates\[0\]/],
    [decodeEnrolProof, proof, 'credential', 'AAAA', /credential: expected 32 bytes, got 3/],
    [
      decodeEnrolProof,
      proof,
      'counter.nvPublic',
      undefined,
      /counter.nvPublic: expected base64url without padding, got nothing/,
    ],
  ])('%o of %o: a wrong %s', (decode, make, path, value, message) => {
    const attempt = () => decode(set(make(), path, value));
    expect(attempt).toThrowError(expect.objectContaining({ name: 'EvidenceError', code: 'ERR_EVIDENCE_MALFORMED' }));
    expect(attempt).toThrowError(message);
  });

  it('never repeats a long value in a message', () => {
    expect.assertions(2);
    try {
      decodeEvidenceMessage(set(evidence(), 'deviceId', 'x'.repeat(100_000)));
    } catch (error) {
      expect((error as Error).message.length).toBeLessThan(300);
      expect((error as Error).message).toContain('100002 characters');
    }
  });
});

describe('numbers of 64 bits', () => {
  const read = (value: unknown) => new JsonReader({ value }, 'test').u64('value');

  it('are decimal text up to 2^64 - 1, in one spelling', () => {
    expect(read('0')).toBe(0n);
    expect(read('18446744073709551615')).toBe(18_446_744_073_709_551_615n);
    for (const bad of ['18446744073709551616', '99999999999999999999', '01', '-1', '+1', '1e3', '0x1', ' 1', '', 1]) {
      expect(() => read(bad), String(bad)).toThrowError(/decimal unsigned 64-bit number/);
    }
  });
});
