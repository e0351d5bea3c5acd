/**
 * What the operator decides for a fleet, in one document: whom to believe (EK roots), what to quote and which states are good
 * (appraisal policy, reference values), whose approvals the keys follow (K_state) and on which terms they are leased
 * (release policy).
 */
import { X509Certificate } from 'node:crypto';
import { AppraisalError } from '../../src/errors.js';
import { parseReleasePolicy, type ReleasePolicy } from '../key_release/release_policy.js';
import { DEVICE_ID } from '../protocol/decode.js';
import { JsonReader } from '../protocol/json_reader.js';
import { type AppraisalPolicy, parseAppraisalPolicy } from '../verifier/appraisal_policy.js';
import type { EkTrust } from '../verifier/endorsements.js';
import { parseReferenceValues, type ReferenceState } from '../verifier/reference_values.js';
import type { Store } from './store/store.js';

export const FLEET_POLICY_FORMAT = 'sealedge-fleet-policy/1';

export interface FleetPolicy {
  appraisal: AppraisalPolicy;
  referenceValues: ReferenceState[];
  trust: EkTrust;
  release: ReleasePolicy;
  /** Which TPMs may enrol, by device id. Absent: every TPM that a root vouches for, which is right for a CA of one's own only. */
  devices?: ReadonlySet<string>;
}

const MAX_CERTIFICATES = 64;
const MAX_DEVICES = 100_000;
const PEM_CERTIFICATE = /^-----BEGIN CERTIFICATE-----\s[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*$/;

/** @throws UsageError `ERR_OPTION_INVALID` naming the member */
export function parseFleetPolicy(value: unknown): FleetPolicy {
  const json = new JsonReader(value, 'fleetPolicy', 'usage');
  json.oneOf('format', [FLEET_POLICY_FORMAT]);
  const policy = {
    appraisal: parseAppraisalPolicy(json.value('appraisal')),
    referenceValues: parseReferenceValues(json.value('referenceValues')),
    trust: {
      roots: readCertificates(json, 'ekRoots', 1),
      intermediates: json.has('ekIntermediates') ? readCertificates(json, 'ekIntermediates', 0) : [],
    },
    release: parseReleasePolicy(json.value('release')),
    ...(json.has('devices') ? { devices: readDevices(json) } : {}),
  };
  json.finish();
  return policy;
}

/** @throws AppraisalError `ERR_RELEASE_DENIED` when the operator has set none: nothing is then trusted */
export async function requireFleetPolicy(store: Store, fleet: string): Promise<FleetPolicy> {
  const row = await store.getPolicy(fleet);
  if (row === undefined)
    throw new AppraisalError('ERR_RELEASE_DENIED', `fleet ${fleet} has no policy`, {
      fields: { fleet, hint: 'sealedge verifier policy set' },
    });
  return parseFleetPolicy(row.document);
}

function readCertificates(json: JsonReader, name: string, min: number): string[] {
  const list = json.list(name, { min, max: MAX_CERTIFICATES });
  return list.map((one, i) => {
    if (typeof one !== 'string' || !PEM_CERTIFICATE.test(one) || !isCertificate(one))
      throw json.error(`${name}[${i}]`, 'one PEM certificate', one);
    return one;
  });
}

function readDevices(json: JsonReader): Set<string> {
  const list = json.list('devices', { max: MAX_DEVICES });
  for (const one of list)
    if (typeof one !== 'string' || !DEVICE_ID.test(one))
      throw json.error('devices', 'device ids of 32 hex digits', one);
  return new Set(list as string[]);
}

/** Found out here, where the operator is told, and not when the first device enrols. */
function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}
