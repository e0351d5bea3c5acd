/**
 * Constants of the TPM 2.0 Library Specification, Part 2, by their own names. Only those this project reads or writes.
 */

/** Part 2, 6.2. */
export const TPM_GENERATED_VALUE = 0xff544347;

/** TPM_ALG_ID, Part 2, 6.3. */
export const TPM_ALG_RSA = 0x0001;
export const TPM_ALG_SHA1 = 0x0004;
export const TPM_ALG_AES = 0x0006;
export const TPM_ALG_KEYEDHASH = 0x0008;
export const TPM_ALG_SHA256 = 0x000b;
export const TPM_ALG_SHA384 = 0x000c;
export const TPM_ALG_SHA512 = 0x000d;
export const TPM_ALG_NULL = 0x0010;
export const TPM_ALG_RSASSA = 0x0014;
export const TPM_ALG_RSAES = 0x0015;
export const TPM_ALG_RSAPSS = 0x0016;
export const TPM_ALG_OAEP = 0x0017;
export const TPM_ALG_ECDSA = 0x0018;
export const TPM_ALG_ECDH = 0x0019;
export const TPM_ALG_ECC = 0x0023;
export const TPM_ALG_CFB = 0x0043;

/** TPM_ECC_CURVE, Part 2, 6.4. */
export const TPM_ECC_NIST_P256 = 0x0003;
export const TPM_ECC_NIST_P384 = 0x0004;

/** TPM_CC, Part 2, 6.5.2. */
export const TPM_CC_PolicyNV = 0x00000149;
export const TPM_CC_PolicySecret = 0x00000151;
export const TPM_CC_Duplicate = 0x0000014b;
export const TPM_CC_Unseal = 0x0000015e;
export const TPM_CC_PolicyAuthorize = 0x0000016a;
export const TPM_CC_PolicyCommandCode = 0x0000016c;
export const TPM_CC_PolicyCounterTimer = 0x0000016d;
export const TPM_CC_PolicyOR = 0x00000171;
export const TPM_CC_PolicyPCR = 0x0000017f;

/** TPM_EO, Part 2, 6.8: comparisons of PolicyNV and PolicyCounterTimer. */
export const TPM_EO_UNSIGNED_LE = 0x0009;

/** TPM_ST, Part 2, 6.9. */
export const TPM_ST_ATTEST_NV = 0x8014;
export const TPM_ST_ATTEST_CERTIFY = 0x8017;
export const TPM_ST_ATTEST_QUOTE = 0x8018;
export const TPM_ST_ATTEST_CREATION = 0x801a;
export const TPM_ST_ATTEST_NV_DIGEST = 0x801c;

/** TPM_RH, Part 2, 7.4. */
export const TPM_RH_OWNER = 0x40000001;
export const TPM_RH_ENDORSEMENT = 0x4000000b;

/** TPMA_OBJECT, Part 2, 8.3. */
export const TPMA_OBJECT_FIXEDTPM = 0x00000002;
export const TPMA_OBJECT_FIXEDPARENT = 0x00000010;
export const TPMA_OBJECT_SENSITIVEDATAORIGIN = 0x00000020;
export const TPMA_OBJECT_USERWITHAUTH = 0x00000040;
export const TPMA_OBJECT_ADMINWITHPOLICY = 0x00000080;
export const TPMA_OBJECT_NODA = 0x00000400;
export const TPMA_OBJECT_RESTRICTED = 0x00010000;
export const TPMA_OBJECT_DECRYPT = 0x00020000;
export const TPMA_OBJECT_SIGN_ENCRYPT = 0x00040000;

/** TPMA_NV, Part 2, 13.4. */
export const TPMA_NV_AUTHWRITE = 0x00000004;
export const TPMA_NV_TPM_NT_COUNTER = 0x00000010;
export const TPMA_NV_AUTHREAD = 0x00040000;
export const TPMA_NV_NO_DA = 0x02000000;
export const TPMA_NV_READLOCKED = 0x10000000;
export const TPMA_NV_WRITTEN = 0x20000000;
export const TPMA_NV_READ_STCLEAR = 0x80000000;
