/** `sealedge verifier policy`: shows and sets what the operator decides for a fleet (attestation/service/fleet_policy.ts). */
import type { Command } from 'commander';
import { RELEASE_POLICY_FORMAT } from '../../attestation/key_release/release_policy.js';
import { FLEET_POLICY_FORMAT, parseFleetPolicy } from '../../attestation/service/fleet_policy.js';
import { bankName } from '../../attestation/tpm/pcr_selection.js';
import { APPRAISAL_POLICY_FORMAT } from '../../attestation/verifier/appraisal_policy.js';
import { ServiceError, UsageError } from '../errors.js';
import { parseJson, parsePcrs } from './approve_state.js';
import { readTextFile } from './files.js';
import { OperatorClient } from './operator_client.js';
import { createOutput } from './output.js';
import { type CommonOptions, operatorCommand } from './verifier_common.js';

interface StoredPolicy {
  revision: number;
  policy: Document;
}

type Document = Record<string, unknown>;

interface SetOptions extends CommonOptions {
  fleet: string;
  ekRoot?: string[];
  ekIntermediate?: string[];
  admit?: string[];
  stateKey?: string;
  referenceValues?: string;
  pcrs?: string;
  bank?: string;
  unsealOncePerBoot?: boolean;
  leasePoweredSeconds?: string;
  leaseResets?: string;
  requireNoArbitraryRootCode?: boolean;
}

export function registerVerifierPolicy(verifier: Command): void {
  const policy = verifier.command('policy').description('the policy of a fleet');
  operatorCommand(policy.command('show'))
    .description('print it')
    .requiredOption('--fleet <name>', 'fleet')
    .action(async (options: CommonOptions & { fleet: string }) => {
      const client = await OperatorClient.open(options);
      const stored = await client.get<StoredPolicy>(path(options.fleet));
      createOutput(options.json === true).result(JSON.stringify(stored.policy, null, 2), stored);
    });
  operatorCommand(policy.command('set [file]'))
    .description('set it: from a whole document, or by changing members of the present one')
    .requiredOption('--fleet <name>', 'fleet')
    .option('--ek-root <pem...>', 'CA certificates that vouch for TPMs')
    .option('--ek-intermediate <pem...>', 'certificates that help to build chains')
    .option('--admit <id...>', 'only listed TPMs may enrol; adds these device ids (sealedge device id) to the list')
    .option('--state-key <pem>', 'public state key of the operator')
    .option('--reference-values <json>', 'known good states, as sealedge device state prints them')
    .option('--pcrs <list>', 'PCRs to quote, such as 0,2,4,7')
    .option('--bank <name>', 'PCR bank', 'sha256')
    .option('--unseal-once-per-boot', 'lock the counter after loading: nothing can unseal again before a reset')
    .option('--no-unseal-once-per-boot', 'do not lock it')
    .option('--lease-powered-seconds <number>', 'how long a lease lasts, in seconds the TPM has power')
    .option('--lease-resets <number>', 'how many TPM resets a lease survives')
    .option('--require-no-arbitrary-root-code', 'release only in states that exclude arbitrary root code')
    .action(setPolicy);
}

async function setPolicy(file: string | undefined, options: SetOptions): Promise<void> {
  const client = await OperatorClient.open(options);
  const stored = await client.get<StoredPolicy>(path(options.fleet)).catch(absent);
  const base =
    file === undefined ? (stored?.policy ?? {}) : asDocument(parseJson(await readTextFile(file), file), file);
  if (file === undefined && stored === undefined) requireWhole(options);
  const document = await changed(base, options);
  // Said here already, with the member's name, rather than by the verifier.
  requireCovered(parseFleetPolicy(document));
  const expectedRevision = stored?.revision ?? 0;
  await client.send('PUT', path(options.fleet), { expectedRevision, policy: document });
  const revision = expectedRevision + 1;
  createOutput(options.json === true).result(`fleet ${options.fleet}: policy revision ${revision}`, {
    fleet: options.fleet,
    revision,
  });
}

/** A fleet's first policy has nothing to be changed in. */
function requireWhole(options: SetOptions): void {
  const needed = {
    '--ek-root': options.ekRoot,
    '--state-key': options.stateKey,
    '--pcrs': options.pcrs,
    '--reference-values': options.referenceValues,
  };
  const missing = Object.entries(needed).flatMap(([name, value]) => (value === undefined ? [name] : []));
  if (missing.length > 0)
    throw new UsageError(
      'ERR_OPTION_INVALID',
      `fleet ${options.fleet} has no policy yet, and its first needs ${missing.join(', ')} too`,
      { fields: { missing } },
    );
}

