/** The worked example of docs/PROTOCOL.md, recomputed from its own "in" lines; a document that drifts from the code fails here. */
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { approvalKey } from '../../../attestation/protocol/approval_key.js';
import {
  keyAuthPolicy,
  leasePolicy,
  refLease,
  refState,
  statePolicy,
} from '../../../attestation/protocol/key_policy.js';
import { policyAuthorize } from '../../../attestation/protocol/policy_digest.js';
import { digest } from '../../../attestation/tpm/hash.js';
import { marshalPcrSelection, pcrDigest, selectPcrs } from '../../../attestation/tpm/pcr_selection.js';
import { computeNvName, marshalTpmsNvPublic } from '../../../attestation/tpm/tpms_nv_public.js';
import { COUNTER_ATTRIBUTES } from '../../../attestation/verifier/templates.js';

const document = readFileSync(new URL('../../../docs/PROTOCOL.md', import.meta.url), 'utf8');
const example = /<!-- example:begin -->\n```\n([\s\S]*?)```\n<!-- example:end -->/.exec(document)?.[1] ?? '';
const lines = example.split('\n').filter((line) => line !== '');
const inputs = new Map<string, string>();
const outputs = new Map<string, string>();
for (const line of lines) {
  const [, isInput, name = '', value = ''] = /^(in)? +(.*?) {2,}(\S+)$/.exec(line) ?? [];
  (isInput ? inputs : outputs).set(name, value);
}
const text = (name: string): string => inputs.get(name) ?? '';
const bytes = (name: string): Buffer => Buffer.from(text(name), 'hex');

function key(name: string): ReturnType<typeof approvalKey> {
  const [x, y] = ['x', 'y'].map((axis) => bytes(`${name} ${axis}`).toString('base64url')) as [string, string];
  return approvalKey(createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' }));
}

describe('docs/PROTOCOL.md, worked example', () => {
  it('recomputes to the letter', () => {
    expect(inputs.size).toBe(14);
    const [state, lease] = [key('K_state'), key('K_lease')];
    const pcrs = new Map([0, 7].map((pcr) => [pcr, bytes(`PCR ${pcr} (sha256)`)]));
    const selection = selectPcrs(0x000b, [...pcrs.keys()]);
    const pcrResult = pcrDigest(0x000b, selection, new Map([[0x000b, pcrs]]));
    if ('missing' in pcrResult) throw new Error('a PCR of the example has no value');
    const counter = {
      nvIndex: Number.parseInt(text('nvIndex'), 16),
      nameAlg: 0x000b,
      attributes: COUNTER_ATTRIBUTES,
      authPolicy: new Uint8Array(),
      dataSize: 8,
    };
    const counterName = computeNvName(counter);
    const terms = { counterLimit: BigInt(text('N')), clockLimit: BigInt(text('C')), resetLimit: Number(text('R')) };
    const { resetLimit: _, ...untilClock } = terms;
    const { clockLimit: __, ...untilCounter } = untilClock;
    const d1 = statePolicy(selection, pcrResult.digest);
    const stateRef = refState(text('fleet'), BigInt(text('epoch')));
    const leaseRef = refLease(bytes('Name(AK)'), bytes('keyId'));
    const steps = (chosen: Parameters<typeof leasePolicy>[3]): Buffer =>
      leasePolicy(state.name, stateRef, counterName, chosen);
    const computed: Record<string, Buffer> = {
      'K_state TPMT_PUBLIC': state.public,
      'Name(K_state)': state.name,
      'Name(K_lease)': lease.name,
      TPML_PCR_SELECTION: marshalPcrSelection(selection),
      pcrDigest: pcrResult.digest,
      D1: d1,
      refState: stateRef,
      'aHash of the state': digest(0x000b, d1, stateRef),
      D2: policyAuthorize(state.name, stateRef),
      TPMS_NV_PUBLIC: marshalTpmsNvPublic(counter),
      'Name(counter)': counterName,
      D3: steps(untilCounter),
      D4: steps(untilClock),
      D5: steps(terms),
      refLease: leaseRef,
      'aHash of the lease': digest(0x000b, steps(terms), leaseRef),
      D6: policyAuthorize(lease.name, leaseRef),
      'D7 = authPolicy': keyAuthPolicy(lease.name, leaseRef),
    };
    expect(Object.fromEntries(outputs)).toEqual(
      Object.fromEntries(Object.entries(computed).map(([name, value]) => [name, value.toString('hex')])),
    );
  });
});
