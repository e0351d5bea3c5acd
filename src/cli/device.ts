/** `sealedge device`: enrol this device, attest, fetch keys, run sealed models. */
import { type Command, Option } from 'commander';
import { Tpm } from 'node-tpm2-tss';
import { attest } from '../../attestation/attester/attester.js';
import { DEFAULT_COUNTER_INDEX } from '../../attestation/attester/device_keys.js';
import { chooseCertificate, enroll } from '../../attestation/attester/enroll.js';
import { fetchKey, renewLease } from '../../attestation/attester/fetch_key.js';
import { type DevicePins, type PrimaryKeyType, readPins, requirePins } from '../../attestation/attester/pins.js';
import { StateDirectory } from '../../attestation/attester/state_directory.js';
import { type VerifierApi, verifierClient } from '../../attestation/attester/verifier_client.js';
import type { ResidencyStatement } from '../../attestation/protocol/residency.js';
import { deviceIdOf } from '../../attestation/verifier/enrolment.js';
import { REFERENCE_VALUES_FORMAT } from '../../attestation/verifier/reference_values.js';
import { openOnDevice } from '../device/open_on_device.js';
import { residencyStatement } from '../device/residency_statement.js';
import { UsageError } from '../errors.js';
import { parsePcrs } from './approve_state.js';
import { CLEAN_MARKER, closeInspector, runInCleanProcess } from './clean_process.js';
import { type DeviceOptions, deviceCommand } from './device_common.js';
import { registerDeviceRun } from './device_run.js';
import { EXIT_CODES } from './exit_codes.js';
import { createOutput, type Output } from './output.js';

export function registerDevice(program: Command): void {
  const device = program.command('device').description('what runs on the device');
  registerId(device);
  registerInit(device);
  registerState(device);
  registerAttest(device);
  registerFetchKey(device);
  registerDeviceRun(device);
}

function registerId(device: Command): void {
  deviceCommand(device.command('id'))
    .description('print the device id of this TPM, for an operator who admits devices one by one')
    .option('--ek <template>', 'L-1, L-2, H-1, H-2 or H-3; the strongest with a certificate when absent')
    .action(async (options: DeviceOptions & { ek?: string }) => {
      const tpm = await Tpm.open({ tcti: options.tcti });
      try {
        const { template } = chooseCertificate(await tpm.readEkCertificates(), options.ek);
        const deviceId = await tpm.withObject(tpm.createEk(template), async (ek) => deviceIdOf(ek.publicArea));
        createOutput(options.json === true).result(deviceId, { deviceId, ek: template.id });
      } finally {
        await tpm.close();
      }
    });
}

interface InitOptions extends DeviceOptions {
  verifier: string;
  fleet: string;
  counterIndex: string;
  ek?: string;
  akType: string;
  storageKeyType: string;
  again?: boolean;
}

function registerInit(device: Command): void {
  deviceCommand(device.command('init'))
    .description('enrol this device: prove its TPM to the verifier and pin the keys of verifier and operator')
    .requiredOption('--verifier <url>', 'of the verifier; use https outside of this machine')
    .requiredOption('--fleet <name>', 'fleet to join')
    .option('--counter-index <number>', 'NV index of the rollback counter', `0x${DEFAULT_COUNTER_INDEX.toString(16)}`)
    .option('--ek <template>', 'L-1, L-2, H-1, H-2 or H-3; the strongest with a certificate when absent')
    .option('--ak-type <type>', 'ecc-p256 or rsa-2048', 'ecc-p256')
    .option('--storage-key-type <type>', 'ecc-p256 or rsa-2048', 'ecc-p256')
    .option('--again', 'enrol again, after TPM2_Clear for example')
    .action(init);
}

