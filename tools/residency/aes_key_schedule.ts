/** FIPS 197, 5.2: the key expansion of AES-128 and AES-256, written out because no library hands round keys over. */

const SBOX = makeSbox();

/** The round keys, 16 bytes each: eleven of a key of 16 bytes, fifteen of one of 32. */
export function aesRoundKeys(key: Uint8Array): Uint8Array[] {
  const keyWords = key.length / 4;
  const rounds = keyWords + 6;
  const words: number[][] = [];
  for (let i = 0; i < keyWords; i += 1) words.push([...key.subarray(4 * i, 4 * i + 4)]);
  for (let i = keyWords, rcon = 1; i < 4 * (rounds + 1); i += 1) {
    let temp = [...(words[i - 1] as number[])];
    if (i % keyWords === 0) {
      temp = [...temp.slice(1), temp[0] as number].map((byte) => SBOX[byte] as number);
      temp[0] = (temp[0] as number) ^ rcon;
      rcon = double(rcon);
    } else if (keyWords > 6 && i % keyWords === 4) {
      temp = temp.map((byte) => SBOX[byte] as number);
    }
    words.push(temp.map((byte, j) => byte ^ ((words[i - keyWords] as number[])[j] as number)));
  }
  return Array.from({ length: rounds + 1 }, (_, round) =>
    Uint8Array.from(words.slice(4 * round, 4 * round + 4).flat()),
  );
}

/** Multiplication by x in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1. */
function double(byte: number): number {
  return ((byte << 1) ^ (byte & 0x80 ? 0x11b : 0)) & 0xff;
}

/** 5.1.1: inverse in GF(2^8), then the affine map. p runs through the powers of 3, q through those of its inverse. */
function makeSbox(): Uint8Array {
  const sbox = new Uint8Array(256);
  let p = 1;
  let q = 1;
  do {
    p ^= double(p);
    q ^= q << 1;
    q ^= q << 2;
    q ^= q << 4;
    q &= 0xff;
    if (q & 0x80) q ^= 0x09;
    const rotate = (by: number): number => ((q << by) | (q >> (8 - by))) & 0xff;
    sbox[p] = q ^ rotate(1) ^ rotate(2) ^ rotate(3) ^ rotate(4) ^ 0x63;
  } while (p !== 1);
  sbox[0] = 0x63;
  return sbox;
}
