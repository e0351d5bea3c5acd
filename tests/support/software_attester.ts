/**
 * A device in software for tests of the verifier: keys and structures a TPM would make, so that any bit of them can be set wrong.
 * Evidence of real and simulated TPMs is in the vectors and in the swtpm tests.
 */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { Evidence, PcrValue, SignedAttestBytes } from '../../attestation/protocol/decode.js';
import type { BankName } from '../../attestation/protocol/messages.js';
import {
  TPM_ALG_ECC,
  TPM_ALG_ECDSA,
  TPM_ALG_SHA256,
  TPM_GENERATED_VALUE,
  TPM_RH_ENDORSEMENT,
  TPM_RH_OWNER,
  TPM_ST_ATTEST_CERTIFY,
  TPM_ST_ATTEST_NV,
  TPM_ST_ATTEST_QUOTE,
} from '../../attestation/tpm/constants.js';
import { hashByName } from '../../attestation/tpm/hash.js';
import { pcrDigest, selectPcrs } from '../../attestation/tpm/pcr_selection.js';
import {
  type Attested,
  type ClockInfo,
  marshalTpmsAttest,
  type TpmsAttest,
} from '../../attestation/tpm/tpms_attest.js';
import { computeNvName, marshalTpmsNvPublic, type TpmsNvPublic } from '../../attestation/tpm/tpms_nv_public.js';
import {
  computeName,
  type EccPublic,
  marshalTpmtPublic,
  primaryQualifiedName,
} from '../../attestation/tpm/tpmt_public.js';
import { marshalTpmtSignature } from '../../attestation/tpm/tpmt_signature.js';

export interface SoftwareKey {
  area: EccPublic;
  public: Buffer;
  name: Buffer;
  privateKey: KeyObject;
}

export const AK_AREA = {
  objectAttributes: 0x00050472,
  scheme: { scheme: TPM_ALG_ECDSA, hash: TPM_ALG_SHA256 },
} as const;
export const STORAGE_KEY_AREA = {
  objectAttributes: 0x00030472,
  symmetric: { algorithm: 0x0006, keyBits: 128, mode: 0x0043 },
} as const;
export const EK_AREA = {
  objectAttributes: 0x000300b2,
  authPolicy: Buffer.from('837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa', 'hex'),
  symmetric: { algorithm: 0x0006, keyBits: 128, mode: 0x0043 },
} as const;

/** A P-256 key with a public area of one's choice. */
export function softwareKey(area: Partial<EccPublic>): SoftwareKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const whole: EccPublic = {
    type: TPM_ALG_ECC,
    nameAlg: TPM_ALG_SHA256,
    objectAttributes: 0,
    authPolicy: new Uint8Array(),
    curve: 0x0003,
    x: Buffer.from(x, 'base64url'),
    y: Buffer.from(y, 'base64url'),
    ...area,
  };
  return { area: whole, public: marshalTpmtPublic(whole), name: computeName(whole), privateKey };
}

export const COUNTER: TpmsNvPublic = {
  nvIndex: 0x01805ea1,
  nameAlg: TPM_ALG_SHA256,
  attributes: 0xa2040014,
  authPolicy: new Uint8Array(),
  dataSize: 8,
};

export class SoftwareAttester {
  readonly ek = softwareKey(EK_AREA);
  readonly ak = softwareKey(AK_AREA);
  readonly storageKey = softwareKey(STORAGE_KEY_AREA);
  readonly counterPublic = marshalTpmsNvPublic(COUNTER);
  readonly counterName = computeNvName(COUNTER);
  counterValue = 7n;
  clockInfo: ClockInfo = { clock: 100_000n, resetCount: 5, restartCount: 1, safe: true };
  readonly bank: BankName = 'sha256';
  readonly pcrs = new Map<number, Buffer>();

  constructor() {
    for (let pcr = 0; pcr < 24; pcr++) this.pcrs.set(pcr, Buffer.alloc(32, pcr));
  }

  sign(attest: Uint8Array, key: KeyObject = this.ak.privateKey): Buffer {
    const signature = sign('sha256', attest, { key, dsaEncoding: 'ieee-p1363' });
    return marshalTpmtSignature({
      sigAlg: TPM_ALG_ECDSA,
      hash: TPM_ALG_SHA256,
      r: signature.subarray(0, 32),
      s: signature.subarray(32),
    });
  }

  attest(attested: Attested, nonce: Uint8Array, change: Partial<TpmsAttest> = {}): SignedAttestBytes {
    const attest = marshalTpmsAttest({
      magic: TPM_GENERATED_VALUE,
      qualifiedSigner: primaryQualifiedName(TPM_RH_ENDORSEMENT, this.ak.area),
      extraData: nonce,
      clockInfo: this.clockInfo,
      firmwareVersion: 1n,
      attested,
      ...change,
    });
    return { attest, signature: this.sign(attest) };
  }

  quote(nonce: Uint8Array, pcrs: readonly number[]): SignedAttestBytes {
    const hash = hashByName(this.bank)?.id ?? 0;
    const selection = selectPcrs(hash, pcrs);
    const computed = pcrDigest(TPM_ALG_SHA256, selection, new Map([[hash, this.pcrs]]));
    if ('missing' in computed) throw new Error(`PCR ${computed.missing.pcr} has no value`);
    return this.attest({ type: TPM_ST_ATTEST_QUOTE, pcrSelect: selection, pcrDigest: computed.digest }, nonce);
  }

  certify(key: SoftwareKey, nonce: Uint8Array, hierarchy = TPM_RH_OWNER): SignedAttestBytes {
    const qualifiedName = primaryQualifiedName(hierarchy, key.area);
    return this.attest({ type: TPM_ST_ATTEST_CERTIFY, name: key.name, qualifiedName }, nonce);
  }

  certifyCounter(nonce: Uint8Array, change: { offset?: number; nvContents?: Uint8Array; indexName?: Uint8Array } = {}) {
    const nvContents = Buffer.alloc(8);
    nvContents.writeBigUInt64BE(this.counterValue);
    const contents = { indexName: this.counterName, offset: 0, nvContents, ...change };
    return this.attest({ type: TPM_ST_ATTEST_NV, ...contents }, nonce);
  }

  pcrValues(pcrs: readonly number[]): PcrValue[] {
    return pcrs.map((index) => ({ bank: this.bank, index, value: Buffer.from(this.pcrs.get(index) ?? []) }));
  }

  evidence(nonce: Uint8Array, pcrs: readonly number[]): Evidence {
    return {
      quote: this.quote(nonce, pcrs),
      pcrs: this.pcrValues(pcrs),
      storageKey: { public: this.storageKey.public, ...this.certify(this.storageKey, nonce) },
      counter: { nvPublic: this.counterPublic, ...this.certifyCounter(nonce) },
    };
  }
}
