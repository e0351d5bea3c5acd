/**
 * TPMT_PUBLIC (TPM 2.0 Part 2, 12.2.4) for RSA, ECC and KEYEDHASH objects: parse, marshal, Name. A Name is always computed from
 * the public area, never taken from a message.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { ByteReader, hex16, malformed } from './byte_reader.js';
import { ByteWriter, u16, u32 } from './byte_writer.js';
import {
  TPM_ALG_ECC,
  TPM_ALG_ECDH,
  TPM_ALG_ECDSA,
  TPM_ALG_KEYEDHASH,
  TPM_ALG_NULL,
  TPM_ALG_OAEP,
  TPM_ALG_RSA,
  TPM_ALG_RSAES,
  TPM_ALG_RSAPSS,
  TPM_ALG_RSASSA,
  TPM_ECC_NIST_P256,
  TPM_ECC_NIST_P384,
} from './constants.js';
import { digest, hashById } from './hash.js';

/** TPMT_SYM_DEF_OBJECT (11.1.7); undefined is TPM_ALG_NULL. */
export interface SymDefObject {
  algorithm: number;
  keyBits: number;
  mode: number;
}

/** TPMT_RSA_SCHEME, TPMT_ECC_SCHEME, TPMT_KDF_SCHEME: undefined is TPM_ALG_NULL. RSAES has no hash. */
export interface Scheme {
  scheme: number;
  hash?: number;
}

interface PublicHead {
  nameAlg: number;
  objectAttributes: number;
  authPolicy: Uint8Array;
}

export interface RsaPublic extends PublicHead {
  type: typeof TPM_ALG_RSA;
  symmetric?: SymDefObject;
  scheme?: Scheme;
  keyBits: number;
  /** As encoded: 0 means 65537. */
  exponent: number;
  modulus: Uint8Array;
}

export interface EccPublic extends PublicHead {
  type: typeof TPM_ALG_ECC;
  symmetric?: SymDefObject;
  scheme?: Scheme;
  curve: number;
  kdf?: Scheme;
  x: Uint8Array;
  y: Uint8Array;
}

/** A sealed data object: its scheme is TPM_ALG_NULL (Part 3, 12.1, table of KEYEDHASH uses). */
export interface KeyedHashPublic extends PublicHead {
  type: typeof TPM_ALG_KEYEDHASH;
  unique: Uint8Array;
}

export type TpmtPublic = RsaPublic | EccPublic | KeyedHashPublic;

const MAX_DIGEST_BYTES = 64;
const MAX_RSA_BYTES = 512;
const DEFAULT_RSA_EXPONENT = 65537;

const CURVES: Readonly<Record<number, { jwk: string; fieldBytes: number }>> = {
  [TPM_ECC_NIST_P256]: { jwk: 'P-256', fieldBytes: 32 },
  [TPM_ECC_NIST_P384]: { jwk: 'P-384', fieldBytes: 48 },
};

export function eccFieldBytes(curve: number): number {
  return CURVES[curve]?.fieldBytes ?? 0;
}

/** @throws EvidenceError ERR_EVIDENCE_MALFORMED */
export function parseTpmtPublic(bytes: Uint8Array): TpmtPublic {
  const reader = new ByteReader(bytes, 'TPMT_PUBLIC');
  const type = reader.u16('type');
  const head = readHead(reader);
  const result = readBody(reader, type, head);
  reader.finish();
  return result;
}

function readHead(reader: ByteReader): PublicHead {
  const nameAlg = reader.u16('nameAlg');
  const hash = hashById(nameAlg);
  if (hash === undefined) throw reader.error('nameAlg', 'a SHA-1 or SHA-2 algorithm', hex16(nameAlg));
  const objectAttributes = reader.u32('objectAttributes');
  const authPolicy = reader.sized('authPolicy', MAX_DIGEST_BYTES);
  if (authPolicy.length !== 0 && authPolicy.length !== hash.sizeBytes) {
    throw reader.error('authPolicy.size', `0 or ${hash.sizeBytes}`, String(authPolicy.length));
  }
  return { nameAlg, objectAttributes, authPolicy };
}

