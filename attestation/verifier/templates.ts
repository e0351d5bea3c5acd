/**
 * The public areas of AK, storage key and counter, checked member by member against PROTOCOL.md "Keys and indices on the
 * device". Names are returned, computed from what was checked.
 */
import type { EvidenceErrorCode } from '../../src/errors.js';
import { EvidenceError } from '../../src/errors.js';
import { hex16, hex32 } from '../tpm/byte_reader.js';
import {
  TPM_ALG_AES,
  TPM_ALG_CFB,
  TPM_ALG_ECC,
  TPM_ALG_ECDSA,
  TPM_ALG_NULL,
  TPM_ALG_RSA,
  TPM_ALG_RSAPSS,
  TPM_ALG_RSASSA,
  TPM_ALG_SHA256,
  TPM_ECC_NIST_P256,
  TPM_RH_ENDORSEMENT,
  TPM_RH_OWNER,
  TPMA_NV_AUTHREAD,
  TPMA_NV_AUTHWRITE,
  TPMA_NV_NO_DA,
  TPMA_NV_READ_STCLEAR,
  TPMA_NV_TPM_NT_COUNTER,
  TPMA_NV_WRITTEN,
  TPMA_OBJECT_DECRYPT,
  TPMA_OBJECT_FIXEDPARENT,
  TPMA_OBJECT_FIXEDTPM,
  TPMA_OBJECT_NODA,
  TPMA_OBJECT_RESTRICTED,
  TPMA_OBJECT_SENSITIVEDATAORIGIN,
  TPMA_OBJECT_SIGN_ENCRYPT,
  TPMA_OBJECT_USERWITHAUTH,
} from '../tpm/constants.js';
import { computeNvName, parseTpmsNvPublic, type TpmsNvPublic } from '../tpm/tpms_nv_public.js';
import {
  computeName,
  type EccPublic,
  parseTpmtPublic,
  primaryQualifiedName,
  publicKeyOf,
  type RsaPublic,
  type Scheme,
  type SymDefObject,
  type TpmtPublic,
} from '../tpm/tpmt_public.js';
import type { AttestationKey } from './verify.js';

const PRIMARY_ATTRIBUTES =
  TPMA_OBJECT_FIXEDTPM |
  TPMA_OBJECT_FIXEDPARENT |
  TPMA_OBJECT_SENSITIVEDATAORIGIN |
  TPMA_OBJECT_USERWITHAUTH |
  // There is no authValue to guess, and without noDA power losses count as guesses until the TPM locks the key out.
  TPMA_OBJECT_NODA |
  TPMA_OBJECT_RESTRICTED;
const AK_ATTRIBUTES = PRIMARY_ATTRIBUTES | TPMA_OBJECT_SIGN_ENCRYPT;
const STORAGE_KEY_ATTRIBUTES = PRIMARY_ATTRIBUTES | TPMA_OBJECT_DECRYPT;
/** Unsigned: READ_STCLEAR is bit 31. */
export const COUNTER_ATTRIBUTES =
  (TPMA_NV_AUTHWRITE |
    TPMA_NV_TPM_NT_COUNTER |
    TPMA_NV_AUTHREAD |
    TPMA_NV_NO_DA |
    TPMA_NV_WRITTEN |
    TPMA_NV_READ_STCLEAR) >>>
  0;
/** NV indices of the owner (TCG Registry of Reserved TPM 2.0 Handles, 2.2). */
const OWNER_NV_FIRST = 0x01800000;
const OWNER_NV_LAST = 0x01bfffff;
const COUNTER_BYTES = 8;
const RSA_BITS = 2048;

export interface CheckedKey {
  area: RsaPublic | EccPublic;
  name: Buffer;
  /** Of a primary key in the hierarchy where this one belongs. */
  qualifiedName: Buffer;
}

/** [E4]. @throws EvidenceError `ERR_AK_TEMPLATE` | `ERR_EVIDENCE_MALFORMED` */
export function checkAk(publicArea: Uint8Array): CheckedKey {
  const check = new Checker('AK', 'ERR_AK_TEMPLATE');
  const area = check.key(parseTpmtPublic(publicArea), AK_ATTRIBUTES);
  check.equal('symmetric', 'none', symmetricName(area.symmetric));
  const schemes = area.type === TPM_ALG_ECC ? [TPM_ALG_ECDSA] : [TPM_ALG_RSASSA, TPM_ALG_RSAPSS];
  check.oneOf('scheme', schemes, area.scheme?.scheme ?? TPM_ALG_NULL);
  check.oneOf('scheme hash', [TPM_ALG_SHA256], area.scheme?.hash ?? TPM_ALG_NULL);
  return { area, name: computeName(area), qualifiedName: primaryQualifiedName(TPM_RH_ENDORSEMENT, area) };
}

