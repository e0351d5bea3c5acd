/** What a device says of its own memory, in Evidence: bound to the quote, judged, carried (PROTOCOL.md [V11]). */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Endorsements } from '../../../attestation/protocol/device_record.js';
import { type ResidencyStatement, residencyQualifyingData } from '../../../attestation/protocol/residency.js';
import { parseAppraisalPolicy, policyUri } from '../../../attestation/verifier/appraisal_policy.js';
import { type Appraisal, appraise } from '../../../attestation/verifier/appraise.js';
import { buildAttestationResult } from '../../../attestation/verifier/attestation_result.js';
import { parseReferenceValues } from '../../../attestation/verifier/reference_values.js';
import { SoftwareAttester } from '../../support/software_attester.js';

const PCRS = [0, 4];
const CLEAN: ResidencyStatement = {
  keyId: 'ab'.repeat(32),
  level: 'secretmem',
  weightBytes: 100_000,
  secretBytes: 100_000,
  probes: 200,
  bytesRead: 200_000_000,
  hitCount: 0,
  controlFound: true,
};

const policyWith = (require: object) =>
  parseAppraisalPolicy({ format: 'sealedge-appraisal-policy/1', id: 'test', bank: 'sha256', pcrs: PCRS, require });
const hex = (byte: number): string => Buffer.alloc(32, byte).toString('hex');
const referenceValues = parseReferenceValues({
  format: 'sealedge-reference-values/1',
  states: [{ id: 'good', bank: 'sha256', pcrs: { 0: [hex(0)], 4: [hex(4)] } }],
});

/** @param signed - the statement in the quote; @param sent - the one in the message */
function judge(sent: ResidencyStatement | undefined, require: object = {}, signed = sent): Appraisal {
  const device = new SoftwareAttester();
  const nonce = randomBytes(32);
  const endorsements: Endorsements = {
    deviceId: '0123456789abcdef0123456789abcdef',
    fleet: 'bakery',
    akPublic: device.ak.public,
    akName: device.ak.name,
    storageKeyPublic: device.storageKey.public,
    storageKeyName: device.storageKey.name,
    counterPublic: device.counterPublic,
    counterName: device.counterName,
  };
  const quote = device.quote(signed === undefined ? nonce : residencyQualifyingData(nonce, signed), PCRS);
  const evidence = { ...device.evidence(nonce, PCRS), quote, ...(sent === undefined ? {} : { residency: sent }) };
  const now = new Date('2026-01-01T00:00:00Z');
  return appraise({ evidence, endorsements, referenceValues, policy: policyWith(require), expectedNonce: nonce, now });
}

const submoduleOf = (appraisal: Appraisal) =>
  buildAttestationResult(appraisal, { developer: 'd', build: 'b' }, 'a'.repeat(22)).submods.device;

describe('a residency statement [V11]', () => {
  it('is affirmed, and carried in the result', () => {
    const appraisal = judge(CLEAN, { residency: 'secretmem' });
    expect(appraisal.status).toBe('affirming');
    expect(submoduleOf(appraisal)).toMatchObject({
      'ear.status': 'affirming',
      'ear.trustworthiness-vector': { 'runtime-opaque': 2 },
      'sealedge.residency': CLEAN,
    });
  });

  it('cannot be altered, put in or taken out on the way', () => {
    const cases: [ResidencyStatement | undefined, ResidencyStatement | undefined][] = [
      [undefined, CLEAN],
      [CLEAN, undefined],
      ...Object.entries({
        keyId: 'cd'.repeat(32),
        level: 'locked' as const,
        weightBytes: 99_999,
        secretBytes: 99_999,
        probes: 201,
        bytesRead: 1,
        hitCount: 1,
        controlFound: false,
      }).map(([name, value]): [ResidencyStatement, ResidencyStatement] => [{ ...CLEAN, [name]: value }, CLEAN]),
    ];
    for (const [sent, signed] of cases) {
      expect(() => (signed === undefined ? judgeUnsigned(sent) : judge(sent, {}, signed))).toThrow(
        expect.objectContaining({ code: 'ERR_NONCE_MISMATCH' }),
      );
    }
  });

  it.each([
    ['weights were found elsewhere', { hitCount: 3 }],
    ['some are in ordinary memory', { secretBytes: 99_999 }],
    ['all are', { level: 'ordinary' as const, secretBytes: 0 }],
    ['the search proves nothing', { controlFound: false }],
    ['nothing was looked for', { probes: 0 }],
  ])('is contraindicated when %s, asked for or not', (_, change) => {
    const appraisal = judge({ ...CLEAN, ...change });
    expect(appraisal.status).toBe('contraindicated');
    expect(appraisal.failedClaims.map(({ claim }) => claim)).toEqual(['residency']);
    expect(submoduleOf(appraisal)?.['ear.trustworthiness-vector']).toMatchObject({ 'runtime-opaque': 96 });
  });

  it('of locked memory is enough unless the policy wants more', () => {
    const locked = { ...CLEAN, level: 'locked' as const };
    expect(judge(locked).status).toBe('affirming');
    expect(judge(locked, { residency: 'locked' }).status).toBe('affirming');
    expect(judge(locked, { residency: 'secretmem' })).toMatchObject({
      status: 'contraindicated',
      failedClaims: [{ claim: 'residency', got: 'locked' }],
    });
    expect(submoduleOf(judge(locked))?.['ear.trustworthiness-vector']).not.toHaveProperty('runtime-opaque');
  });

  it('is missed where the policy wants one', () => {
    expect(judge(undefined).status).toBe('affirming');
    expect(judge(undefined, { residency: 'locked' }).failedClaims).toMatchObject([
      { claim: 'residency', got: 'nothing' },
    ]);
  });

  it('changes the URI of a policy only when the policy asks for it', () => {
    expect(policyUri(policyWith({ residency: 'locked' }))).not.toBe(policyUri(policyWith({})));
    expect(policyUri(policyWith({ residency: 'locked' }))).not.toBe(policyUri(policyWith({ residency: 'secretmem' })));
  });
});

/** A statement that no quote knows of. */
function judgeUnsigned(sent: ResidencyStatement | undefined): Appraisal {
  const other = sent === undefined ? CLEAN : { ...sent, probes: sent.probes + 1 };
  return judge(sent, {}, other);
}
