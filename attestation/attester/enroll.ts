/**
 * Enrolment, device side (PROTOCOL.md steps 1 and 2): shows the EK's certificate, proves that the AK is on the same TPM, certifies
 * storage key and counter, and pins what the verifier answers. Nothing is written before the end: cut anywhere, it is done
 * again from the start, and the same TPM gives the same keys.
 */
import { TpmError, UsageError } from '../../src/errors.js';
import type { CertifiedCounter, CertifiedKey } from '../protocol/messages.js';
import { computeName, parseTpmtPublic } from '../tpm/tpmt_public.js';
import { readEnrolChallenge, readEnrolResult } from './answers.js';
import { certifyCounter, certifyKey, encode } from './certify.js';
import { createAk, createStorageKey, defineCounter, expectedCounterName } from './device_keys.js';
import { type DevicePins, type PrimaryKeyType, writePins } from './pins.js';
import type { StateDirectory } from './state_directory.js';
import type { CreatedPrimary, EkCertificate, Tpm } from './tpm.js';
import type { VerifierApi } from './verifier_client.js';

export interface EnrolOptions {
  tpm: Tpm;
  directory: StateDirectory;
  api: VerifierApi;
  /** Written into the pins, for the commands that follow. */
  verifierUrl: string;
  fleet: string;
  counterIndex: number;
  /** EK template by its name in the TCG profile; the strongest that has a certificate when absent. */
  ekTemplate?: string;
  akType?: PrimaryKeyType;
  storageKeyType?: PrimaryKeyType;
  progress?: (step: string) => void;
}

export async function enroll(options: EnrolOptions): Promise<DevicePins> {
  const { tpm, api, fleet, counterIndex, akType = 'ecc-p256', storageKeyType = 'ecc-p256' } = options;
  const progress = options.progress ?? (() => {});
  progress('reading the endorsement key certificate');
  const certificate = chooseCertificate(await tpm.readEkCertificates(), options.ekTemplate);
  progress(`creating endorsement key ${certificate.template.id} and attestation key`);
  const identity = await tpm.withObject(tpm.createEk(certificate.template), (ek) =>
    tpm.withObject(createAk(tpm, akType), (ak) => proveIdentity(options, certificate, ek, ak)),
  );
  progress('certifying storage key and counter');
  const counter = await defineCounter(tpm, counterIndex);
  const proof = await tpm.withObject(createAk(tpm, akType), async (ak) => ({
    storageKey: await tpm.withObject(createStorageKey(tpm, storageKeyType), (key) =>
      certifyKey(tpm, ak, key, identity.nonce),
    ),
    counter: await certifyOwnCounter(options, ak, identity.nonce, counter),
  }));
  progress('waiting for the verifier to accept');
  const answer = await api.prove(identity.exchangeId, { protocol: 1, credential: encode(identity.certInfo), ...proof });
  const result = readEnrolResult(answer);
  if (result.fleet !== fleet)
    throw new UsageError('ERR_OPTION_INVALID', `verifier enrolled into fleet ${result.fleet}, asked for ${fleet}`);
  const pins: DevicePins = {
    verifier: options.verifierUrl,
    ...result,
    ekName: identity.ekName,
    ak: { type: akType, name: identity.akName },
    storageKey: { type: storageKeyType, name: nameOfCertified(proof.storageKey) },
    counter: { nvIndex: counterIndex, name: expectedCounterName(counterIndex) },
  };
  await writePins(options.directory, pins);
  return pins;
}

/** The first, which is the strongest, or the one of the template asked for. */
export function chooseCertificate(found: readonly EkCertificate[], wanted: string | undefined): EkCertificate {
  const chosen = wanted === undefined ? found[0] : found.find((one) => one.template.id === wanted);
  if (chosen !== undefined) return chosen;
  const have = found.map((one) => one.template.id).join(', ') || 'none';
  throw new TpmError(
    'ERR_TPM_RESPONSE',
    `EK certificate: expected ${wanted ?? 'one'} in the TPM's NV memory, got ${have}`,
    { fields: { expected: wanted, got: have } },
  );
}

/** Steps 1 and the first half of 2: what the credential shows is that EK and AK are in one TPM. */
async function proveIdentity(
  { tpm, api, fleet }: EnrolOptions,
  { template, certificate }: EkCertificate,
  ek: CreatedPrimary,
  ak: CreatedPrimary,
) {
  const answer = await api.enrol({
    protocol: 1,
    fleet,
    ekCertificates: [encode(certificate)],
    ekPublic: encode(ek.publicArea),
    akPublic: encode(ak.publicArea),
  });
  const { exchangeId, nonce, credentialBlob, encryptedSecret } = readEnrolChallenge(answer);
  // Salted to the EK: certInfo comes back encrypted (PROTOCOL.md "Encrypted parameters").
  const tpmKey = { handle: ek.handle, name: ek.name };
  const akSession = await tpm.startHmacSession({ tpmKey, parameterEncryption: false });
  try {
    const ekSession = await tpm.startEkPolicySession(template, { tpmKey });
    try {
      const { certInfo } = await tpm.activateCredential(
        { activateHandle: ak, keyHandle: ek, credentialBlob, secret: encryptedSecret },
        { auth: [akSession, ekSession] },
      );
      return { exchangeId, nonce, certInfo, ekName: Buffer.from(ek.name), akName: Buffer.from(ak.name) };
    } finally {
      await ekSession.flush();
    }
  } finally {
    await akSession.flush();
  }
}

async function certifyOwnCounter(
  { tpm, counterIndex }: EnrolOptions,
  ak: CreatedPrimary,
  nonce: Buffer,
  counter: Awaited<ReturnType<typeof defineCounter>>,
): Promise<CertifiedCounter> {
  if (counter.readLocked)
    throw new TpmError('ERR_TPM_RESPONSE', 'the counter is read-locked: it cannot be certified before the next reset', {
      fields: { nvIndex: counterIndex, hint: 'restart the device, then enrol' },
    });
  return certifyCounter(tpm, ak, counterIndex, counter, nonce);
}

function nameOfCertified(key: CertifiedKey): Buffer {
  return computeName(parseTpmtPublic(Buffer.from(key.public, 'base64url')));
}
