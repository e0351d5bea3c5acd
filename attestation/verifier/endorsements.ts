/**
 * Endorsements of a TPM: its EK certificate, a chain to a root the operator trusts, and the rules of the TCG EK Credential
 * Profile 2.5 for what an EK certificate may be (PROTOCOL.md [E1] to [E3]).
 *
 * Not checked: revocation. Makers' CRLs are fetched from the network and a pure function fetches nothing; an operator who
 * distrusts a maker's CA takes it out of the roots.
 */
import { EvidenceError, UsageError } from '../../src/errors.js';
import { hex32 } from '../tpm/byte_reader.js';
import {
  TPM_ALG_AES,
  TPM_ALG_CFB,
  TPM_ALG_ECC,
  TPM_ALG_KEYEDHASH,
  TPM_ALG_RSA,
  TPM_ALG_SHA1,
  TPM_ECC_NIST_P256,
  TPMA_OBJECT_DECRYPT,
  TPMA_OBJECT_FIXEDPARENT,
  TPMA_OBJECT_FIXEDTPM,
  TPMA_OBJECT_RESTRICTED,
  TPMA_OBJECT_SENSITIVEDATAORIGIN,
  TPMA_OBJECT_SIGN_ENCRYPT,
} from '../tpm/constants.js';
import { type EccPublic, eccFieldBytes, parseTpmtPublic, publicKeyOf, type RsaPublic } from '../tpm/tpmt_public.js';
import {
  type Certificate,
  OID_BASIC_CONSTRAINTS,
  OID_CERTIFICATE_POLICIES,
  OID_EXT_KEY_USAGE,
  OID_KEY_USAGE,
  OID_SUBJECT_ALT_NAME,
  parseCertificate,
} from './certificate.js';

/** What the operator trusts. */
export interface EkTrust {
  /** Trust anchors, DER or PEM, one certificate each. Intermediates may stand here too: they are then trusted themselves. */
  roots: readonly (Uint8Array | string)[];
  /** Helps to build chains; not trusted. */
  intermediates?: readonly (Uint8Array | string)[];
}

export interface EkEndorsement {
  ekPublic: RsaPublic | EccPublic;
  /** From the EK's own certificate up to the trust anchor, as subjects, for the record. */
  chain: string[];
}

/** tcg-kp-EKCertificate. */
const OID_EK_CERTIFICATE = '2.23.133.8.1';
const UNDERSTOOD_CRITICAL: readonly string[] = [
  OID_KEY_USAGE,
  // Of an EK certificate it names the TPM model; nothing is authorised by name here, so reading it is enough.
  OID_SUBJECT_ALT_NAME,
  OID_BASIC_CONSTRAINTS,
  // No policy is required by us and none is excluded (RFC 5280, 6.1.1: any-policy), so any set is fine.
  OID_CERTIFICATE_POLICIES,
  OID_EXT_KEY_USAGE,
];
/** sha256, sha384, sha512 with RSA, ecdsa-with-SHA256, -SHA384, -SHA512. SHA-1 can be forged. */
const STRONG_SIGNATURES: readonly string[] = [
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
];
const OID_P256 = '1.2.840.10045.3.1.7';
const OID_P384 = '1.3.132.0.34';
const MAX_CHAIN_LENGTH = 6;
const MIN_RSA_BITS = 2048;
/** Chains are built from certificates the device sent: bounds the work it can ask for. */
const MAX_SIGNATURE_CHECKS = 64;

/**
 * Checks an EK's certificate and public area. The first certificate is the EK's, the rest may help with the chain.
 * @throws EvidenceError `ERR_EK_CERTIFICATE` | `ERR_EK_MISMATCH` | `ERR_EVIDENCE_MALFORMED`
 */
export function verifyEk(
  certificates: readonly Uint8Array[],
  ekPublic: Uint8Array,
  trust: EkTrust,
  now: Date,
): EkEndorsement {
  const [first, ...rest] = certificates;
  if (first === undefined) throw refuse('EK certificate', 'one', 'none');
  const leaf = parseCertificate(first, 'EK certificate');
  checkEkUsage(leaf);
  const area = parseTpmtPublic(ekPublic);
  if (area.type === TPM_ALG_KEYEDHASH) throw mismatch('type', 'an RSA or ECC key', 'KEYEDHASH');
  checkSameKey(leaf, area);
  checkEkAttributes(area);
  const roots = trust.roots.map((root, i) => parseTrusted(root, `root ${i}`));
  const helpers = [
    ...rest.map((one, i) => parseCertificate(one, `intermediate ${i} of the device`)),
    ...(trust.intermediates ?? []).map((one, i) => parseTrusted(one, `intermediate ${i}`)),
  ];
  return { ekPublic: area, chain: buildChain(leaf, roots, helpers, now).map((one) => subjectOf(one)) };
}

