/**
 * Is this Evidence genuine, fresh and complete? Signatures, nonces, what exactly was signed. Nothing here judges whether a state
 * is good: see appraise.ts. PROTOCOL.md [V2] to [V5], [E6], [E7].
 */
import { type KeyObject, timingSafeEqual } from 'node:crypto';
import { EvidenceError, type EvidenceErrorCode } from '../../src/errors.js';
import type { PcrValue, SignedAttestBytes } from '../protocol/decode.js';
import { hex16, hex32, malformed } from '../tpm/byte_reader.js';
import {
  TPM_ALG_SHA1,
  TPM_GENERATED_VALUE,
  TPM_ST_ATTEST_CERTIFY,
  TPM_ST_ATTEST_NV,
  TPM_ST_ATTEST_QUOTE,
} from '../tpm/constants.js';
import { hashByName } from '../tpm/hash.js';
import {
  bankName,
  describeSelection,
  type PcrSelection,
  type PcrValues,
  pcrDigest,
  samePcrs,
} from '../tpm/pcr_selection.js';
import { type Attested, parseTpmsAttest, type TpmsAttest } from '../tpm/tpms_attest.js';
import type { Scheme } from '../tpm/tpmt_public.js';
import { parseTpmtSignature, type TpmtSignature, verifyTpmtSignature } from '../tpm/tpmt_signature.js';

export interface AttestationKey {
  key: KeyObject;
  /** The only scheme a restricted key can sign with. Without it any supported scheme of that kind of key is accepted. */
  scheme?: Scheme;
  /** Qualified Name the TPM must state for the signer. Without it the signer's place in the TPM is not checked. */
  qualifiedName?: Uint8Array;
}

export interface VerifyOptions {
  /** Accepts SHA-1 signatures and PCR banks. Only for a policy that says so. */
  allowSha1?: boolean;
}

export interface VerifiedAttest<Type extends Attested['type']> {
  attest: TpmsAttest;
  attested: Extract<Attested, { type: Type }>;
  /** Hash of the signature scheme: the one a quote's pcrDigest is taken with. */
  hash: number;
}

export interface VerifiedQuote {
  attest: TpmsAttest;
  /** The signed selection, and the values it covers. */
  selection: PcrSelection;
  values: PcrValues;
}

/**
 * Checks that a TPM made this attestation of this type, with this key and nonce. The signature is checked first, over the bytes as
 * they came: what is parsed afterwards, the key's holder has signed.
 * @throws EvidenceError `ERR_EVIDENCE_MALFORMED` | `ERR_QUOTE_SIGNATURE` | `ERR_NONCE_MISMATCH`
 */
export function verifyAttest<Type extends Attested['type']>(
  signed: SignedAttestBytes,
  type: Type,
  ak: AttestationKey,
  nonce: Uint8Array,
  options: VerifyOptions = {},
): VerifiedAttest<Type> {
  const signature = parseTpmtSignature(signed.signature);
  checkScheme(signature, ak, options);
  if (!verifyTpmtSignature(signature, signed.attest, ak.key)) {
    throw refuse('ERR_QUOTE_SIGNATURE', 'signature', 'one of the AK over this TPMS_ATTEST', 'another');
  }
  const attest = parseTpmsAttest(signed.attest, type);
  // An unrestricted key signs made-up bytes; only a TPM puts this value in front (Part 2, 6.2).
  if (attest.magic !== TPM_GENERATED_VALUE) {
    throw malformed('TPMS_ATTEST magic', hex32(TPM_GENERATED_VALUE), hex32(attest.magic));
  }
  if (ak.qualifiedName !== undefined && !equalBytes(attest.qualifiedSigner, ak.qualifiedName)) {
    throw refuse('ERR_AK_NAME', 'qualifiedSigner', hexOf(ak.qualifiedName), hexOf(attest.qualifiedSigner));
  }
  if (!equalBytes(attest.extraData, nonce)) {
    throw refuse('ERR_NONCE_MISMATCH', 'extraData', hexOf(nonce), hexOf(attest.extraData));
  }
  return { attest, attested: attest.attested as Extract<Attested, { type: Type }>, hash: signature.hash };
}

/** [V3]. */
function checkScheme(signature: TpmtSignature, ak: AttestationKey, options: VerifyOptions): void {
  const { scheme } = ak;
  if (scheme !== undefined && (signature.sigAlg !== scheme.scheme || signature.hash !== scheme.hash)) {
    const expected = `${hex16(scheme.scheme)} with ${hex16(scheme.hash ?? 0)}`;
    throw refuse('ERR_QUOTE_SIGNATURE', 'scheme', expected, `${hex16(signature.sigAlg)} with ${hex16(signature.hash)}`);
  }
  if (signature.hash === TPM_ALG_SHA1 && !options.allowSha1) {
    throw refuse('ERR_QUOTE_SIGNATURE', 'signature hash', 'SHA-256 or stronger', 'SHA-1');
  }
}

