/** A verifier in this process, a fleet with an operator's key, and devices on software TPMs: what the tests of this folder share. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tpm } from 'node-tpm2-tss';
import { DEFAULT_COUNTER_INDEX } from '../../attestation/attester/device_keys.js';
import { type EnrolOptions, enroll } from '../../attestation/attester/enroll.js';
import { fetchKey } from '../../attestation/attester/fetch_key.js';
import type { DevicePins } from '../../attestation/attester/pins.js';
import { StateDirectory } from '../../attestation/attester/state_directory.js';
import { type VerifierApi, verifierClient } from '../../attestation/attester/verifier_client.js';
import type { StateApproval } from '../../attestation/protocol/messages.js';
import { loadOrCreateIdentity, type VerifierIdentity } from '../../attestation/service/identity.js';
import { type RunningServer, startServer } from '../../attestation/service/server.js';
import { SqliteStore } from '../../attestation/service/store/sqlite.js';
import { OperatorClient } from '../../src/cli/operator_client.js';
import { deriveKeyId } from '../../src/container/format.js';
import { formatKeyFile } from '../../src/container/key_file.js';
import type { Swtpm } from '../support/swtpm.js';
import { FLEET, type FleetDocumentOptions, fleetDocuments } from './fleet_documents.js';

export const MODEL = 'motor';

/** A clock that tests can turn. */
export interface TestClock {
  offsetMs: number;
}

export class FleetFixture {
  readonly clock: TestClock = { offsetMs: 0 };
  readonly logLines: string[] = [];
  readonly stateKey = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  readonly directory: string;
  identity!: VerifierIdentity;
  server!: RunningServer;
  operator!: OperatorClient;
  readonly #devices: Device[] = [];

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async start(): Promise<FleetFixture> {
    const fixture = new FleetFixture(await mkdtemp(join(tmpdir(), 'sealedge-fleet-')));
    await fixture.startServer();
    return fixture;
  }

  get dataDirectory(): string {
    return join(this.directory, 'verifier');
  }

  get url(): string {
    return this.server.url;
  }

  get api(): VerifierApi {
    return verifierClient(this.url);
  }

  async startServer(): Promise<void> {
    this.identity = await loadOrCreateIdentity(this.dataDirectory);
    this.server = await startServer({
      store: await SqliteStore.open(join(this.dataDirectory, 'verifier.db')),
      identity: this.identity,
      host: '127.0.0.1',
      port: 0,
      now: () => Date.now() + this.clock.offsetMs,
      log: { level: 'info', stream: { write: (line) => void this.logLines.push(line) } },
    });
    this.operator = await OperatorClient.open({
      url: this.url,
      tokenFile: join(this.dataDirectory, 'operator-token'),
    });
  }

  /** Everything logged so far, as objects. */
  get log(): Record<string, unknown>[] {
    return this.logLines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** The fleet trusts the CA of `swtpm`, and the state that TPM is in. */
  async trust(swtpm: Swtpm, options: FleetDocumentOptions = {}): Promise<void> {
    const path = `policies/${options.fleet ?? FLEET}`;
    const current = await this.operator.get<{ revision: number }>(path).catch(() => ({ revision: 0 }));
    const { policy } = await fleetDocuments(swtpm, this.stateKey, options);
    await this.operator.send('PUT', path, { expectedRevision: current.revision, policy });
  }

  /** What the operator's tool does: signs the state that `swtpm` is in, and gives the verifier the signature. */
  async approve(swtpm: Swtpm, epoch = 1): Promise<StateApproval> {
    const { approval } = await fleetDocuments(swtpm, this.stateKey, { epoch });
    await this.operator.send('POST', `approvals/${FLEET}`, { approvals: [approval] });
    return approval;
  }

  /** A key for a new version of the model, granted to the fleet. Returns the content key and its id. */
  async addKey(version: number, model = MODEL, grant = true): Promise<{ keyId: string; contentKey: Buffer }> {
    const contentKey = randomBytes(32);
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const publisherSpki = publicKey.export({ type: 'spki', format: 'der' });
    const keyId = deriveKeyId(contentKey);
    const keyFile = formatKeyFile({ contentKey, keyId, publisherSpki, model: { name: model, version } });
    await this.operator.send('POST', 'keys', { keyFile });
    const id = keyId.toString('hex');
    if (grant) await this.operator.send('POST', `keys/${id}/grants`, { fleet: FLEET });
    return { keyId: id, contentKey };
  }

  /** A device on `tcti`, not yet enrolled. */
  async device(tcti: string, name = 'device'): Promise<Device> {
    const directory = await StateDirectory.open(join(this.directory, name));
    const device = new Device(this, tcti, directory);
    this.#devices.push(device);
    return device;
  }

  async stop(): Promise<void> {
    for (const device of this.#devices) await device.close();
    await this.server.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** The device side: opens its TPM when it needs it, so that stock tools can have it in between. */
export class Device {
  #tpm: Tpm | undefined;

  constructor(
    readonly fleet: FleetFixture,
    readonly tcti: string,
    readonly directory: StateDirectory,
    public pins: DevicePins = undefined as unknown as DevicePins,
  ) {}

  async tpm(): Promise<Tpm> {
    this.#tpm ??= await Tpm.open({ tcti: this.tcti });
    return this.#tpm;
  }

  /** Lets go of the TPM. */
  async close(): Promise<void> {
    const tpm = this.#tpm;
    this.#tpm = undefined;
    await tpm?.close();
  }

  async enroll(options: Partial<EnrolOptions> = {}): Promise<DevicePins> {
    this.pins = await enroll({
      tpm: await this.tpm(),
      directory: this.directory,
      api: this.fleet.api,
      verifierUrl: this.fleet.url,
      fleet: FLEET,
      counterIndex: DEFAULT_COUNTER_INDEX,
      ...options,
    });
    return this.pins;
  }

  async context() {
    return { tpm: await this.tpm(), api: this.fleet.api, pins: this.pins, directory: this.directory };
  }

  async fetchKey(version?: bigint, model = MODEL) {
    return fetchKey({ ...(await this.context()), model, ...(version === undefined ? {} : { version }) });
  }
}