/** A file of the operator that is no certificate is no fault of the device. */
function parseTrusted(certificate: Uint8Array | string, what: string): Certificate {
  try {
    return parseCertificate(certificate, what);
  } catch (cause) {
    throw new UsageError('ERR_OPTION_INVALID', `EK trust, ${what}: expected a certificate, got none`, { cause });
  }
}

/** [E2]. */
function checkEkUsage(leaf: Certificate): void {
  if (leaf.ca) throw refuse('EK certificate basicConstraints', 'no CA', 'a CA');
  const { keyUsage, extendedKeyUsage } = leaf;
  if (extendedKeyUsage !== undefined && !extendedKeyUsage.includes(OID_EK_CERTIFICATE)) {
    throw refuse('EK certificate extendedKeyUsage', OID_EK_CERTIFICATE, extendedKeyUsage.join(' '));
  }
  if (keyUsage === undefined) return;
  // The profile asks for keyAgreement with ECC; Intel's firmware TPMs say keyEncipherment there too.
  const decrypts = keyUsage.keyEncipherment || (leaf.publicKey.type === 'ec' && keyUsage.keyAgreement);
  if (!decrypts || keyUsage.digitalSignature || keyUsage.keyCertSign) {
    const needed = leaf.publicKey.type === 'ec' ? 'keyAgreement or keyEncipherment' : 'keyEncipherment';
    const got = Object.entries(keyUsage).flatMap(([name, set]) => (set ? [name] : []));
    throw refuse('EK certificate keyUsage', `${needed} alone`, got.join(' ') || 'none of it');
  }
}

/** [E3]: the certificate speaks about this key and no other. */
function checkSameKey(leaf: Certificate, area: RsaPublic | EccPublic): void {
  // Also proves that an ECC point is on its curve: the credential is going to be wrapped to it.
  publicKeyOf(area);
  const { publicKey } = leaf;
  if (publicKey.type === 'rsa' && area.type === TPM_ALG_RSA) {
    const exponent = publicKey.exponent.length > 4 ? -1 : publicKey.exponent.readUIntBE(0, publicKey.exponent.length);
    if (publicKey.modulus.equals(area.modulus) && exponent === (area.exponent || 65537)) return;
  } else if (publicKey.type === 'ec' && area.type === TPM_ALG_ECC) {
    const fieldBytes = eccFieldBytes(area.curve);
    const pad = (coordinate: Uint8Array): Buffer =>
      Buffer.concat([Buffer.alloc(fieldBytes - coordinate.length), coordinate]);
    const point = Buffer.concat([Buffer.of(4), pad(area.x), pad(area.y)]);
    const curve = area.curve === TPM_ECC_NIST_P256 ? OID_P256 : OID_P384;
    if (publicKey.curve === curve && publicKey.point.equals(point)) return;
  }
  throw mismatch('public key', 'that of the EK certificate', 'another key');
}

/** [E3]: what makes MakeCredential meaningful. Only a restricted decryption key ties the credential to the AK's Name. */
function checkEkAttributes(area: RsaPublic | EccPublic): void {
  const required =
    TPMA_OBJECT_FIXEDTPM |
    TPMA_OBJECT_FIXEDPARENT |
    TPMA_OBJECT_SENSITIVEDATAORIGIN |
    TPMA_OBJECT_RESTRICTED |
    TPMA_OBJECT_DECRYPT;
  const got = area.objectAttributes & (required | TPMA_OBJECT_SIGN_ENCRYPT);
  if (got !== required) throw mismatch('attributes', hex32(required), hex32(got));
  if (area.nameAlg === TPM_ALG_SHA1) throw mismatch('nameAlg', 'SHA-256 or stronger', 'SHA-1');
  if (area.type === TPM_ALG_RSA && area.keyBits < MIN_RSA_BITS) {
    throw mismatch('keyBits', `at least ${MIN_RSA_BITS}`, String(area.keyBits));
  }
  const { symmetric } = area;
  if (
    symmetric?.algorithm !== TPM_ALG_AES ||
    symmetric.mode !== TPM_ALG_CFB ||
    ![128, 256].includes(symmetric.keyBits)
  ) {
    throw mismatch('symmetric', 'AES-128-CFB or AES-256-CFB', JSON.stringify(symmetric ?? null));
  }
}