/**
 * Checks a quote and the PCR values sent with it. Does not judge the values.
 * @param selection - exactly what must have been quoted.
 * @throws EvidenceError as {@link verifyAttest}, and `ERR_PCR_SELECTION` | `ERR_PCR_DIGEST`
 * @see TPM 2.0 Part 2, TPMS_ATTEST and TPMS_QUOTE_INFO
 */
export function verifyQuote(
  quote: SignedAttestBytes,
  pcrs: readonly PcrValue[],
  ak: AttestationKey,
  nonce: Uint8Array,
  selection: PcrSelection,
  options: VerifyOptions = {},
): VerifiedQuote {
  const { attest, attested, hash } = verifyAttest(quote, TPM_ST_ATTEST_QUOTE, ak, nonce, options);
  checkSelection(attested.pcrSelect, selection, options);
  const values = collectValues(pcrs, attested.pcrSelect);
  const computed = pcrDigest(hash, attested.pcrSelect, values);
  if ('missing' in computed) {
    const { missing } = computed;
    throw refuse('ERR_PCR_DIGEST', `PCR ${missing.pcr} (${bankName(missing.hash)})`, 'a value', 'none');
  }
  if (!equalBytes(computed.digest, attested.pcrDigest)) {
    throw refuse('ERR_PCR_DIGEST', 'pcrDigest', hexOf(attested.pcrDigest), hexOf(computed.digest));
  }
  return { attest, selection: attested.pcrSelect, values };
}

/** [V4], [V8]. */
function checkSelection(quoted: PcrSelection, expected: PcrSelection, options: VerifyOptions): void {
  const sha1 = expected.concat(quoted).some((bank) => bank.hash === TPM_ALG_SHA1 && bank.pcrs.length > 0);
  if (sha1 && !options.allowSha1) throw refuse('ERR_PCR_SELECTION', 'PCR bank', 'SHA-256 or stronger', 'sha1');
  if (!samePcrs(quoted, expected)) {
    throw refuse('ERR_PCR_SELECTION', 'quoted PCRs', describeSelection(expected), describeSelection(quoted));
  }
}

/** Values by bank and number. One too many, one twice: refused, since someone might look at it. */
function collectValues(pcrs: readonly PcrValue[], quoted: PcrSelection): PcrValues {
  const values = new Map<number, Map<number, Uint8Array>>();
  for (const { bank, index, value } of pcrs) {
    const hash = hashByName(bank);
    const where = `PCR ${index} (${bank})`;
    if (hash === undefined) throw malformed(where, 'a known bank', bank);
    if (!quoted.some((one) => one.hash === hash.id && one.pcrs.includes(index))) {
      throw refuse('ERR_PCR_SELECTION', where, 'only quoted PCRs', 'a value that was not quoted');
    }
    if (value.length !== hash.sizeBytes) throw malformed(where, `${hash.sizeBytes} bytes`, String(value.length));
    const ofBank = values.get(hash.id) ?? new Map<number, Uint8Array>();
    if (ofBank.has(index)) throw malformed(where, 'one value', 'two');
    values.set(hash.id, ofBank.set(index, value));
  }
  return values;
}

/** TPM2_Certify: the AK's TPM holds the key with this Name, at this place in its hierarchies. [E6] */
export function verifyCertify(
  signed: SignedAttestBytes,
  certified: { name: Uint8Array; qualifiedName: Uint8Array },
  ak: AttestationKey,
  nonce: Uint8Array,
): void {
  const { attested } = verifyAttest(signed, TPM_ST_ATTEST_CERTIFY, ak, nonce);
  const { name, qualifiedName } = certified;
  if (!equalBytes(attested.name, name)) {
    throw refuse('ERR_STORAGE_KEY', 'certified Name', hexOf(name), hexOf(attested.name));
  }
  if (!equalBytes(attested.qualifiedName, qualifiedName)) {
    throw refuse('ERR_STORAGE_KEY', 'certified Qualified Name', hexOf(qualifiedName), hexOf(attested.qualifiedName));
  }
}

/** TPM2_NV_Certify of a whole counter: its value. [E7] */
export function verifyCounterCertify(
  signed: SignedAttestBytes,
  name: Uint8Array,
  ak: AttestationKey,
  nonce: Uint8Array,
): bigint {
  const { attested } = verifyAttest(signed, TPM_ST_ATTEST_NV, ak, nonce);
  if (!equalBytes(attested.indexName, name)) {
    throw refuse('ERR_NV_CERTIFY', 'certified index', hexOf(name), hexOf(attested.indexName));
  }
  const { offset, nvContents } = attested;
  if (offset !== 0 || nvContents.length !== 8) {
    throw refuse('ERR_NV_CERTIFY', 'certified range', '8 bytes at 0', `${nvContents.length} bytes at ${offset}`);
  }
  return Buffer.from(nvContents).readBigUInt64BE();
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex') || 'nothing';
}

function refuse(code: EvidenceErrorCode, what: string, expected: string, got: string): EvidenceError {
  return new EvidenceError(code, `${what}: expected ${expected}, got ${got}`, { fields: { what, expected, got } });
}
