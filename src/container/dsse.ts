/** The DSSE envelope (SPEC.md "Envelope", "Signature"; secure-systems-lab/dsse 1.0.0). */
import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { ContainerError } from '../errors.js';
import { canonicalJson, parseCanonicalJson } from './canonical_json.js';
import { exactMembers } from './schema.js';
import { fromBase64, fromHex } from './text_encoding.js';

const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
const SIGNATURE_BYTES = 64;
/** Order of P-256 (SEC 2, 2.4.2). */
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

export interface Envelope {
  statement: Buffer;
  keyId: Buffer;
  signature: Buffer;
}

/** Checks form and canonical encoding, not the signature: see {@link verifyEnvelope}. */
export function parseEnvelope(bytes: Uint8Array): Envelope {
  const parsed = parseCanonicalJson(bytes);
  if (parsed.status === 'malformed') {
    throw new ContainerError('ERR_ENVELOPE_MALFORMED', 'envelope is not JSON within the limits of depth and size');
  }
  if (parsed.status === 'not-canonical') {
    throw new ContainerError('ERR_ENVELOPE_NOT_CANONICAL', 'envelope is not in its canonical form');
  }
  const root = exactMembers(parsed.value, ['payload', 'payloadType', 'signatures']);
  const signatures = root?.signatures;
  if (root === undefined || root.payloadType !== PAYLOAD_TYPE || !Array.isArray(signatures)) {
    throw new ContainerError('ERR_ENVELOPE_MALFORMED', 'envelope: expected payload, payloadType and signatures');
  }
  const entry = signatures.length === 1 ? exactMembers(signatures[0], ['keyid', 'sig']) : undefined;
  const { payload } = root;
  const { keyid, sig } = entry ?? {};
  const keyId = typeof keyid === 'string' ? fromHex(keyid, 32) : undefined;
  if (typeof payload !== 'string' || typeof sig !== 'string' || keyId === undefined) {
    throw new ContainerError('ERR_ENVELOPE_MALFORMED', 'envelope: expected exactly one signature of keyid and sig');
  }
  const statement = fromBase64(payload);
  const signature = fromBase64(sig);
  if (statement === undefined || signature === undefined) {
    throw new ContainerError('ERR_ENVELOPE_NOT_CANONICAL', 'envelope: payload or sig is not strict base64');
  }
  return { statement, keyId, signature };
}

/** @throws ContainerError `ERR_SIGNATURE_INVALID` */
export function verifyEnvelope(envelope: Envelope, publisherSpki: Uint8Array): void {
  if (!publisherKeyId(publisherSpki).equals(envelope.keyId)) {
    throw new ContainerError('ERR_SIGNATURE_INVALID', "signature names another key than the statement's publisher");
  }
  if (!isLowS(envelope.signature) || !signatureVerifies(envelope, publisherSpki)) {
    throw new ContainerError('ERR_SIGNATURE_INVALID', 'signature of the publisher does not verify');
  }
}

/** SHA-256 of the SPKI: DSSE's keyid, and the publisher in a key payload. */
export function publisherKeyId(spki: Uint8Array): Buffer {
  return createHash('sha256').update(spki).digest();
}

export function signEnvelope(statement: Uint8Array, privateKey: KeyObject, publisherSpki: Uint8Array): Buffer {
  const signature = toLowS(
    sign('sha256', preAuthenticationEncoding(statement), { key: privateKey, dsaEncoding: 'ieee-p1363' }),
  );
  return encodeEnvelope(statement, publisherKeyId(publisherSpki), signature);
}

export function encodeEnvelope(statement: Uint8Array, keyId: Uint8Array, signature: Uint8Array): Buffer {
  const envelope = {
    payload: Buffer.from(statement).toString('base64'),
    payloadType: PAYLOAD_TYPE,
    signatures: [{ keyid: Buffer.from(keyId).toString('hex'), sig: Buffer.from(signature).toString('base64') }],
  };
  return Buffer.from(canonicalJson(envelope), 'utf8');
}

export function preAuthenticationEncoding(statement: Uint8Array): Buffer {
  const prefix = `DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${statement.length} `;
  return Buffer.concat([Buffer.from(prefix, 'ascii'), statement]);
}

/** The one of the two signatures (r, s), (r, n - s) that version 1 accepts. */
function toLowS(signature: Uint8Array): Buffer {
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).toString('hex')}`);
  const low = s > P256_ORDER / 2n ? P256_ORDER - s : s;
  return Buffer.concat([signature.subarray(0, 32), Buffer.from(low.toString(16).padStart(64, '0'), 'hex')]);
}

function isLowS(signature: Buffer): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false;
  const r = BigInt(`0x${signature.toString('hex', 0, 32)}`);
  const s = BigInt(`0x${signature.toString('hex', 32)}`);
  return r > 0n && r < P256_ORDER && s > 0n && s <= P256_ORDER / 2n;
}

function signatureVerifies(envelope: Envelope, spki: Uint8Array): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
    const data = preAuthenticationEncoding(envelope.statement);
    return verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, envelope.signature);
  } catch {
    return false; // the point is not on the curve
  }
}
