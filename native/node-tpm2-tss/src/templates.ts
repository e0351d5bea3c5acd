/**
 * Public areas (TPMT_PUBLIC, Part 2, 12.2.4) that the TCG prescribes: endorsement keys (TCG EK Credential Profile 2.5, annex B), storage
 * root keys (TCG TPM v2.0 Provisioning Guidance, 7.5.1) and attestation keys (restricted signing).
 */

import { createHash } from 'node:crypto';
import { type HashName, hashAlgorithms, TPM_ALG, TPM_CC, TPM_ECC, TPM_RH, TPMA_OBJECT } from './constants.js';
import { nvName, nvPublic, tpm2b, u16, u32 } from './marshal.js';

const sizes: Record<HashName, number> = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 };

export interface EkTemplate {
  /** As the profile names it. */
  readonly id: 'L-1' | 'L-2' | 'H-1' | 'H-2' | 'H-3';
  /** NV index of the certificate. */
  readonly certificateIndex: number;
  /** NV indices of a nonce and a template that replace those here, where the chip has them (low range only). */
  readonly nonceIndex?: number;
  readonly templateIndex?: number;
  /** Hash of the Name and of the policy. */
  readonly nameAlg: HashName;
  /** The branches of the key's policy: one, or the two of PolicyB. The first is PolicySecret(TPM_RH_ENDORSEMENT). */
  readonly policyBranches: readonly Uint8Array[];
  /** TPMT_PUBLIC to give TPM2_CreatePrimary under TPM_RH_ENDORSEMENT. */
  readonly publicArea: Uint8Array;
}

/** L-1: RSA 2048; L-2: ECC P-256; H-1: RSA 2048; H-2: ECC P-256; H-3: ECC P-384. */
export function ekTemplate(id: EkTemplate['id']): EkTemplate {
  const low = id.startsWith('L');
  const nameAlg: HashName = id === 'H-3' ? 'sha384' : 'sha256';
  const policyBranches = low ? [policyA(nameAlg)] : [policyA(nameAlg), policyC(nameAlg)];
  const attributes =
    TPMA_OBJECT.fixedTPM |
    TPMA_OBJECT.fixedParent |
    TPMA_OBJECT.sensitiveDataOrigin |
    TPMA_OBJECT.adminWithPolicy |
    TPMA_OBJECT.restricted |
    TPMA_OBJECT.decrypt |
    (low ? 0 : TPMA_OBJECT.userWithAuth);
  const authPolicy = low ? (policyBranches[0] as Buffer) : policyOr(nameAlg, policyBranches);
  const symmetric = aesCfb(id === 'H-3' ? 256 : 128);
  const ecc = id === 'L-2' || id === 'H-2' || id === 'H-3';
  const curve = id === 'H-3' ? TPM_ECC.NIST_P384 : TPM_ECC.NIST_P256;
  // B.3 fills the unique field with zeros of the key's size; B.4 leaves it empty.
  const parameters = ecc
    ? eccKey({ symmetric, scheme: u16(TPM_ALG.NULL), curve, uniqueBytes: low ? 32 : 0 })
    : rsaKey({ symmetric, scheme: u16(TPM_ALG.NULL), uniqueBytes: low ? 256 : 0 });
  const type = ecc ? TPM_ALG.ECC : TPM_ALG.RSA;
  const publicArea = area(type, nameAlg, attributes, authPolicy, parameters);
  const indices = {
    'L-1': { certificateIndex: 0x01c00002, nonceIndex: 0x01c00003, templateIndex: 0x01c00004 },
    'L-2': { certificateIndex: 0x01c0000a, nonceIndex: 0x01c0000b, templateIndex: 0x01c0000c },
    'H-1': { certificateIndex: 0x01c00012 },
    'H-2': { certificateIndex: 0x01c00014 },
    'H-3': { certificateIndex: 0x01c00016 },
  };
  return { id, ...indices[id], nameAlg, policyBranches, publicArea };
}

/** Every EK template known here, in the order in which a verifier should prefer them. */
export const ekTemplateIds = ['H-3', 'H-2', 'H-1', 'L-2', 'L-1'] as const;

/** The storage root key of the Provisioning Guidance: restricted decryption, noDA, no policy. */
export function srkTemplate(type: 'ecc-p256' | 'rsa-2048'): Buffer {
  const attributes =
    TPMA_OBJECT.fixedTPM |
    TPMA_OBJECT.fixedParent |
    TPMA_OBJECT.sensitiveDataOrigin |
    TPMA_OBJECT.userWithAuth |
    TPMA_OBJECT.noDA |
    TPMA_OBJECT.restricted |
    TPMA_OBJECT.decrypt;
  const symmetric = aesCfb(128);
  const scheme = u16(TPM_ALG.NULL);
  return type === 'ecc-p256'
    ? area(
        TPM_ALG.ECC,
        'sha256',
        attributes,
        new Uint8Array(),
        eccKey({ symmetric, scheme, curve: TPM_ECC.NIST_P256, uniqueBytes: 32 }),
      )
    : area(TPM_ALG.RSA, 'sha256', attributes, new Uint8Array(), rsaKey({ symmetric, scheme, uniqueBytes: 256 }));
}

/**
 * An attestation key: restricted signing, no policy, attributes exactly 0x00050472. noDA: its authValue is empty, and a TPM counts every
 * unorderly power loss after use of a DA-protected object as a failed try, until attestation is locked out (Part 1, 19.8).
 */