/** [E1]: depth first over all possible issuers. */
function buildChain(
  leaf: Certificate,
  roots: readonly Certificate[],
  helpers: readonly Certificate[],
  now: Date,
): Certificate[] {
  let reason: EvidenceError | undefined;
  let checks = 0;
  const extend = (chain: readonly Certificate[]): Certificate[] | undefined => {
    const top = chain.at(-1);
    if (top === undefined) return undefined;
    if (chain.length > 1 && roots.some((root) => root.x509.raw.equals(top.x509.raw))) return [...chain];
    if (chain.length >= MAX_CHAIN_LENGTH) return undefined;
    for (const issuer of [...roots, ...helpers]) {
      if (chain.includes(issuer) || !top.x509.checkIssued(issuer.x509)) continue;
      if (++checks > MAX_SIGNATURE_CHECKS) return undefined;
      try {
        checkIssuer(issuer, top, chain.length - 1, now);
      } catch (error) {
        if (!(error instanceof EvidenceError)) throw error;
        reason ??= error;
        continue;
      }
      const whole = extend([...chain, issuer]);
      if (whole !== undefined) return whole;
    }
    return undefined;
  };
  checkCertificate(leaf, now);
  const chain = extend([leaf]);
  if (chain !== undefined) return chain;
  throw reason ?? refuse('EK certificate chain', 'a trusted root', `issuer ${oneLine(leaf.x509.issuer)}`);
}

/** @param below - how many intermediates stand between this issuer and the leaf (RFC 5280, 4.2.1.9). */
function checkIssuer(issuer: Certificate, subject: Certificate, below: number, now: Date): void {
  const name = subjectOf(issuer);
  checkCertificate(issuer, now);
  if (!issuer.ca) throw refuse(`issuer ${name} basicConstraints`, 'a CA', 'none');
  if (issuer.keyUsage !== undefined && !issuer.keyUsage.keyCertSign) {
    throw refuse(`issuer ${name} keyUsage`, 'keyCertSign', 'none');
  }
  if (issuer.pathLength !== undefined && below > issuer.pathLength) {
    throw refuse(`issuer ${name} pathLenConstraint`, `at least ${below}`, String(issuer.pathLength));
  }
  if (!STRONG_SIGNATURES.includes(subject.signatureAlgorithm)) {
    throw refuse(`${subjectOf(subject)} signatureAlgorithm`, 'SHA-2 with RSA or ECDSA', subject.signatureAlgorithm);
  }
  let valid: boolean;
  try {
    valid = subject.x509.verify(issuer.x509.publicKey);
  } catch (cause) {
    throw refuse(`issuer ${name} public key`, 'one that can verify', 'another', cause);
  }
  if (!valid) throw refuse(`${subjectOf(subject)} signature`, `one by ${name}`, 'another');
}

function checkCertificate(certificate: Certificate, now: Date): void {
  const name = subjectOf(certificate);
  const { validFrom, validTo } = certificate.x509;
  // `!(a <= b)` also refuses dates that do not parse.
  if (!(Date.parse(validFrom) <= now.getTime() && now.getTime() <= Date.parse(validTo))) {
    throw refuse(`${name} validity`, `${validFrom} to ${validTo}`, now.toISOString());
  }
  const unknown = certificate.critical.find((oid) => !UNDERSTOOD_CRITICAL.includes(oid));
  if (unknown !== undefined) throw refuse(`${name} critical extensions`, 'understood ones', unknown);
}

function subjectOf(certificate: Certificate): string {
  return oneLine(certificate.x509.subject) || 'EK certificate';
}

function oneLine(name: string | undefined): string {
  return (name ?? '').replaceAll('\n', ', ');
}

function refuse(what: string, expected: string, got: string, cause?: unknown): EvidenceError {
  const options = { fields: { what, expected, got }, ...(cause === undefined ? {} : { cause }) };
  return new EvidenceError('ERR_EK_CERTIFICATE', `${what}: expected ${expected}, got ${got}`, options);
}

function mismatch(what: string, expected: string, got: string): EvidenceError {
  const options = { fields: { what: `EK ${what}`, expected, got } };
  return new EvidenceError('ERR_EK_MISMATCH', `EK ${what}: expected ${expected}, got ${got}`, options);
}
