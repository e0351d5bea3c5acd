/**
 * What node:crypto's X509Certificate does not tell: the bits of key usage, path length, which extensions are critical, the
 * signature algorithm, and the public key of certificates whose key algorithm OpenSSL will not load (RSAES-OAEP).
 * RFC 5280, 4.1 and 4.2.
 */
import { X509Certificate } from 'node:crypto';
import { malformed } from '../tpm/byte_reader.js';
import {
  contextTag,
  type DerElement,
  derBitStringOctets,
  derChild,
  derElements,
  derNamedBit,
  derOid,
  derOnly,
  derUnsigned,
  TAG_BIT_STRING,
  TAG_BOOLEAN,
  TAG_INTEGER,
  TAG_OCTET_STRING,
  TAG_OID,
  TAG_SEQUENCE,
} from './der.js';

export const OID_KEY_USAGE = '2.5.29.15';
export const OID_SUBJECT_ALT_NAME = '2.5.29.17';
export const OID_BASIC_CONSTRAINTS = '2.5.29.19';
export const OID_CERTIFICATE_POLICIES = '2.5.29.32';
export const OID_EXT_KEY_USAGE = '2.5.29.37';

const OID_RSA_ENCRYPTION = '1.2.840.113549.1.1.1';
const OID_RSAES_OAEP = '1.2.840.113549.1.1.7';
const OID_EC_PUBLIC_KEY = '1.2.840.10045.2.1';

/** RFC 5280, 4.2.1.3. */
interface KeyUsage {
  digitalSignature: boolean;
  keyEncipherment: boolean;
  keyAgreement: boolean;
  keyCertSign: boolean;
}

type CertificateKey = { type: 'rsa'; modulus: Buffer; exponent: Buffer } | { type: 'ec'; curve: string; point: Buffer };

export interface Certificate {
  x509: X509Certificate;
  /** Object identifier of the outer signatureAlgorithm. */
  signatureAlgorithm: string;
  publicKey: CertificateKey;
  ca: boolean;
  pathLength?: number;
  keyUsage?: KeyUsage;
  extendedKeyUsage?: string[];
  /** Object identifiers of the extensions marked critical. */
  critical: string[];
}

/** @param certificate - DER or PEM. @throws EvidenceError ERR_EVIDENCE_MALFORMED */
export function parseCertificate(certificate: Uint8Array | string, what: string): Certificate {
  const x509 = load(certificate, what);
  const outer = derElements(derOnly(x509.raw, TAG_SEQUENCE, what), what);
  const tbs = derElements(derChild(outer, TAG_SEQUENCE, what).content, what);
  const algorithm = outer[1];
  if (algorithm === undefined) throw malformed(what, 'a signature algorithm', 'none');
  return {
    x509,
    signatureAlgorithm: readOid(algorithm.content, what),
    publicKey: readPublicKey(tbs, what),
    ...readExtensions(tbs, what),
  };
}

function load(certificate: Uint8Array | string, what: string): X509Certificate {
  try {
    return new X509Certificate(certificate);
  } catch (cause) {
    throw malformed(what, 'an X.509 certificate', 'bytes that are none', cause);
  }
}

/** subjectPublicKeyInfo is the seventh field, or the sixth when the version is left out. */
function readPublicKey(tbs: readonly DerElement[], what: string): CertificateKey {
  const spki = tbs[tbs[0]?.tag === contextTag(0) ? 6 : 5];
  if (spki === undefined) throw malformed(what, 'a subjectPublicKeyInfo', 'none');
  const [algorithm, key] = derElements(spki.content, what);
  if (algorithm === undefined || key?.tag !== TAG_BIT_STRING) throw malformed(what, 'a subjectPublicKey', 'none');
  const parameters = derElements(algorithm.content, what);
  const oid = derOid(derChild(parameters, TAG_OID, what).content, what);
  const octets = derBitStringOctets(key.content, what);
  switch (oid) {
    case OID_RSA_ENCRYPTION:
    case OID_RSAES_OAEP: {
      const [n, e] = derElements(derOnly(octets, TAG_SEQUENCE, what), what);
      if (n?.tag !== TAG_INTEGER || e?.tag !== TAG_INTEGER) throw malformed(what, 'an RSAPublicKey', 'another');
      return { type: 'rsa', modulus: derUnsigned(n.content, what), exponent: derUnsigned(e.content, what) };
    }
    case OID_EC_PUBLIC_KEY: {
      const curve = parameters[1];
      if (curve?.tag !== TAG_OID) throw malformed(what, 'a named curve', 'other parameters');
      return { type: 'ec', curve: derOid(curve.content, what), point: octets };
    }
    default:
      throw malformed(what, 'an RSA or EC public key', oid);
  }
}

type Extensions = Omit<Certificate, 'x509' | 'signatureAlgorithm' | 'publicKey'>;

function readExtensions(tbs: readonly DerElement[], what: string): Extensions {
  const result: Extensions = { ca: false, critical: [] };
  const wrapper = tbs.find((element) => element.tag === contextTag(3));
  if (wrapper === undefined) return result;
  const seen = new Set<string>();
  for (const extension of derElements(derOnly(wrapper.content, TAG_SEQUENCE, what), what)) {
    const parts = derElements(extension.content, what);
    const oid = derOid(derChild(parts, TAG_OID, what).content, what);
    // RFC 5280, 4.2: at most one instance; two readers must not pick different ones.
    if (seen.has(oid)) throw malformed(what, 'each extension once', oid);
    seen.add(oid);
    if (parts.find((part) => part.tag === TAG_BOOLEAN)?.content[0]) result.critical.push(oid);
    readExtension(result, oid, derChild(parts, TAG_OCTET_STRING, what).content, what);
  }
  return result;
}

function readExtension(result: Extensions, oid: string, value: Buffer, what: string): void {
  if (oid === OID_BASIC_CONSTRAINTS) {
    const parts = derElements(derOnly(value, TAG_SEQUENCE, what), what);
    result.ca = Boolean(parts.find((part) => part.tag === TAG_BOOLEAN)?.content[0]);
    const pathLength = parts.find((part) => part.tag === TAG_INTEGER);
    if (pathLength !== undefined) result.pathLength = smallInteger(pathLength.content, what);
  } else if (oid === OID_KEY_USAGE) {
    const bits = derOnly(value, TAG_BIT_STRING, what);
    result.keyUsage = {
      digitalSignature: derNamedBit(bits, 0),
      keyEncipherment: derNamedBit(bits, 2),
      keyAgreement: derNamedBit(bits, 4),
      keyCertSign: derNamedBit(bits, 5),
    };
  } else if (oid === OID_EXT_KEY_USAGE) {
    const purposes = derElements(derOnly(value, TAG_SEQUENCE, what), what);
    result.extendedKeyUsage = purposes.map((purpose) => derOid(purpose.content, what));
  }
}

function smallInteger(content: Buffer, what: string): number {
  const bytes = derUnsigned(content, what);
  if (bytes.length > 4) throw malformed(what, 'a small path length', `${bytes.length} bytes`);
  return bytes.readUIntBE(0, bytes.length);
}

function readOid(content: Buffer, what: string): string {
  return derOid(derChild(derElements(content, what), TAG_OID, what).content, what);
}
