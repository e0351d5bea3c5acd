/**
 * Reference Values: the PCR values of known good boot states, as the operator gives them. A device is in a state when every
 * quoted PCR has one of the state's values; PCRs are never mixed from several states.
 */
import { UsageError } from '../../src/errors.js';
import { BANK_NAMES } from '../protocol/decode.js';
import { JsonReader } from '../protocol/json_reader.js';
import { hashByName } from '../tpm/hash.js';
import { bankName, type PcrSelection, type PcrValues } from '../tpm/pcr_selection.js';
import { type FailedClaim, ROOT_CODE_EXCLUSIONS, type RootCodeExclusion } from './claims.js';

export const REFERENCE_VALUES_FORMAT = 'sealedge-reference-values/1';

export interface ReferenceState {
  id: string;
  /** TPM_ALG_ID of the bank. */
  bank: number;
  /** Per PCR the acceptable values. */
  pcrs: ReadonlyMap<number, readonly Buffer[]>;
  /** Which mechanisms of this state keep code of root's choosing from running. An assertion of the operator about the image. */
  rootCodeExcludedBy: readonly RootCodeExclusion[];
}

export type ReferenceMatch = { state: ReferenceState } | { mismatches: FailedClaim[] };

const STATE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,126}$/;
const MAX_STATES = 256;
const MAX_VALUES_PER_PCR = 64;
const PCR_NUMBER = /^(?:[0-9]|1[0-9]|2[0-3])$/;

/**
 * Reads the JSON form:
 * `{format, states: [{id, bank, pcrs: {"0": ["hex", ...], ...}, rootCodeExcludedBy?: [...]}]}`.
 * @throws UsageError `ERR_OPTION_INVALID` naming the member.
 */
export function parseReferenceValues(value: unknown): ReferenceState[] {
  const json = new JsonReader(value, 'referenceValues', 'usage');
  json.oneOf('format', [REFERENCE_VALUES_FORMAT]);
  const states = json
    .list('states', { max: MAX_STATES })
    .map((one, i) => readState(one, `referenceValues.states[${i}]`));
  json.finish();
  const ids = new Set(states.map((state) => state.id));
  if (ids.size !== states.length) {
    throw new UsageError('ERR_OPTION_INVALID', 'referenceValues.states: expected each id once, got one twice');
  }
  return states;
}

function readState(value: unknown, path: string): ReferenceState {
  const json = new JsonReader(value, path, 'usage');
  const id = json.text('id', STATE_ID);
  const hash = hashByName(json.oneOf('bank', BANK_NAMES));
  if (hash === undefined) throw json.error('bank', BANK_NAMES.join(' or '), 'another');
  const object = json.object('pcrs');
  const pcrs = new Map<number, Buffer[]>();
  for (const key of object.keys()) {
    if (!PCR_NUMBER.test(key)) throw object.error(key, 'a PCR number from 0 to 23', key);
    const list = object.list(key, { min: 1, max: MAX_VALUES_PER_PCR });
    const read = (one: unknown): Buffer =>
      new JsonReader({ value: one }, `${path}.pcrs.${key}`, 'usage').hex('value', {
        min: hash.sizeBytes,
        max: hash.sizeBytes,
      });
    pcrs.set(Number(key), list.map(read));
  }
  const rootCodeExcludedBy = json.has('rootCodeExcludedBy') ? readExclusions(json) : [];
  json.finish();
  return { id, bank: hash.id, pcrs, rootCodeExcludedBy };
}

function readExclusions(json: JsonReader): RootCodeExclusion[] {
  const list = json.list('rootCodeExcludedBy', { max: ROOT_CODE_EXCLUSIONS.length });
  return list.map((one) => {
    const found = ROOT_CODE_EXCLUSIONS.find((name) => name === one);
    if (found === undefined) throw json.error('rootCodeExcludedBy', ROOT_CODE_EXCLUSIONS.join(', '), one);
    return found;
  });
}

/** The first state that agrees, or in what the nearest one differs (PROTOCOL.md [V9]). */
export function matchReferenceState(
  states: readonly ReferenceState[],
  selection: PcrSelection,
  values: PcrValues,
): ReferenceMatch {
  let nearest: FailedClaim[] | undefined;
  for (const state of states) {
    const mismatches = compareState(state, selection, values);
    if (mismatches.length === 0) return { state };
    if (nearest === undefined || mismatches.length < nearest.length) nearest = mismatches;
  }
  return {
    mismatches: nearest ?? [{ claim: 'reference-state', expected: 'a known state', got: 'no reference values' }],
  };
}

/** A quoted PCR for which the state has no value is a mismatch: nobody has said it is good. */
function compareState(state: ReferenceState, selection: PcrSelection, values: PcrValues): FailedClaim[] {
  const mismatches: FailedClaim[] = [];
  for (const { hash, pcrs } of selection) {
    for (const pcr of pcrs) {
      const allowed = (hash === state.bank ? state.pcrs.get(pcr) : undefined) ?? [];
      const got = Buffer.from(values.get(hash)?.get(pcr) ?? []);
      if (allowed.some((one) => one.equals(got))) continue;
      mismatches.push({
        claim: `pcr:${bankName(hash)}:${pcr}`,
        expected: allowed.map((one) => one.toString('hex')).join(' or ') || `no value in state ${state.id}`,
        got: got.toString('hex'),
      });
    }
  }
  return mismatches;
}
