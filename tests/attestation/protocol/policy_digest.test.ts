/** Policy digests against the TCG's own: PolicyA and PolicyB of the EK Credential Profile 2.5, B.6. */
import { describe, expect, it } from 'vitest';
import { keyAuthPolicy, refLease, refState } from '../../../attestation/protocol/key_policy.js';
import {
  emptyPolicy,
  policyAuthorize,
  policyCommandCode,
  policyOr,
  policySecret,
} from '../../../attestation/protocol/policy_digest.js';
import { u32 } from '../../../attestation/tpm/byte_writer.js';
import { TPM_CC_Duplicate, TPM_RH_ENDORSEMENT } from '../../../attestation/tpm/constants.js';

const POLICY_A = '837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa';
const POLICY_B = 'ca3d0a99a2b93906f7a3342414efcfb3a385d44cd1fd459089d19b5071c0b7a0';
const POLICY_C = '3767e2edd43ff45a3a7e1eaefcef78643dca964632e7aad82c673a30d8633fde';

describe('policy digests', () => {
  it('PolicySecret(endorsement) is PolicyA', () => {
    expect(policySecret(emptyPolicy(), u32(TPM_RH_ENDORSEMENT), new Uint8Array()).toString('hex')).toBe(POLICY_A);
  });

  it('PolicyOR of PolicyA and PolicyC is PolicyB', () => {
    expect(policyOr([Buffer.from(POLICY_A, 'hex'), Buffer.from(POLICY_C, 'hex')]).toString('hex')).toBe(POLICY_B);
    expect(() => policyOr([Buffer.from(POLICY_A, 'hex')])).toThrowError(/2 to 8 branches, got 1/);
  });

  it('whatever the lease key signs, Duplicate is not Unseal', () => {
    const name = Buffer.concat([Buffer.from('000b', 'hex'), Buffer.alloc(32, 1)]);
    const ref = refLease(name, Buffer.alloc(32, 2));
    expect(policyCommandCode(policyAuthorize(name, ref), TPM_CC_Duplicate).equals(keyAuthPolicy(name, ref))).toBe(
      false,
    );
  });

  it('references are apart for other fleets, epochs, keys', () => {
    const refs = [refState('a', 1n), refState('a', 2n), refState('b', 1n), refState('a1', 1n)];
    expect(new Set(refs.map((ref) => ref.toString('hex'))).size).toBe(refs.length);
    expect(() => refState('A', 1n)).toThrowError(/fleet name/);
    expect(() => refLease(Buffer.alloc(33), Buffer.alloc(32))).toThrowError(/AK Name: expected 34 bytes, got 33/);
    expect(() => refLease(Buffer.alloc(34), Buffer.alloc(16))).toThrowError(/key id: expected 32 bytes, got 16/);
  });
});
