/** Appraisal, one altered field each (PROTOCOL.md [V2] to [V10]). */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Endorsements } from '../../../attestation/protocol/device_record.js';
import {
  TPM_RH_ENDORSEMENT,
  TPM_RH_OWNER,
  TPM_ST_ATTEST_CERTIFY,
  TPM_ST_ATTEST_QUOTE,
} from '../../../attestation/tpm/constants.js';
import { selectPcrs } from '../../../attestation/tpm/pcr_selection.js';
import { computeNvName, marshalTpmsNvPublic } from '../../../attestation/tpm/tpms_nv_public.js';
import { primaryQualifiedName } from '../../../attestation/tpm/tpmt_public.js';
import { parseAppraisalPolicy } from '../../../attestation/verifier/appraisal_policy.js';
import { type AppraisalInput, appraise, checkClock, requireAffirming } from '../../../attestation/verifier/appraise.js';
import { ROOT_CODE_EXCLUSIONS } from '../../../attestation/verifier/claims.js';
import { parseReferenceValues } from '../../../attestation/verifier/reference_values.js';
import { AK_AREA, COUNTER, SoftwareAttester, STORAGE_KEY_AREA, softwareKey } from '../../support/software_attester.js';

const PCRS = [0, 4, 7];
const NOW = new Date('2026-01-01T00:00:00Z');

const policyJson = { format: 'sealedge-appraisal-policy/1', id: 'test', bank: 'sha256', pcrs: PCRS };
const pcrHex = (byte: number): string => Buffer.alloc(32, byte).toString('hex');
const stateJson = { id: 'good', bank: 'sha256', pcrs: { 0: [pcrHex(0)], 4: [pcrHex(9), pcrHex(4)], 7: [pcrHex(7)] } };
const references = (...states: unknown[]) => parseReferenceValues({ format: 'sealedge-reference-values/1', states });

function endorsementsOf(device: SoftwareAttester): Endorsements {
  return {
    deviceId: '0123456789abcdef0123456789abcdef',
    fleet: 'bakery',
    akPublic: device.ak.public,
    akName: device.ak.name,
    storageKeyPublic: device.storageKey.public,
    storageKeyName: device.storageKey.name,
    counterPublic: device.counterPublic,
    counterName: device.counterName,
  };
}

interface Setup {
  device: SoftwareAttester;
  nonce: Buffer;
  input: AppraisalInput;
}

function setup(change: Partial<AppraisalInput> = {}): Setup {
  const device = new SoftwareAttester();
  const nonce = randomBytes(32);
  const input = {
    evidence: device.evidence(nonce, PCRS),
    endorsements: endorsementsOf(device),
    referenceValues: references(stateJson),
    policy: parseAppraisalPolicy(policyJson),
    expectedNonce: nonce,
    now: NOW,
    ...change,
  };
  return { device, nonce, input };
}

function refusal(input: AppraisalInput): { code?: string; message?: string; fields?: unknown } {
  try {
    appraise(input);
  } catch (error) {
    return error as Error;
  }
  throw new Error('accepted');
}