async function init(options: InitOptions): Promise<void> {
  const output = createOutput(options.json === true);
  const directory = await StateDirectory.open(options.dir);
  const known = await readPins(directory);
  if (known !== undefined && options.again !== true) {
    if (known.fleet !== options.fleet || known.verifier !== options.verifier)
      throw new UsageError('ERR_OPTION_INVALID', `device is enrolled in fleet ${known.fleet} at ${known.verifier}`, {
        fields: { hint: 'pass --again to enrol again' },
      });
    output.result(`device ${known.deviceId} is enrolled already`, shownPins(known));
    return;
  }
  const api = verifierClient(options.verifier);
  const tpm = await Tpm.open({ tcti: options.tcti });
  try {
    const pins = await enroll({
      tpm,
      directory,
      api,
      verifierUrl: options.verifier,
      fleet: options.fleet,
      counterIndex: parseCounterIndex(options.counterIndex),
      akType: parseKeyType(options.akType),
      storageKeyType: parseKeyType(options.storageKeyType),
      ...(options.ek === undefined ? {} : { ekTemplate: options.ek }),
      progress: output.progress,
    });
    output.result(`enrolled as device ${pins.deviceId} of fleet ${pins.fleet}`, shownPins(pins));
  } finally {
    await tpm.close();
  }
}

function shownPins(pins: DevicePins) {
  const { deviceId, fleet, verifier, counter, counterBase, ak } = pins;
  return { deviceId, fleet, verifier, akName: ak.name.toString('hex'), counterIndex: counter.nvIndex, counterBase };
}

interface StateOptions extends DeviceOptions {
  pcrs: string;
  bank: string;
  id: string;
}

function registerState(device: Command): void {
  deviceCommand(device.command('state'))
    .description('print the PCRs of this device as reference values, to approve on a device known to be good')
    .requiredOption('--pcrs <list>', 'such as 0,2,4,7')
    .option('--bank <name>', 'PCR bank', 'sha256')
    .option('--id <name>', 'how to call the state', 'good')
    .action(async (options: StateOptions) => {
      const bank = options.bank as 'sha256';
      const tpm = await Tpm.open({ tcti: options.tcti });
      try {
        const values = await tpm.readPcrs([{ hash: bank, pcrs: parsePcrs(options.pcrs) }]);
        const pcrs = Object.fromEntries(values.map(({ pcr, digest }) => [pcr, [digest.toString('hex')]]));
        const document = { format: REFERENCE_VALUES_FORMAT, states: [{ id: options.id, bank, pcrs }] };
        createOutput(options.json === true).result(JSON.stringify(document, null, 2), document);
      } finally {
        await tpm.close();
      }
    });
}

function registerAttest(device: Command): void {
  attestingCommand(device.command('attest'))
    .description('have the state of this device appraised')
    .action((options: AttestingOptions) =>
      withEvidence(options, (said) =>
        withDevice(options, async ({ tpm, pins, api, output }) => {
          const result = await attest({ tpm, pins, api, ...said, progress: output.progress });
          const shown = readResult(result);
          output.result(`attestation result: ${shown.status}${failedText(shown.failedClaims)}`, { ...shown, result });
          if (shown.status !== 'affirming') process.exitCode = EXIT_CODES.policy;
        }),
      ),
    );
}

interface AttestingOptions extends DeviceOptions {
  residencyOf?: string;
  inCleanProcess?: boolean;
}

function attestingCommand(command: Command): Command {
  return deviceCommand(command)
    .option('--residency-of <model>', 'open this sealed model first, and say in the Evidence where its weights are')
    .addOption(new Option(CLEAN_MARKER).hideHelp());
}

/** Only a process that is to open a model has to be a clean one. */
async function withEvidence(
  options: AttestingOptions,
  body: (said: { residency?: ResidencyStatement }) => Promise<void>,
): Promise<void> {
  if (options.residencyOf === undefined) return body({});
  if (options.inCleanProcess === true) {
    // Before the TPM is opened for the rest: it takes one user at a time.
    return body({ residency: await residencyOf(options.residencyOf, options) });
  }
  // The verifier's certificate may be of a private CA.
  process.exitCode = await runInCleanProcess(['NODE_EXTRA_CA_CERTS']);
}