/** [E6]: the TCG SRK template (TPM v2.0 Provisioning Guidance, 7.5.1). @throws EvidenceError `ERR_STORAGE_KEY` */
export function checkStorageKey(publicArea: Uint8Array): CheckedKey {
  const check = new Checker('storage key', 'ERR_STORAGE_KEY');
  const area = check.key(parseTpmtPublic(publicArea), STORAGE_KEY_ATTRIBUTES);
  check.equal('symmetric', 'AES-128-CFB', symmetricName(area.symmetric));
  check.equal('scheme', 'none', schemeName(area.scheme));
  return { area, name: computeName(area), qualifiedName: primaryQualifiedName(TPM_RH_OWNER, area) };
}

/** [E7]. @throws EvidenceError `ERR_NV_CERTIFY` */
export function checkCounter(nvPublic: Uint8Array): { area: TpmsNvPublic; name: Buffer } {
  const check = new Checker('counter', 'ERR_NV_CERTIFY');
  const area = parseTpmsNvPublic(nvPublic);
  if (area.nvIndex < OWNER_NV_FIRST || area.nvIndex > OWNER_NV_LAST) {
    throw check.error('nvIndex', `${hex32(OWNER_NV_FIRST)} to ${hex32(OWNER_NV_LAST)}`, hex32(area.nvIndex));
  }
  check.oneOf('nameAlg', [TPM_ALG_SHA256], area.nameAlg);
  check.equal('attributes', hex32(COUNTER_ATTRIBUTES), hex32(area.attributes));
  check.equal('authPolicy', '0 bytes', `${area.authPolicy.length} bytes`);
  check.equal('dataSize', String(COUNTER_BYTES), String(area.dataSize));
  return { area, name: computeNvName(area) };
}

/** What to verify attestations of this AK with. */
export function attestationKeyOf({ area, qualifiedName }: CheckedKey): AttestationKey {
  return { key: publicKeyOf(area), qualifiedName, ...(area.scheme === undefined ? {} : { scheme: area.scheme }) };
}

class Checker {
  constructor(
    readonly object: string,
    readonly code: EvidenceErrorCode,
  ) {}

  /** What AK and storage key have in common. */
  key(area: TpmtPublic, attributes: number): RsaPublic | EccPublic {
    if (area.type !== TPM_ALG_RSA && area.type !== TPM_ALG_ECC)
      throw this.error('type', 'RSA or ECC', hex16(area.type));
    this.oneOf('nameAlg', [TPM_ALG_SHA256], area.nameAlg);
    this.equal('attributes', hex32(attributes), hex32(area.objectAttributes));
    this.equal('authPolicy', '0 bytes', `${area.authPolicy.length} bytes`);
    if (area.type === TPM_ALG_RSA) {
      this.equal('keyBits', String(RSA_BITS), String(area.keyBits));
      this.equal('exponent', '65537', String(area.exponent || 65537));
    } else {
      this.oneOf('curve', [TPM_ECC_NIST_P256], area.curve);
      this.equal('kdf', 'none', schemeName(area.kdf));
    }
    publicKeyOf(area);
    return area;
  }

  equal(member: string, expected: string, got: string): void {
    if (got !== expected) throw this.error(member, expected, got);
  }

  oneOf(member: string, expected: readonly number[], got: number): void {
    if (!expected.includes(got)) throw this.error(member, expected.map(hex16).join(' or '), hex16(got));
  }

  error(member: string, expected: string, got: string): EvidenceError {
    const what = `${this.object} ${member}`;
    return new EvidenceError(this.code, `${what}: expected ${expected}, got ${got}`, {
      fields: { what, expected, got },
    });
  }
}

function symmetricName(symmetric: SymDefObject | undefined): string {
  if (symmetric === undefined) return 'none';
  const { algorithm, keyBits, mode } = symmetric;
  if (algorithm === TPM_ALG_AES && mode === TPM_ALG_CFB) return `AES-${keyBits}-CFB`;
  return `${hex16(algorithm)}-${keyBits}-${hex16(mode)}`;
}

function schemeName(scheme: Scheme | undefined): string {
  return scheme === undefined ? 'none' : hex16(scheme.scheme);
}
