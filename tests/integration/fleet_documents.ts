/** What an operator would write for a fleet whose devices are in the state that `swtpm` is in. */
import type { KeyObject } from 'node:crypto';
import { approveState } from '../../attestation/key_release/approvals.js';
import type { Swtpm } from '../support/swtpm.js';

export const FLEET = 'plant-1';
const PCRS = [0, 7, 16];

export interface FleetDocumentOptions {
  pcrs?: readonly number[];
  appraisal?: object;
  release?: object;
  epoch?: number;
  fleet?: string;
  devices?: readonly string[];
}

export async function fleetDocuments(
  swtpm: Swtpm,
  stateKey: { publicKey: KeyObject; privateKey: KeyObject },
  options: FleetDocumentOptions = {},
) {
  const pcrs = options.pcrs ?? PCRS;
  const values = await readPcrs(swtpm, pcrs);
  const { root, issuer } = swtpm.caCertificates;
  const good = Object.fromEntries([...values].map(([pcr, value]) => [pcr, [value.toString('hex')]]));
  const policy = {
    format: 'sealedge-fleet-policy/1',
    appraisal: { format: 'sealedge-appraisal-policy/1', id: 'test', bank: 'sha256', pcrs, ...options.appraisal },
    referenceValues: {
      format: 'sealedge-reference-values/1',
      states: [{ id: 'good', bank: 'sha256', pcrs: good }],
    },
    ekRoots: [root],
    ekIntermediates: [issuer],
    ...(options.devices === undefined ? {} : { devices: options.devices }),
    release: {
      format: 'sealedge-release-policy/1',
      stateKey: stateKey.publicKey.export({ type: 'spki', format: 'pem' }) as string,
      ...options.release,
    },
  };
  const state = { fleet: FLEET, epoch: BigInt(options.epoch ?? 1), bank: 'sha256' as const, pcrs: values };
  return { policy, approval: approveState(state, stateKey.privateKey) };
}

async function readPcrs(swtpm: Swtpm, pcrs: readonly number[]): Promise<Map<number, Buffer>> {
  const text = await swtpm.tool('tpm2_pcrread', `sha256:${pcrs.join(',')}`);
  const values = new Map<number, Buffer>();
  for (const [, pcr, value] of text.matchAll(/^\s*(\d+)\s*:\s*0x([0-9A-Fa-f]{64})/gm))
    values.set(Number(pcr), Buffer.from(value as string, 'hex'));
  if (values.size !== pcrs.length) throw new Error(`tpm2_pcrread gave ${values.size} of ${pcrs.length} PCRs`);
  return values;
}
