/** Documents an operator would have: made anew for each test. */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { approveState } from '../../../attestation/key_release/approvals.js';
import { deriveKeyId } from '../../../src/container/format.js';
import { formatKeyFile } from '../../../src/container/key_file.js';
import { makeCa } from '../../support/certificates.js';

const ROOT = `-----BEGIN CERTIFICATE-----\n${makeCa('a CA').der.toString('base64')}\n-----END CERTIFICATE-----\n`;

export function policyDocument() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const policy = {
    format: 'sealedge-fleet-policy/1',
    appraisal: { format: 'sealedge-appraisal-policy/1', id: 'test', bank: 'sha256', pcrs: [0, 7] },
    referenceValues: { format: 'sealedge-reference-values/1', states: [] },
    ekRoots: [ROOT],
    release: {
      format: 'sealedge-release-policy/1',
      stateKey: publicKey.export({ type: 'spki', format: 'pem' }) as string,
    },
  };
  return { policy, stateKey: privateKey };
}

export function stateApproval(stateKey: KeyObject, fleet: string, epoch: number, state: number) {
  const pcrs = new Map([[0, Buffer.alloc(32, state)]]);
  return approveState({ fleet, epoch: BigInt(epoch), bank: 'sha256', pcrs }, stateKey);
}

export function keyFile(name: string, version: number) {
  const contentKey = randomBytes(32);
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publisherSpki = publicKey.export({ type: 'spki', format: 'der' });
  const keyId = deriveKeyId(contentKey);
  const text = formatKeyFile({ contentKey, keyId, publisherSpki, model: { name, version } });
  return { text, keyId: keyId.toString('hex'), contentKey };
}
