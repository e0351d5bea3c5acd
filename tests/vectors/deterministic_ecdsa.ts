/**
 * ECDSA P-256 with SHA-256 and deterministic nonces (RFC 6979), so that the generated vectors are the same every time. Plain big
 * integers and not constant time: for the generator's throw-away keys only.
 */
import { createHash, createHmac } from 'node:crypto';

const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const G: Point = {
  x: 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
  y: 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
};

interface Point {
  x: bigint;
  y: bigint;
}

export interface DeterministicKey {
  d: bigint;
  /** 91 bytes, DER. */
  spki: Buffer;
}

/** A key pair from any bytes. */
export function keyFromSeed(seed: string): DeterministicKey {
  const d = (toBigInt(createHash('sha256').update(seed).digest()) % (N - 1n)) + 1n;
  const q = multiply(d, G);
  const prefix = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex');
  return { d, spki: Buffer.concat([prefix, toBytes(q.x), toBytes(q.y)]) };
}

/** r ‖ s with the smaller s. */
export function signDeterministically(key: DeterministicKey, message: Uint8Array): Buffer {
  const hash = createHash('sha256').update(message).digest();
  const h = toBigInt(hash) % N;
  for (const k of nonces(key.d, h)) {
    const r = multiply(k, G).x % N;
    const s = mod(inverse(k, N) * (h + r * key.d), N);
    if (r !== 0n && s !== 0n) return Buffer.concat([toBytes(r), toBytes(s > N / 2n ? N - s : s)]);
  }
  throw new Error('unreachable');
}

/** The other signature of the pair: the larger s. */
export function toHighS(signature: Buffer): Buffer {
  return Buffer.concat([signature.subarray(0, 32), toBytes(N - toBigInt(signature.subarray(32)))]);
}

/** RFC 6979 section 3.2. */
function* nonces(d: bigint, h: bigint): Generator<bigint> {
  const hmac = (key: Buffer, ...parts: Uint8Array[]) => {
    const mac = createHmac('sha256', key);
    for (const part of parts) mac.update(part);
    return mac.digest();
  };
  let v: Buffer = Buffer.alloc(32, 1);
  let k: Buffer = Buffer.alloc(32, 0);
  for (const round of [0, 1]) {
    k = hmac(k, v, Buffer.of(round), toBytes(d), toBytes(h));
    v = hmac(k, v);
  }
  for (;;) {
    v = hmac(k, v);
    const candidate = toBigInt(v);
    if (candidate > 0n && candidate < N) yield candidate;
    k = hmac(k, v, Buffer.of(0));
    v = hmac(k, v);
  }
}

function multiply(scalar: bigint, point: Point): Point {
  let result: Point | undefined;
  let addend = point;
  for (let rest = scalar; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = result === undefined ? addend : add(result, addend);
    addend = add(addend, addend);
  }
  if (result === undefined) throw new Error('point at infinity');
  return result;
}

function add(a: Point, b: Point): Point {
  const slope =
    a.x === b.x ? mod((3n * a.x * a.x - 3n) * inverse(2n * a.y, P), P) : mod((b.y - a.y) * inverse(b.x - a.x, P), P);
  const x = mod(slope * slope - a.x - b.x, P);
  return { x, y: mod(slope * (a.x - x) - a.y, P) };
}

function mod(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [mod(value, modulus), modulus, 1n, 0n];
  while (a > 1n) {
    const quotient = b / a;
    [a, b] = [b - quotient * a, a];
    [x, y] = [y - quotient * x, x];
  }
  return mod(x, modulus);
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function toBytes(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
}