function readBody(reader: ByteReader, type: number, head: PublicHead): TpmtPublic {
  switch (type) {
    case TPM_ALG_RSA:
      return readRsa(reader, head);
    case TPM_ALG_ECC:
      return readEcc(reader, head);
    case TPM_ALG_KEYEDHASH:
      return readKeyedHash(reader, head);
    default:
      throw reader.error('type', 'TPM_ALG_RSA, TPM_ALG_ECC or TPM_ALG_KEYEDHASH', hex16(type));
  }
}

function readRsa(reader: ByteReader, head: PublicHead): RsaPublic {
  const symmetric = readSymmetric(reader);
  const scheme = readScheme(reader, 'scheme', [TPM_ALG_RSASSA, TPM_ALG_RSAPSS, TPM_ALG_OAEP, TPM_ALG_RSAES]);
  const keyBits = reader.u16('keyBits');
  const exponent = reader.u32('exponent');
  // Even and tiny exponents make no RSA key; 1 would make the "encrypted" secret its own plaintext.
  if (exponent !== 0 && (exponent < 3 || exponent % 2 === 0)) {
    throw reader.error('exponent', '0 or an odd number from 3', String(exponent));
  }
  const modulus = reader.sized('unique', MAX_RSA_BYTES);
  if (modulus.length * 8 !== keyBits || ((modulus[0] ?? 0) & 0x80) === 0 || ((modulus.at(-1) ?? 0) & 1) === 0) {
    throw reader.error('unique', `an odd modulus of keyBits = ${keyBits} bits`, `${modulus.length} bytes`);
  }
  return { type: TPM_ALG_RSA, ...head, ...symmetric, ...scheme, keyBits, exponent, modulus };
}

function readEcc(reader: ByteReader, head: PublicHead): EccPublic {
  const symmetric = readSymmetric(reader);
  const scheme = readScheme(reader, 'scheme', [TPM_ALG_ECDSA, TPM_ALG_ECDH]);
  const curve = reader.u16('curveID');
  const fieldBytes = eccFieldBytes(curve);
  if (fieldBytes === 0) throw reader.error('curveID', 'TPM_ECC_NIST_P256 or TPM_ECC_NIST_P384', hex16(curve));
  const { scheme: kdf } = readScheme(reader, 'kdf', KDFS);
  const x = reader.sized('unique.x', fieldBytes);
  const y = reader.sized('unique.y', fieldBytes);
  return { type: TPM_ALG_ECC, ...head, ...symmetric, ...scheme, curve, ...(kdf === undefined ? {} : { kdf }), x, y };
}

function readKeyedHash(reader: ByteReader, head: PublicHead): KeyedHashPublic {
  const scheme = reader.u16('scheme');
  if (scheme !== TPM_ALG_NULL) throw reader.error('scheme', 'TPM_ALG_NULL (a sealed data object)', hex16(scheme));
  return { type: TPM_ALG_KEYEDHASH, ...head, unique: reader.sized('unique', MAX_DIGEST_BYTES) };
}

/** TPM_ALG_MGF1, KDF1_SP800_56A, KDF2, KDF1_SP800_108. */
const KDFS: readonly number[] = [0x0007, 0x0020, 0x0021, 0x0022];

function readSymmetric(reader: ByteReader): { symmetric?: SymDefObject } {
  const algorithm = reader.u16('symmetric.algorithm');
  if (algorithm === TPM_ALG_NULL) return {};
  return { symmetric: { algorithm, keyBits: reader.u16('symmetric.keyBits'), mode: reader.u16('symmetric.mode') } };
}