export function akTemplate(type: 'ecc-p256' | 'rsa-2048'): Buffer {
  const attributes =
    TPMA_OBJECT.fixedTPM |
    TPMA_OBJECT.fixedParent |
    TPMA_OBJECT.sensitiveDataOrigin |
    TPMA_OBJECT.userWithAuth |
    TPMA_OBJECT.noDA |
    TPMA_OBJECT.restricted |
    TPMA_OBJECT.sign;
  const symmetric = u16(TPM_ALG.NULL);
  const hash = u16(TPM_ALG.SHA256);
  return type === 'ecc-p256'
    ? area(
        TPM_ALG.ECC,
        'sha256',
        attributes,
        new Uint8Array(),
        eccKey({
          symmetric,
          scheme: Buffer.concat([u16(TPM_ALG.ECDSA), hash]),
          curve: TPM_ECC.NIST_P256,
          uniqueBytes: 0,
        }),
      )
    : area(
        TPM_ALG.RSA,
        'sha256',
        attributes,
        new Uint8Array(),
        rsaKey({ symmetric, scheme: Buffer.concat([u16(TPM_ALG.RSASSA), hash]), uniqueBytes: 0 }),
      );
}

/** A sealed data object (KEYEDHASH, scheme NULL). */
export function sealedObjectTemplate(options: {
  authPolicy?: Uint8Array;
  attributes: number;
  nameAlg?: HashName;
}): Buffer {
  const policy = options.authPolicy ?? new Uint8Array();
  const parameters = Buffer.concat([u16(TPM_ALG.NULL), tpm2b(new Uint8Array())]);
  return area(TPM_ALG.KEYEDHASH, options.nameAlg ?? 'sha256', options.attributes, policy, parameters);
}

/** An ECC P-256 public key that verifies ECDSA/SHA-256, for TPM2_LoadExternal. */
export function ecdsaVerificationKey(point: { x: Uint8Array; y: Uint8Array }): Buffer {
  return Buffer.concat([
    u16(TPM_ALG.ECC),
    u16(TPM_ALG.SHA256),
    u32(TPMA_OBJECT.sign | TPMA_OBJECT.userWithAuth),
    tpm2b(new Uint8Array()),
    u16(TPM_ALG.NULL),
    u16(TPM_ALG.ECDSA),
    u16(TPM_ALG.SHA256),
    u16(TPM_ECC.NIST_P256),
    u16(TPM_ALG.NULL),
    tpm2b(point.x),
    tpm2b(point.y),
  ]);
}

/** PolicyA: PolicySecret(TPM_RH_ENDORSEMENT). PolicyUpdate of Part 3, 23.4: two digests, the second over the policyRef. */
function policyA(hash: HashName): Buffer {
  const command = Buffer.concat([u32(TPM_CC.PolicySecret), u32(TPM_RH.ENDORSEMENT)]);
  return extend(hash, extend(hash, Buffer.alloc(sizes[hash]), command), Buffer.alloc(0));
}

/** PolicyC: PolicyAuthorizeNV of the policy index that the profile defines (B.5), whether the chip has it or not. */
function policyC(hash: HashName): Buffer {
  const index = { sha1: 0, sha256: 0x01c07f01, sha384: 0x01c07f02, sha512: 0x01c07f03 }[hash];
  // POLICYWRITE | WRITEALL | PPREAD | OWNERREAD | AUTHREAD | POLICYREAD | NO_DA | WRITTEN; the index holds one TPMT_HA.
  const publicArea = nvPublic({
    nvIndex: index,
    nameAlg: hash,
    attributes: 0x220f1008,
    authPolicy: policyA(hash),
    dataSize: sizes[hash] + 2,
  });
  const command = Buffer.concat([u32(TPM_CC.PolicyAuthorizeNV), nvName(publicArea)]);
  return extend(hash, Buffer.alloc(sizes[hash]), command);
}

function policyOr(hash: HashName, branches: readonly Uint8Array[]): Buffer {
  return extend(hash, Buffer.alloc(sizes[hash]), Buffer.concat([u32(TPM_CC.PolicyOR), ...branches]));
}

function extend(hash: HashName, digest: Uint8Array, data: Uint8Array): Buffer {
  return createHash(hash).update(digest).update(data).digest();
}

function aesCfb(keyBits: number): Buffer {
  return Buffer.concat([u16(TPM_ALG.AES), u16(keyBits), u16(TPM_ALG.CFB)]);
}

/** TPMS_RSA_PARMS and TPM2B_PUBLIC_KEY_RSA; exponent 0 means 65537. */
function rsaKey(key: { symmetric: Uint8Array; scheme: Uint8Array; uniqueBytes: number }): Buffer {
  return Buffer.concat([key.symmetric, key.scheme, u16(2048), u32(0), tpm2b(Buffer.alloc(key.uniqueBytes))]);
}

/** TPMS_ECC_PARMS (kdf NULL) and TPMS_ECC_POINT. */
function eccKey(key: { symmetric: Uint8Array; scheme: Uint8Array; curve: number; uniqueBytes: number }): Buffer {
  const coordinate = tpm2b(Buffer.alloc(key.uniqueBytes));
  return Buffer.concat([key.symmetric, key.scheme, u16(key.curve), u16(TPM_ALG.NULL), coordinate, coordinate]);
}

function area(
  type: number,
  nameAlg: HashName,
  attributes: number,
  authPolicy: Uint8Array,
  parametersAndUnique: Uint8Array,
): Buffer {
  return Buffer.concat([
    u16(type),
    u16(hashAlgorithms[nameAlg]),
    u32(attributes),
    tpm2b(authPolicy),
    parametersAndUnique,
  ]);
}