describe('appraise', () => {
  it('affirms genuine evidence of a known state', () => {
    const { device, input } = setup();
    const appraisal = appraise(input);
    expect(appraisal).toMatchObject({ status: 'affirming', failedClaims: [], counterValue: 7n, fleet: 'bakery' });
    expect(appraisal.claims).toMatchObject({ referenceState: 'good', arbitraryRootCodeExcluded: false });
    expect(Buffer.from(appraisal.akName).equals(device.ak.name)).toBe(true);
    expect(appraisal.expiresAt.getTime() - NOW.getTime()).toBe(300_000);
    expect(() => requireAffirming(appraisal)).not.toThrow();
  });

  it('is a pure function', () => {
    const { input } = setup();
    expect(appraise(input)).toEqual(appraise(input));
  });

  it('names PCR, expected and got of a state it does not know', () => {
    const { device, nonce, input } = setup();
    device.pcrs.set(4, Buffer.alloc(32, 0xee));
    const appraisal = appraise({ ...input, evidence: device.evidence(nonce, PCRS) });
    expect(appraisal.status).toBe('contraindicated');
    expect(appraisal.failedClaims).toEqual([
      { claim: 'pcr:sha256:4', expected: `${pcrHex(9)} or ${pcrHex(4)}`, got: pcrHex(0xee) },
    ]);
    expect(() => requireAffirming(appraisal)).toThrowError(
      expect.objectContaining({
        code: 'ERR_REFERENCE_VALUE_MISMATCH',
        message: expect.stringContaining('pcr:sha256:4'),
      }),
    );
  });

  it('does not mix PCRs of two states, and reports the nearest', () => {
    const a = { ...stateJson, id: 'a', pcrs: { ...stateJson.pcrs, 0: [pcrHex(1)] } };
    const b = { ...stateJson, id: 'b', pcrs: { ...stateJson.pcrs, 4: [pcrHex(1)], 7: [pcrHex(1)] } };
    const appraisal = appraise(setup({ referenceValues: references(b, a) }).input);
    expect(appraisal.failedClaims.map(({ claim }) => claim)).toEqual(['pcr:sha256:0']);
  });

  it('treats a quoted PCR without a reference value, and no reference values at all, as mismatch', () => {
    const { 7: _, ...pcrs } = stateJson.pcrs;
    const missing = appraise(setup({ referenceValues: references({ ...stateJson, pcrs }) }).input);
    expect(missing.failedClaims).toMatchObject([{ claim: 'pcr:sha256:7', expected: 'no value in state good' }]);
    expect(appraise(setup({ referenceValues: [] }).input).failedClaims).toMatchObject([{ claim: 'reference-state' }]);
  });

  it('affirms that arbitrary root code is excluded only with all four mechanisms, and can require it', () => {
    const policy = parseAppraisalPolicy({ ...policyJson, require: { arbitraryRootCodeExcluded: true } });
    for (let n = 0; n <= ROOT_CODE_EXCLUSIONS.length; n++) {
      const rootCodeExcludedBy = ROOT_CODE_EXCLUSIONS.slice(0, n);
      const referenceValues = references({ ...stateJson, rootCodeExcludedBy });
      const all = n === ROOT_CODE_EXCLUSIONS.length;
      expect(appraise(setup({ referenceValues }).input).claims.arbitraryRootCodeExcluded).toBe(all);
      const required = appraise(setup({ referenceValues, policy }).input);
      expect(required.status).toBe(all ? 'affirming' : 'contraindicated');
      if (!all) expect(required.failedClaims).toMatchObject([{ claim: 'arbitrary-root-code-excluded' }]);
    }
  });

  it('takes another judge in place of the policy', () => {
    const judge = () => [{ claim: 'full-moon', expected: 'no', got: 'yes' }];
    expect(appraise({ ...setup().input, judge }).failedClaims).toEqual(judge());
  });

  it('can require a safe clock', () => {
    const policy = parseAppraisalPolicy({ ...policyJson, require: { safeClock: true } });
    const { device, nonce, input } = setup({ policy });
    expect(appraise(input).status).toBe('affirming');
    device.clockInfo = { ...device.clockInfo, safe: false };
    const unsafe = appraise({ ...input, evidence: device.evidence(nonce, PCRS) });
    expect(unsafe.failedClaims).toEqual([{ claim: 'safe-clock', expected: 'YES', got: 'NO' }]);
  });
});