function readScheme(reader: ByteReader, field: string, allowed: readonly number[]): { scheme?: Scheme } {
  const scheme = reader.u16(field);
  if (scheme === TPM_ALG_NULL) return {};
  if (!allowed.includes(scheme)) {
    throw reader.error(field, `TPM_ALG_NULL or one of ${allowed.map(hex16).join(', ')}`, hex16(scheme));
  }
  return scheme === TPM_ALG_RSAES
    ? { scheme: { scheme } }
    : { scheme: { scheme, hash: reader.u16(`${field}.hashAlg`) } };
}

export function marshalTpmtPublic(area: TpmtPublic): Buffer {
  const writer = new ByteWriter().u16(area.type).u16(area.nameAlg).u32(area.objectAttributes).sized(area.authPolicy);
  switch (area.type) {
    case TPM_ALG_RSA:
      writeSymmetric(writer, area.symmetric);
      writeScheme(writer, area.scheme);
      return writer.u16(area.keyBits).u32(area.exponent).sized(area.modulus).finish();
    case TPM_ALG_ECC:
      writeSymmetric(writer, area.symmetric);
      writeScheme(writer, area.scheme);
      writer.u16(area.curve);
      writeScheme(writer, area.kdf);
      return writer.sized(area.x).sized(area.y).finish();
    case TPM_ALG_KEYEDHASH:
      return writer.u16(TPM_ALG_NULL).sized(area.unique).finish();
  }
}

function writeSymmetric(writer: ByteWriter, symmetric: SymDefObject | undefined): void {
  if (symmetric === undefined) writer.u16(TPM_ALG_NULL);
  else writer.u16(symmetric.algorithm).u16(symmetric.keyBits).u16(symmetric.mode);
}

function writeScheme(writer: ByteWriter, scheme: Scheme | undefined): void {
  writer.u16(scheme?.scheme ?? TPM_ALG_NULL);
  if (scheme?.hash !== undefined) writer.u16(scheme.hash);
}

/** Part 1, 16: nameAlg ‖ H_nameAlg(TPMT_PUBLIC). */
export function computeName(area: TpmtPublic): Buffer {
  return Buffer.concat([u16(area.nameAlg), digest(area.nameAlg, marshalTpmtPublic(area))]);
}

/**
 * Qualified Name of a primary key: nameAlg ‖ H_nameAlg(handle of its hierarchy ‖ Name) (Part 1, 16). What tells in which
 * hierarchy a key is.
 */
export function primaryQualifiedName(hierarchy: number, area: TpmtPublic): Buffer {
  return Buffer.concat([u16(area.nameAlg), digest(area.nameAlg, u32(hierarchy), computeName(area))]);
}

/**
 * The key as node:crypto knows it. @throws EvidenceError ERR_EVIDENCE_MALFORMED when it is no key, for example a point that is
 * not on its curve.
 */
export function publicKeyOf(area: RsaPublic | EccPublic): KeyObject {
  try {
    return createPublicKey({ key: toJwk(area), format: 'jwk' });
  } catch (cause) {
    throw malformed('TPMT_PUBLIC unique', 'a public key', 'bytes that are none', cause);
  }
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

function toJwk(area: RsaPublic | EccPublic): Record<string, string> {
  if (area.type === TPM_ALG_RSA) {
    return { kty: 'RSA', n: base64url(area.modulus), e: base64url(exponentBytes(area.exponent)) };
  }
  const curve = CURVES[area.curve];
  const padded = (coordinate: Uint8Array): Buffer =>
    Buffer.concat([Buffer.alloc((curve?.fieldBytes ?? 0) - coordinate.length), coordinate]);
  return { kty: 'EC', crv: curve?.jwk ?? '', x: base64url(padded(area.x)), y: base64url(padded(area.y)) };
}

function exponentBytes(exponent: number): Buffer {
  const bytes = new ByteWriter().u32(exponent === 0 ? DEFAULT_RSA_EXPONENT : exponent).finish();
  return bytes.subarray(bytes.findIndex((byte) => byte !== 0));
}
