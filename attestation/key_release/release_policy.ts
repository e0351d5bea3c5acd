/** The release policy of a fleet: on what terms the Relying Party lets keys go. Cedar will replace it (design decision 17). */
import { createPublicKey } from 'node:crypto';
import { type ApprovalKey, approvalKey } from '../protocol/approval_key.js';
import { JsonReader } from '../protocol/json_reader.js';
import type { LeaseDuration } from './lease.js';

export const RELEASE_POLICY_FORMAT = 'sealedge-release-policy/1';

export interface ReleasePolicy {
  /** K_state: the operator's public key. */
  stateKey: ApprovalKey;
  lease: LeaseDuration;
  /** TPM2_NV_ReadLock on the counter after loading (design decision 12). */
  unsealOncePerBoot: boolean;
  /** Release only to states that exclude arbitrary root code, whatever the appraisal policy says. */
  requireArbitraryRootCodeExcluded: boolean;
}

const MAX_POWERED_SECONDS = 10 * 365 * 86_400;

/**
 * Reads the JSON form:
 * `{format, stateKey: PEM, lease?: {poweredSeconds?, resets?}, unsealOncePerBoot?, requireArbitraryRootCodeExcluded?}`.
 * @throws UsageError `ERR_OPTION_INVALID` naming the member.
 */
export function parseReleasePolicy(value: unknown): ReleasePolicy {
  const json = new JsonReader(value, 'releasePolicy', 'usage');
  json.oneOf('format', [RELEASE_POLICY_FORMAT]);
  const stateKey = readStateKey(json);
  const lease = json.has('lease') ? readLease(json.object('lease')) : {};
  const flag = (name: string): boolean => json.has(name) && json.boolean(name);
  const policy = {
    stateKey,
    lease,
    unsealOncePerBoot: flag('unsealOncePerBoot'),
    requireArbitraryRootCodeExcluded: flag('requireArbitraryRootCodeExcluded'),
  };
  json.finish();
  return policy;
}

function readStateKey(json: JsonReader): ApprovalKey {
  const pem = json.text('stateKey', /^-----BEGIN PUBLIC KEY-----/);
  try {
    return approvalKey(createPublicKey(pem));
  } catch {
    throw json.error('stateKey', 'a PEM public key on P-256', 'another');
  }
}

function readLease(json: JsonReader): LeaseDuration {
  const lease = {
    ...(json.has('poweredSeconds') ? { poweredSeconds: json.integer('poweredSeconds', 1, MAX_POWERED_SECONDS) } : {}),
    ...(json.has('resets') ? { resets: json.integer('resets', 0, 0xffff) } : {}),
  };
  json.finish();
  return lease;
}
