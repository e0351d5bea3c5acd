/**
 * Approvals: what K_state and K_lease sign so that a TPM lets a session pass PolicyAuthorize (TPM 2.0 Part 3, 23.16).
 * The private K_state belongs to the operator's tool; the verifier only ever checks its signatures.
 */
import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { AppraisalError, UsageError } from '../../src/errors.js';
import { type ApprovalKey, approvalKey } from '../protocol/approval_key.js';
import { BANK_NAMES, FLEET_NAME } from '../protocol/decode.js';
import { JsonReader } from '../protocol/json_reader.js';
import { policyOfState, refState } from '../protocol/key_policy.js';
import type { BankName, StateApproval } from '../protocol/messages.js';
import { TPM_ALG_ECDSA, TPM_ALG_SHA256 } from '../tpm/constants.js';
import { hashByName } from '../tpm/hash.js';
import { type PcrSelection, selectPcrs } from '../tpm/pcr_selection.js';
import { marshalTpmtSignature, parseTpmtSignature, verifyTpmtSignature } from '../tpm/tpmt_signature.js';

/** A PEM private key, as the operator's tool and the verifier keep them. */
export function readApprovalPrivateKey(pem: string | Buffer): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw new UsageError('ERR_OPTION_INVALID', 'an approval key must be a PEM private key', { cause });
  }
  approvalKey(key);
  return key;
}

/**
 * TPMT_SIGNATURE over aHash = SHA-256(approvedPolicy ‖ policyRef), for TPM2_VerifySignature. ECDSA with SHA-256 over the two,
 * concatenated, is the same thing.
 */
export function signApproval(privateKey: KeyObject, approvedPolicy: Uint8Array, policyRef: Uint8Array): Buffer {
  const message = Buffer.concat([approvedPolicy, policyRef]);
  const p1363 = sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return marshalTpmtSignature({
    sigAlg: TPM_ALG_ECDSA,
    hash: TPM_ALG_SHA256,
    r: p1363.subarray(0, 32),
    s: p1363.subarray(32),
  });
}

export function verifyApproval(
  key: ApprovalKey,
  approvedPolicy: Uint8Array,
  policyRef: Uint8Array,
  tpmtSignature: Uint8Array,
): boolean {
  const signature = parseTpmtSignature(tpmtSignature);
  if (signature.sigAlg !== TPM_ALG_ECDSA || signature.hash !== TPM_ALG_SHA256) return false;
  return verifyTpmtSignature(signature, Buffer.concat([approvedPolicy, policyRef]), key.key);
}

export interface StateToApprove {
  fleet: string;
  epoch: bigint;
  bank: BankName;
  /** PCR number to value; exactly these are selected. */
  pcrs: ReadonlyMap<number, Uint8Array>;
}

/** The operator's signature under one boot state, for every device of the fleet (design decision 10). */
export function approveState(state: StateToApprove, stateKey: KeyObject): StateApproval {
  const hash = hashByName(state.bank);
  if (hash === undefined) throw new UsageError('ERR_OPTION_INVALID', `PCR bank ${state.bank} is not supported`);
  if (state.pcrs.size === 0) throw new UsageError('ERR_OPTION_INVALID', 'a state of no PCRs is every state');
  approvalKey(stateKey);
  const selection = selectPcrs(hash.id, [...state.pcrs.keys()]);
  const approvedPolicy = policyOfState(selection, new Map([[hash.id, state.pcrs]]));
  if (approvedPolicy === undefined) {
    throw new UsageError('ERR_OPTION_INVALID', `a ${state.bank} PCR value must have ${hash.sizeBytes} bytes`);
  }
  const policyRef = refState(state.fleet, state.epoch);
  return {
    fleet: state.fleet,
    epoch: String(state.epoch),
    pcrSelection: { bank: state.bank, pcrs: [...(selection[0]?.pcrs ?? [])] },
    approvedPolicy: approvedPolicy.toString('base64url'),
    policyRef: policyRef.toString('base64url'),
    signature: signApproval(stateKey, approvedPolicy, policyRef).toString('base64url'),
  };
}

export interface CheckedStateApproval {
  fleet: string;
  epoch: bigint;
  selection: PcrSelection;
  approvedPolicy: Buffer;
  message: StateApproval;
}

/**
 * Reads an approval file and checks that K_state signed it for the fleet and epoch it names.
 * @throws UsageError when it is malformed, AppraisalError `ERR_RELEASE_DENIED` when it is not signed by `stateKey`
 */
export function checkStateApproval(value: unknown, stateKey: ApprovalKey): CheckedStateApproval {
  const json = new JsonReader(value, 'stateApproval', 'usage');
  const fleet = json.text('fleet', FLEET_NAME);
  const epoch = json.u64('epoch');
  const selectionJson = json.object('pcrSelection');
  const bank = selectionJson.oneOf('bank', BANK_NAMES);
  const pcrs = selectionJson.list('pcrs', { min: 1, max: 24 }).map((one, i, list) => {
    const json = new JsonReader({ pcr: one }, 'stateApproval.pcrSelection.pcrs', 'usage');
    // As devices insist: one unordered list in a grant, and no device of the fleet would take any grant.
    return json.integer('pcr', i === 0 ? 0 : Number(list[i - 1]) + 1, 23);
  });
  selectionJson.finish();
  const approvedPolicy = json.bytes('approvedPolicy', { min: 32, max: 32 });
  const policyRef = json.bytes('policyRef', { min: 32, max: 32 });
  const signature = json.bytes('signature', { min: 1, max: 256 });
  json.finish();
  if (!policyRef.equals(refState(fleet, epoch))) {
    throw json.error('policyRef', `refState of fleet ${fleet}, epoch ${epoch}`, policyRef.toString('hex'));
  }
  if (!verifyApproval(stateKey, approvedPolicy, policyRef, signature)) {
    throw new AppraisalError('ERR_RELEASE_DENIED', 'state approval: expected a signature by K_state, got another', {
      fields: { what: 'stateApproval.signature', fleet, epoch: String(epoch) },
    });
  }
  const selection = selectPcrs(hashByName(bank)?.id ?? 0, pcrs);
  return { fleet, epoch, selection, approvedPolicy, message: value as StateApproval };
}
