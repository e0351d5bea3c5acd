/** Constants of TPM 2.0 Part 2, spelled as there. Only what this package and its users need. */

/** Part 2, 6.3. */
export const TPM_ALG = {
  RSA: 0x0001,
  SHA1: 0x0004,
  HMAC: 0x0005,
  AES: 0x0006,
  KEYEDHASH: 0x0008,
  XOR: 0x000a,
  SHA256: 0x000b,
  SHA384: 0x000c,
  SHA512: 0x000d,
  NULL: 0x0010,
  RSASSA: 0x0014,
  RSAES: 0x0015,
  RSAPSS: 0x0016,
  OAEP: 0x0017,
  ECDSA: 0x0018,
  ECC: 0x0023,
  SYMCIPHER: 0x0025,
  CFB: 0x0043,
} as const;

/** Part 2, 6.4. */
export const TPM_ECC = { NIST_P256: 0x0003, NIST_P384: 0x0004 } as const;

/** Part 2, 6.5.2: the commands a policy names in PolicyCommandCode. */
export const TPM_CC = {
  NV_UndefineSpaceSpecial: 0x0000011f,
  EvictControl: 0x00000120,
  NV_UndefineSpace: 0x00000122,
  NV_DefineSpace: 0x0000012a,
  CreatePrimary: 0x00000131,
  NV_Increment: 0x00000134,
  NV_Write: 0x00000137,
  NV_Certify: 0x00000184,
  ActivateCredential: 0x00000147,
  Certify: 0x00000148,
  PolicyNV: 0x00000149,
  Duplicate: 0x0000014b,
  NV_Read: 0x0000014e,
  NV_ReadLock: 0x0000014f,
  ObjectChangeAuth: 0x00000150,
  PolicySecret: 0x00000151,
  Create: 0x00000153,
  Import: 0x00000156,
  Load: 0x00000157,
  Quote: 0x00000158,
  Sign: 0x0000015d,
  Unseal: 0x0000015e,
  PolicyAuthorize: 0x0000016a,
  PolicyAuthValue: 0x0000016b,
  PolicyCommandCode: 0x0000016c,
  PolicyCounterTimer: 0x0000016d,
  PolicyOR: 0x00000171,
  PolicyPCR: 0x0000017f,
  PolicyAuthorizeNV: 0x00000192,
} as const;

/** Part 2, 7.4. */
export const TPM_RH = {
  OWNER: 0x40000001,
  NULL: 0x40000007,
  LOCKOUT: 0x4000000a,
  ENDORSEMENT: 0x4000000b,
  PLATFORM: 0x4000000c,
} as const;

/** Part 2, 6.10. */
export const TPM_EO = {
  EQ: 0x0000,
  NEQ: 0x0001,
  SIGNED_GT: 0x0002,
  UNSIGNED_GT: 0x0003,
  SIGNED_LT: 0x0004,
  UNSIGNED_LT: 0x0005,
  SIGNED_GE: 0x0006,
  UNSIGNED_GE: 0x0007,
  SIGNED_LE: 0x0008,
  UNSIGNED_LE: 0x0009,
  BITSET: 0x000a,
  BITCLEAR: 0x000b,
} as const;

/** Part 2, 6.12. */
export const TPM_CAP = {
  ALGS: 0,
  HANDLES: 1,
  COMMANDS: 2,
  PP_COMMANDS: 3,
  AUDIT_COMMANDS: 4,
  PCRS: 5,
  TPM_PROPERTIES: 6,
  PCR_PROPERTIES: 7,
  ECC_CURVES: 8,
} as const;

/** Part 2, 6.13. */
export const TPM_PT = {
  FAMILY_INDICATOR: 0x100,
  REVISION: 0x102,
  MANUFACTURER: 0x105,
  VENDOR_STRING_1: 0x106,
  FIRMWARE_VERSION_1: 0x10b,
  FIRMWARE_VERSION_2: 0x10c,
  PCR_COUNT: 0x112,
  NV_BUFFER_MAX: 0x12c,
  PERMANENT: 0x200,
  STARTUP_CLEAR: 0x201,
} as const;

/** Part 2, 7.2: the first handle of each type, for `getHandles`. */
export const TPM_HT = {
  NV_INDEX: 0x01000000,
  LOADED_SESSION: 0x02000000,
  SAVED_SESSION: 0x03000000,
  TRANSIENT: 0x80000000,
  PERSISTENT: 0x81000000,
} as const;

/** Part 2, 8.3. */
export const TPMA_OBJECT = {
  fixedTPM: 0x00000002,
  stClear: 0x00000004,
  fixedParent: 0x00000010,
  sensitiveDataOrigin: 0x00000020,
  userWithAuth: 0x00000040,
  adminWithPolicy: 0x00000080,
  noDA: 0x00000400,
  encryptedDuplication: 0x00000800,
  restricted: 0x00010000,
  decrypt: 0x00020000,
  sign: 0x00040000,
} as const;

/** Part 2, 13.4; the type field (TPM_NT) is in bits 7:4. */
export const TPMA_NV = {
  PPWRITE: 0x00000001,
  OWNERWRITE: 0x00000002,
  AUTHWRITE: 0x00000004,
  POLICYWRITE: 0x00000008,
  TPM_NT_COUNTER: 0x00000010,
  POLICY_DELETE: 0x00000400,
  WRITEALL: 0x00001000,
  WRITE_STCLEAR: 0x00004000,
  PPREAD: 0x00010000,
  OWNERREAD: 0x00020000,
  AUTHREAD: 0x00040000,
  POLICYREAD: 0x00080000,
  NO_DA: 0x02000000,
  READLOCKED: 0x10000000,
  WRITTEN: 0x20000000,
  PLATFORMCREATE: 0x40000000,
  READ_STCLEAR: 0x80000000,
} as const;

export type HashName = 'sha1' | 'sha256' | 'sha384' | 'sha512';

export const hashAlgorithms: Readonly<Record<HashName, number>> = {
  sha1: TPM_ALG.SHA1,
  sha256: TPM_ALG.SHA256,
  sha384: TPM_ALG.SHA384,
  sha512: TPM_ALG.SHA512,
};

/** The name of a TPM_ALG_ID hash; undefined for others. */
export function hashName(algorithm: number): HashName | undefined {
  return (Object.keys(hashAlgorithms) as HashName[]).find((name) => hashAlgorithms[name] === algorithm);
}
