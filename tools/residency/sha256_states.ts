/** FIPS 180-4, 6.2.2, for one block: the chaining values that an HMAC key leaves in a hash context. */

const PRIMES = firstPrimes(64);
const K = PRIMES.map((prime) => fraction(Math.cbrt(prime)));
const H0 = PRIMES.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));

/** States after the block key ^ ipad and after key ^ opad, as x86 and arm64 hold them: eight words, little endian. */
export function hmacSha256States(key: Uint8Array): { inner: Uint8Array; outer: Uint8Array } {
  const block = (pad: number): Uint8Array => Uint8Array.from({ length: 64 }, (_, i) => (key[i] ?? 0) ^ pad);
  return { inner: compress(block(0x36)), outer: compress(block(0x5c)) };
}

function compress(block: Uint8Array): Uint8Array {
  const view = new DataView(block.buffer);
  const w = Array.from({ length: 64 }, (_, i) => (i < 16 ? view.getUint32(4 * i) : 0));
  const at = (i: number): number => w[i] as number;
  for (let i = 16; i < 64; i += 1) {
    const s0 = rotr(at(i - 15), 7) ^ rotr(at(i - 15), 18) ^ (at(i - 15) >>> 3);
    const s1 = rotr(at(i - 2), 17) ^ rotr(at(i - 2), 19) ^ (at(i - 2) >>> 10);
    w[i] = (at(i - 16) + s0 + at(i - 7) + s1) >>> 0;
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = H0;
  for (let i = 0; i < 64; i += 1) {
    const t1 = (h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ((e & f) ^ (~e & g)) + (K[i] as number) + at(i)) >>> 0;
    const t2 = ((rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) >>> 0;
    [a, b, c, d, e, f, g, h] = [(t1 + t2) >>> 0, a, b, c, (d + t1) >>> 0, e, f, g];
  }
  const state = new DataView(new ArrayBuffer(32));
  for (const [i, word] of [a, b, c, d, e, f, g, h].entries())
    state.setUint32(4 * i, (word + (H0[i] as number)) >>> 0, true);
  return new Uint8Array(state.buffer);
}

function rotr(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}

/** The first 32 bits of the fractional part: doubles carry 52, enough for roots below 8. */
function fraction(root: number): number {
  return Math.floor((root - Math.floor(root)) * 2 ** 32) >>> 0;
}

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n += 1) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes;
}