describe('appraise refuses', () => {
  const cases: [string, string, RegExp, (setup: Setup) => Partial<AppraisalInput>][] = [
    [
      'a revoked device',
      'ERR_DEVICE_REVOKED',
      /revoked/,
      ({ input }) => ({
        endorsements: { ...input.endorsements, revoked: true },
      }),
    ],
    [
      'another nonce',
      'ERR_NONCE_MISMATCH',
      /extraData: expected [0-9a-f]{64}, got/,
      () => ({
        expectedNonce: randomBytes(32),
      }),
    ],
    [
      'a signature of another key',
      'ERR_QUOTE_SIGNATURE',
      /signature: expected one of the AK/,
      ({ device, input }) => {
        const { attest } = input.evidence.quote;
        const signature = device.sign(attest, softwareKey(AK_AREA).privateKey);
        return { evidence: { ...input.evidence, quote: { attest, signature } } };
      },
    ],
    [
      'structures no TPM made',
      'ERR_EVIDENCE_MALFORMED',
      /magic/,
      ({ device, nonce, input }) => ({
        evidence: {
          ...input.evidence,
          quote: device.attest(
            { type: TPM_ST_ATTEST_QUOTE, pcrSelect: selectPcrs(11, PCRS), pcrDigest: Buffer.alloc(32) },
            nonce,
            { magic: 0x12345678 },
          ),
        },
      }),
    ],
    [
      'a certification in place of the quote',
      'ERR_EVIDENCE_MALFORMED',
      /type: expected TPM_ST_ATTEST_QUOTE/,
      ({ device, nonce, input }) => ({
        evidence: { ...input.evidence, quote: device.certify(device.ak, nonce) },
      }),
    ],
    [
      'more PCRs than asked for',
      'ERR_PCR_SELECTION',
      /expected sha256:0,4,7, got sha256:0,4,7,8/,
      ({ device, nonce }) => ({
        evidence: device.evidence(nonce, [...PCRS, 8]),
      }),
    ],
    [
      'fewer PCRs than asked for',
      'ERR_PCR_SELECTION',
      /expected sha256:0,4,7, got sha256:0,4/,
      ({ device, nonce }) => ({
        evidence: device.evidence(nonce, [0, 4]),
      }),
    ],
    [
      'a value that was not quoted',
      'ERR_PCR_SELECTION',
      /PCR 9 \(sha256\)/,
      ({ device, input }) => ({
        evidence: { ...input.evidence, pcrs: [...input.evidence.pcrs, ...device.pcrValues([9])] },
      }),
    ],
    [
      'a value missing',
      'ERR_PCR_DIGEST',
      /PCR 7 \(sha256\): expected a value, got none/,
      ({ input }) => ({
        evidence: { ...input.evidence, pcrs: input.evidence.pcrs.slice(0, 2) },
      }),
    ],
    [
      'a value twice',
      'ERR_EVIDENCE_MALFORMED',
      /PCR 0 \(sha256\): expected one value, got two/,
      ({ device, input }) => ({
        evidence: { ...input.evidence, pcrs: [...input.evidence.pcrs, ...device.pcrValues([0])] },
      }),
    ],
    [
      'a value of the wrong size',
      'ERR_EVIDENCE_MALFORMED',
      /PCR 0 \(sha256\): expected 32 bytes, got 20/,
      ({ input }) => ({
        evidence: {
          ...input.evidence,
          pcrs: input.evidence.pcrs.with(0, { bank: 'sha256', index: 0, value: Buffer.alloc(20) }),
        },
      }),
    ],
    [
      'values that were not the quoted ones',
      'ERR_PCR_DIGEST',
      /pcrDigest: expected [0-9a-f]{64}, got/,
      ({ device, input }) => {
        device.pcrs.set(7, Buffer.alloc(32, 0x55));
        return { evidence: { ...input.evidence, pcrs: device.pcrValues(PCRS) } };
      },
    ],
    [
      'another storage key',
      'ERR_STORAGE_KEY',
      /storage key Name: expected 000b/,
      ({ device, nonce, input }) => {
        const other = softwareKey(STORAGE_KEY_AREA);
        const storageKey = { public: other.public, ...device.certify(other, nonce) };
        return { evidence: { ...input.evidence, storageKey } };
      },
    ],
    [
      'a certification of another key',
      'ERR_STORAGE_KEY',
      /certified Name/,
      ({ device, nonce, input }) => ({
        evidence: {
          ...input.evidence,
          storageKey: { public: device.storageKey.public, ...device.certify(device.ak, nonce) },
        },
      }),
    ],
    [
      'a storage key outside the owner hierarchy, which TPM2_Clear would not destroy',
      'ERR_STORAGE_KEY',
      /certified Qualified Name/,
      ({ device, nonce, input }) => {
        const certified = device.certify(device.storageKey, nonce, TPM_RH_ENDORSEMENT);
        return { evidence: { ...input.evidence, storageKey: { public: device.storageKey.public, ...certified } } };
      },
    ],
    [
      'an AK outside the endorsement hierarchy, whose resetCount is no resetCount',
      'ERR_AK_NAME',
      /qualifiedSigner/,
      ({ device, nonce, input }) => {
        const quoted = {
          type: TPM_ST_ATTEST_QUOTE,
          pcrSelect: selectPcrs(11, PCRS),
          pcrDigest: Buffer.alloc(32),
        } as const;
        const qualifiedSigner = primaryQualifiedName(TPM_RH_OWNER, device.ak.area);
        return { evidence: { ...input.evidence, quote: device.attest(quoted, nonce, { qualifiedSigner }) } };
      },
    ],
    [
      'a certification over an old nonce',
      'ERR_NONCE_MISMATCH',
      /extraData/,
      ({ device, input }) => ({
        evidence: {
          ...input.evidence,
          storageKey: { public: device.storageKey.public, ...device.certify(device.storageKey, randomBytes(32)) },
        },
      }),
    ],
    [
      'a counter that went back',
      'ERR_NV_CERTIFY',
      /counter: expected at least 8, got 7/,
      ({ input }) => ({
        endorsements: { ...input.endorsements, lastCounter: 8n },
      }),
    ],
    [
      'another counter',
      'ERR_NV_CERTIFY',
      /counter Name/,
      ({ device, nonce, input }) => {
        const other = { ...COUNTER, nvIndex: COUNTER.nvIndex + 1 };
        const certified = device.certifyCounter(nonce, { indexName: computeNvName(other) });
        return { evidence: { ...input.evidence, counter: { nvPublic: marshalTpmsNvPublic(other), ...certified } } };
      },
    ],
    [
      'a TPM that was cleared',
      'ERR_CLOCK',
      /resetCount: expected at least 6, got 5/,
      ({ device, input }) => ({
        endorsements: { ...input.endorsements, lastClock: { ...device.clockInfo, resetCount: 6 } },
      }),
    ],
  ];

  it.each(cases)('%s', (_name, code, message, change) => {
    const one = setup();
    const error = refusal({ ...one.input, ...change(one) });
    expect(error).toMatchObject({ code });
    expect(error.message).toMatch(message);
  });

  it('a SHA-1 bank, unless the policy allows it', () => {
    expect(() => parseAppraisalPolicy({ ...policyJson, bank: 'sha1' })).toThrowError(
      /bank: expected a SHA-2 bank, or allowSha1/,
    );
    expect(parseAppraisalPolicy({ ...policyJson, bank: 'sha1', allowSha1: true })).toMatchObject({ allowSha1: true });
  });

  it('evidence of another type signed by the AK, whatever it says', () => {
    const { device, nonce, input } = setup();
    const quote = device.attest(
      { type: TPM_ST_ATTEST_CERTIFY, name: device.ak.name, qualifiedName: device.ak.name },
      nonce,
    );
    const storageKey = { public: device.storageKey.public, ...device.quote(nonce, PCRS) };
    expect(refusal({ ...input, evidence: { ...input.evidence, quote } })).toMatchObject({
      code: 'ERR_EVIDENCE_MALFORMED',
    });
    expect(refusal({ ...input, evidence: { ...input.evidence, storageKey } })).toMatchObject({
      code: 'ERR_EVIDENCE_MALFORMED',
    });
  });
});