async function residencyOf(model: string, { dir, tcti, json }: DeviceOptions) {
  closeInspector();
  const onProgress = (line: string) => createOutput(json === true).progress(line);
  const { session, keyId } = await openOnDevice(model, { directory: dir, tcti, onProgress });
  try {
    onProgress('looking for its weights outside secret memory');
    return residencyStatement(keyId, await session.residency({ scan: true }));
  } finally {
    await session.release();
  }
}

/** Only to show it: the device does not judge its own result, so the signature is not checked here. */
function readResult(jws: string): { status: string; failedClaims: string[] } {
  const payload = JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString('utf8')) as {
    submods?: { device?: Record<string, unknown> };
  };
  const claims = payload.submods?.device ?? {};
  const failed = claims['sealedge.failed-claims'];
  return { status: String(claims['ear.status']), failedClaims: Array.isArray(failed) ? failed.map(String) : [] };
}

function failedText(claims: readonly string[]): string {
  return claims.length === 0 ? '' : ` (${claims.join(', ')})`;
}

interface FetchOptions extends AttestingOptions {
  version?: string;
  renew?: string;
}

function registerFetchKey(device: Command): void {
  attestingCommand(device.command('fetch-key [model]'))
    .description('attest, and have the key of a model released to this device and its state')
    .option('--version <number>', 'of the model; the newest when absent')
    .option('--renew <keyId>', 'only a new lease, for a key that the device holds')
    .action((model: string | undefined, options: FetchOptions) => {
      if ((model === undefined) === (options.renew === undefined))
        throw new UsageError('ERR_OPTION_INVALID', 'name either a model or --renew');
      return withEvidence(options, (said) => fetchOrRenew(model, said, options));
    });
}

function fetchOrRenew(
  model: string | undefined,
  said: { residency?: ResidencyStatement },
  options: FetchOptions,
): Promise<void> {
  return withDevice(options, async ({ output, ...context }) => {
    const { version, renew } = options;
    const { progress } = output;
    const grant =
      renew === undefined
        ? await fetchKey({
            ...context,
            ...said,
            progress,
            model: model as string,
            ...(version === undefined ? {} : { version: parseVersion(version) }),
          })
        : await renewLease({ ...context, ...said, progress, keyId: renew });
    const what = renew === undefined ? 'key' : 'lease';
    output.result(`${what} of ${grant.model} version ${grant.version} is on this device: ${grant.keyId}`, {
      keyId: grant.keyId,
      model: grant.model,
      version: grant.version,
      counter: grant.counter,
      unsealOncePerBoot: grant.unsealOncePerBoot,
    });
  });
}

interface DeviceContext {
  tpm: Tpm;
  pins: DevicePins;
  api: VerifierApi;
  directory: StateDirectory;
  output: Output;
}

async function withDevice(options: DeviceOptions, body: (context: DeviceContext) => Promise<void>): Promise<void> {
  const output = createOutput(options.json === true);
  const directory = await StateDirectory.open(options.dir);
  const pins = await requirePins(directory);
  const tpm = await Tpm.open({ tcti: options.tcti });
  try {
    await body({ tpm, pins, api: verifierClient(pins.verifier), directory, output });
  } finally {
    await tpm.close();
  }
}

function parseVersion(text: string): bigint {
  if (!/^[1-9][0-9]{0,15}$/.test(text))
    throw new UsageError('ERR_OPTION_INVALID', `version: expected a number, 1 or higher, got ${text}`);
  return BigInt(text);
}

function parseCounterIndex(text: string): number {
  const index = Number(text);
  if (!Number.isInteger(index) || index < 0x01800000 || index > 0x01bfffff)
    throw new UsageError('ERR_OPTION_INVALID', `counter index: expected 0x01800000 to 0x01bfffff, got ${text}`);
  return index;
}

function parseKeyType(text: string): PrimaryKeyType {
  if (text !== 'ecc-p256' && text !== 'rsa-2048')
    throw new UsageError('ERR_OPTION_INVALID', `key type: expected ecc-p256 or rsa-2048, got ${text}`);
  return text;
}