/** A state that says nothing of a PCR that is quoted matches no device, ever. */
function requireCovered({ appraisal, referenceValues }: ReturnType<typeof parseFleetPolicy>): void {
  for (const state of referenceValues) {
    const missing = appraisal.pcrs.filter((pcr) => bankName(state.bank) !== appraisal.bank || !state.pcrs.has(pcr));
    if (missing.length > 0)
      throw new UsageError(
        'ERR_OPTION_INVALID',
        `reference state ${state.id}: expected values for PCR ${appraisal.pcrs.join(', ')} of ${appraisal.bank}, got none for ${missing.join(', ')}`,
        { fields: { missing, hint: 'print the state again, with the same --pcrs: sealedge device state --pcrs ...' } },
      );
  }
}

async function changed(base: Document, options: SetOptions): Promise<Document> {
  const appraisal = { ...asDocument(base.appraisal ?? {}, 'appraisal') };
  const release = { ...asDocument(base.release ?? {}, 'release') };
  appraisal.format ??= APPRAISAL_POLICY_FORMAT;
  appraisal.id ??= options.fleet;
  release.format ??= RELEASE_POLICY_FORMAT;
  if (options.pcrs !== undefined) Object.assign(appraisal, { bank: options.bank, pcrs: parsePcrs(options.pcrs) });
  if (options.stateKey !== undefined) release.stateKey = await readPublicKey(options.stateKey);
  if (options.unsealOncePerBoot !== undefined) release.unsealOncePerBoot = options.unsealOncePerBoot;
  if (options.requireNoArbitraryRootCode === true) release.requireArbitraryRootCodeExcluded = true;
  const lease = {
    ...asDocument(release.lease ?? {}, 'lease'),
    ...number('poweredSeconds', options.leasePoweredSeconds),
    ...number('resets', options.leaseResets),
  };
  if (Object.keys(lease).length > 0) release.lease = lease;
  return {
    ...base,
    format: FLEET_POLICY_FORMAT,
    appraisal,
    release,
    ...(options.admit === undefined ? {} : { devices: [...new Set([...asList(base.devices), ...options.admit])] }),
    ...(options.referenceValues === undefined
      ? {}
      : { referenceValues: parseJson(await readTextFile(options.referenceValues), options.referenceValues) }),
    ...(options.ekRoot === undefined ? {} : { ekRoots: await readCertificates(options.ekRoot) }),
    ...(options.ekIntermediate === undefined
      ? {}
      : { ekIntermediates: await readCertificates(options.ekIntermediate) }),
  };
}

const PEM_CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** A file may hold several certificates, and text around them. */
async function readCertificates(files: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const file of files) {
    const certificates = (await readTextFile(file)).match(PEM_CERTIFICATES);
    if (certificates === null) throw new UsageError('ERR_OPTION_INVALID', `${file} holds no PEM certificate`);
    found.push(...certificates.map((one) => `${one}\n`));
  }
  return found;
}

/** The private key is easily given by mistake: no part of it is to be printed. */
async function readPublicKey(file: string): Promise<string> {
  const text = await readTextFile(file);
  if (!text.startsWith('-----BEGIN PUBLIC KEY-----'))
    throw new UsageError('ERR_OPTION_INVALID', `state key ${file}: expected a PEM public key`, {
      fields: { hint: 'give the .pub.pem file that sealedge keygen made beside the private key' },
    });
  return text;
}

function number(name: string, text: string | undefined): Record<string, number> {
  if (text === undefined) return {};
  if (!/^\d{1,12}$/.test(text)) throw new UsageError('ERR_OPTION_INVALID', `${name}: expected a number, got ${text}`);
  return { [name]: Number(text) };
}

function asDocument(value: unknown, what: string): Document {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UsageError('ERR_OPTION_INVALID', `${what}: expected a JSON object`);
  return value as Document;
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function absent(cause: unknown): undefined {
  if (cause instanceof ServiceError && cause.fields.status === 404) return undefined;
  throw cause;
}

function path(fleet: string): string {
  return `policies/${encodeURIComponent(fleet)}`;
}