describe('checkClock', () => {
  const last = { clock: 1000n, resetCount: 4, restartCount: 2, safe: true };

  it('follows a TPM through time, suspend, reset and power loss', () => {
    expect(() => checkClock(undefined, last)).not.toThrow();
    expect(() => checkClock(last, last)).not.toThrow();
    expect(() => checkClock(last, { ...last, clock: 2000n })).not.toThrow();
    expect(() => checkClock(last, { ...last, restartCount: 3, clock: 1500n })).not.toThrow();
    expect(() => checkClock(last, { ...last, resetCount: 5, restartCount: 0, clock: 1500n })).not.toThrow();
    // An unorderly shutdown loses what of the clock was not written to NV yet, whatever `safe` says by then.
    for (const safe of [false, true]) {
      expect(() => checkClock(last, { clock: 900n, resetCount: 5, restartCount: 0, safe })).not.toThrow();
    }
  });

  it.each([
    ['resetCount', { ...last, resetCount: 3 }],
    ['restartCount', { ...last, restartCount: 1 }],
    ['clock', { ...last, clock: 999n }],
    ['clock', { ...last, clock: 999n, safe: false }],
  ])('refuses a %s that went back', (what, now) => {
    expect(() => checkClock(last, now)).toThrowError(
      expect.objectContaining({ code: 'ERR_CLOCK', message: expect.stringContaining(what) }),
    );
  });
});
