import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProbeSearch } from '../../../tools/residency/probe_search.js';

function find(buffer: Buffer, probes: Buffer[]): string[] {
  const found: string[] = [];
  const named = probes.map((bytes, i) => ({ name: `p${i}`, bytes }));
  new ProbeSearch(named).search(buffer, buffer.length, 0, ({ name }, at) => found.push(`${name}@${at}`));
  return found;
}

describe('ProbeSearch', () => {
  it('finds a probe at every offset, at both ends included', () => {
    const probe = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
    for (let at = 0; at <= 48; at += 1) {
      const buffer = Buffer.alloc(64, 0xa5);
      probe.copy(buffer, at);
      expect(find(buffer, [probe])).toEqual([`p0@${at}`]);
    }
  });

  it('finds probes that share their first bytes, and overlap', () => {
    const a = Buffer.from('01020304aaaaaaaaaaaaaaaaaaaaaaaa', 'hex');
    const b = Buffer.from('01020304bbbbbbbbbbbbbbbbbbbbbbbb', 'hex');
    expect(find(Buffer.concat([a, b]), [a, b])).toEqual(['p0@0', 'p1@16']);
    const zeros = Buffer.alloc(16);
    expect(find(Buffer.alloc(18), [zeros])).toEqual(['p0@0', 'p0@1', 'p0@2']);
  });

  it('finds probes by bytes in their middle, which two of them may share at different places', () => {
    const a = Buffer.from('00000000000000000000000001020304', 'hex');
    const b = Buffer.from('00000000010203040000000000000000', 'hex');
    expect(find(Buffer.concat([Buffer.alloc(5), a, Buffer.alloc(9, 7), b]), [a, b])).toEqual(['p0@5', 'p1@30']);
    expect(find(Buffer.concat([a, Buffer.alloc(8)]), [a, b])).toEqual(['p0@0', 'p1@8']);
  });

  it('does not report a probe that the buffer cuts short', () => {
    const long = Buffer.alloc(32, 1);
    expect(find(Buffer.alloc(31, 1), [long])).toEqual([]);
    const noise = Buffer.from('000000000a0b0c0d1020304050607080', 'hex');
    expect(find(noise.subarray(1), [noise])).toEqual([]);
    expect(find(noise.subarray(0, 15), [noise])).toEqual([]);
  });

  it('reports only what starts at or after the place it is told', () => {
    const probe = Buffer.from('000000000a0b0c0d1020304050607080', 'hex');
    const buffer = Buffer.concat([probe, probe]);
    const found: number[] = [];
    new ProbeSearch([{ name: 'p', bytes: probe }]).search(buffer, buffer.length, 1, (_, at) => found.push(at));
    expect(found).toEqual([16]);
  });

  it('agrees with Buffer.indexOf', () => {
    const bytes = fc.uint8Array({ minLength: 16, maxLength: 20 });
    fc.assert(
      fc.property(
        fc.array(bytes, { minLength: 1, maxLength: 5 }),
        fc.uint8Array({ maxLength: 200 }),
        fc.nat(4),
        (probes, noise, which) => {
          const probe = Buffer.from(probes[which % probes.length] as Uint8Array);
          const buffer = Buffer.concat([noise, probe, noise]);
          expect(
            find(
              buffer,
              probes.map((p) => Buffer.from(p)),
            ),
          ).toContain(`p${probes.findIndex((p) => probe.equals(p))}@${buffer.indexOf(probe)}`);
        },
      ),
    );
  });

  it('refuses a probe too short to be distinctive', () => {
    expect(() => new ProbeSearch([{ name: 'short', bytes: Buffer.alloc(15) }])).toThrow(/shorter than 16 bytes/);
  });
});
