/**
 * The appraisal policy: which PCRs must be quoted and what the operator insists on. A small JSON document for now; a Cedar policy
 * (design decision 17) will take its place. What the replacement has to provide is {@link ClaimsJudge}: everything else in
 * this room hands it claims and takes its verdict.
 */
import { createHash } from 'node:crypto';
import { UsageError } from '../../src/errors.js';
import { BANK_NAMES } from '../protocol/decode.js';
import { JsonReader } from '../protocol/json_reader.js';
import type { BankName, PcrSelectionMessage } from '../protocol/messages.js';
import { isResident, type ResidencyStatement } from '../protocol/residency.js';
import { hashByName } from '../tpm/hash.js';
import { type PcrSelection, selectPcrs } from '../tpm/pcr_selection.js';
import type { Claims, FailedClaim } from './claims.js';

export const APPRAISAL_POLICY_FORMAT = 'sealedge-appraisal-policy/1';

export interface AppraisalPolicy {
  id: string;
  bank: BankName;
  /** Ascending. */
  pcrs: readonly number[];
  /** SHA-1 banks are refused unless this is set (PROTOCOL.md [V8]). */
  allowSha1: boolean;
  require: {
    /** [V10]. */
    arbitraryRootCodeExcluded: boolean;
    /** TPMS_CLOCK_INFO.safe. */
    safeClock: boolean;
    /** Weights of a loaded model at this level of memory or a better one, and nowhere else ([V11]). */
    residency?: 'secretmem' | 'locked';
  };
  resultLifetimeSeconds: number;
}

/** Judges claims; each entry is a reason not to affirm. Must be pure. */
export type ClaimsJudge = (claims: Claims) => FailedClaim[];

const POLICY_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const DEFAULT_RESULT_LIFETIME_SECONDS = 300;
const MAX_RESULT_LIFETIME_SECONDS = 86_400;

/**
 * Reads the JSON form:
 * `{format, id, bank: "sha256", pcrs: [0, 1, ...], allowSha1?, require?: {arbitraryRootCodeExcluded?, safeClock?, residency?: "secretmem" | "locked"}, resultLifetimeSeconds?}`.
 * @throws UsageError `ERR_OPTION_INVALID` naming the member.
 */
export function parseAppraisalPolicy(value: unknown): AppraisalPolicy {
  const json = new JsonReader(value, 'appraisalPolicy', 'usage');
  json.oneOf('format', [APPRAISAL_POLICY_FORMAT]);
  const id = json.text('id', POLICY_ID);
  const bank = json.oneOf('bank', BANK_NAMES);
  const pcrs = readPcrs(json);
  const allowSha1 = json.has('allowSha1') && json.boolean('allowSha1');
  if (bank === 'sha1' && !allowSha1) throw json.error('bank', 'a SHA-2 bank, or allowSha1', bank);
  const require = readRequire(json);
  const resultLifetimeSeconds = json.has('resultLifetimeSeconds')
    ? json.integer('resultLifetimeSeconds', 1, MAX_RESULT_LIFETIME_SECONDS)
    : DEFAULT_RESULT_LIFETIME_SECONDS;
  json.finish();
  return { id, bank, pcrs, allowSha1, require, resultLifetimeSeconds };
}

function readPcrs(json: JsonReader): number[] {
  const list = json.list('pcrs', { min: 1, max: 24 });
  const pcrs: number[] = [];
  for (const one of list) {
    if (typeof one !== 'number' || !Number.isInteger(one) || one < 0 || one > 23 || one <= (pcrs.at(-1) ?? -1)) {
      throw json.error('pcrs', 'ascending numbers from 0 to 23', one);
    }
    pcrs.push(one);
  }
  return pcrs;
}

function readRequire(json: JsonReader): AppraisalPolicy['require'] {
  if (!json.has('require')) return { arbitraryRootCodeExcluded: false, safeClock: false };
  const flags = json.object('require');
  const flag = (name: string): boolean => flags.has(name) && flags.boolean(name);
  const require = {
    arbitraryRootCodeExcluded: flag('arbitraryRootCodeExcluded'),
    safeClock: flag('safeClock'),
    ...(flags.has('residency') ? { residency: flags.oneOf('residency', ['secretmem', 'locked'] as const) } : {}),
  };
  flags.finish();
  return require;
}

export function policySelection(policy: AppraisalPolicy): PcrSelection {
  const hash = hashByName(policy.bank);
  if (hash === undefined) throw new UsageError('ERR_OPTION_INVALID', `PCR bank ${policy.bank} is not supported`);
  return selectPcrs(hash.id, policy.pcrs);
}

/** For the challenge. */
export function policySelectionMessage(policy: AppraisalPolicy): PcrSelectionMessage {
  return { bank: policy.bank, pcrs: [...policy.pcrs] };
}

/** `ear.appraisal-policy-id`: names the policy and pins its content. */
export function policyUri(policy: AppraisalPolicy): string {
  const canonical = JSON.stringify([
    APPRAISAL_POLICY_FORMAT,
    policy.id,
    policy.bank,
    policy.pcrs,
    policy.allowSha1,
    policy.require.arbitraryRootCodeExcluded,
    policy.require.safeClock,
    policy.resultLifetimeSeconds,
    // Last, and only when asked for: a policy that says nothing of it keeps its URI.
    ...(policy.require.residency === undefined ? [] : [policy.require.residency]),
  ]);
  return `urn:sealedge:policy:${policy.id}:${createHash('sha256').update(canonical).digest('hex')}`;
}

/** What the JSON policy makes of claims. */
export function judgeByPolicy(policy: AppraisalPolicy): ClaimsJudge {
  return (claims) => {
    const failed: FailedClaim[] = [...claims.referenceMismatches];
    if (policy.require.arbitraryRootCodeExcluded && !claims.arbitraryRootCodeExcluded) {
      const got = claims.rootCodeExcludedBy.join(', ') || 'nothing';
      failed.push({
        claim: 'arbitrary-root-code-excluded',
        expected: 'verity-root, ima-appraisal, lockdown, no-interactive-root',
        got,
      });
    }
    if (policy.require.safeClock && !claims.clock.safe) {
      failed.push({ claim: 'safe-clock', expected: 'YES', got: 'NO' });
    }
    failed.push(...judgeResidency(policy.require.residency, claims.residency));
    return failed;
  };
}

/** A statement of weights found outside secret memory is never affirmed, asked for or not. */
function judgeResidency(
  required: 'secretmem' | 'locked' | undefined,
  said: ResidencyStatement | undefined,
): FailedClaim[] {
  const failed = (got: string) => [
    { claim: 'residency', expected: `weights at ${required ?? 'locked'}, none elsewhere`, got },
  ];
  if (said === undefined) return required === undefined ? [] : failed('nothing');
  const { level, secretBytes, weightBytes, hitCount, controlFound } = said;
  if (!isResident(said)) {
    return failed(
      `${level}, ${secretBytes} of ${weightBytes} bytes, ${hitCount} found, control ${controlFound ? '' : 'not '}found`,
    );
  }
  return required === 'secretmem' && level !== 'secretmem' ? failed(level) : [];
}
