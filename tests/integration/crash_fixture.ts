/** A verifier process, a TPM behind a recorder, a sealed model in two versions: what the crash tests kill and resume. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { OperatorClient } from '../../src/cli/operator_client.js';
import { Swtpm } from '../support/swtpm.js';
import { TpmProxy } from '../support/tpm_proxy.js';
import { FLEET, fleetDocuments } from './fleet_documents.js';
import { KillSwitch } from './kill_switch.js';
import { type Json, ROOT, sealedge, VerifierProcess } from './processes.js';

export const COUNTER_INDEX = 0x01805f00;

export type DeviceStep = 'init' | 'fetch-key' | 'renew' | 'run';

export class CrashFixture {
  readonly verifier: VerifierProcess;
  #devices = 0;

  private constructor(
    readonly directory: string,
    readonly swtpm: Swtpm,
    readonly tpm: TpmProxy,
    readonly gate: KillSwitch,
  ) {
    this.verifier = new VerifierProcess(join(directory, 'verifier'));
  }

  static async start(): Promise<CrashFixture> {
    const directory = await mkdtemp(join(tmpdir(), 'sealedge-crash-'));
    const swtpm = await Swtpm.start();
    const fixture = new CrashFixture(directory, swtpm, await TpmProxy.start(swtpm), await KillSwitch.start());
    await fixture.startVerifier();
    await fixture.#setUpFleet();
    return fixture;
  }

  async startVerifier(): Promise<void> {
    await this.verifier.start();
    this.gate.forwardTo(this.verifier.url);
  }

  async #setUpFleet(): Promise<void> {
    const { url, tokenFile } = this.verifier;
    const operator = await OperatorClient.open({ url, tokenFile });
    const stateKey = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { policy, approval } = await fleetDocuments(this.swtpm, stateKey, { release: { unsealOncePerBoot: true } });
    await operator.send('PUT', `policies/${FLEET}`, { expectedRevision: 0, policy });
    await operator.send('POST', `approvals/${FLEET}`, { approvals: [approval] });
    await this.must('keygen', '-o', this.#at('publisher.pem'));
    // Version 2 is a generation after version 1: its first good load moves the counter.
    for (const version of ['1', '2']) {
      const files = ['-o', this.#at(`motor-${version}.sealed`), '--key-out', this.#at(`motor-${version}.key`)];
      const name = ['--sign', this.#at('publisher.pem'), '--name', 'motor', '--version', version];
      await this.must('seal', join(ROOT, 'examples/motor/motor.onnx'), ...files, ...name);
      const access = ['--url', url, '--token-file', tokenFile];
      await this.must('verifier', 'keys', 'import', this.#at(`motor-${version}.key`), ...access);
      await this.must('verifier', 'release', 'motor', '--fleet', FLEET, ...access);
    }
  }

  /** The one device there is, with nothing kept and no counter: as it comes from the factory. */
  async newDevice(): Promise<CrashDevice> {
    if (this.#devices > 0) await this.swtpm.tool('tpm2_nvundefine', '-C', 'o', `0x${COUNTER_INDEX.toString(16)}`);
    this.#devices += 1;
    return new CrashDevice(this, this.#at(`device-${this.#devices}`));
  }

  async must(...args: string[]): Promise<Json> {
    const { code, output, stderr } = await sealedge(...args);
    expect({ code, stderr, error: output?.error }, args.join(' ')).toEqual({ code: 0, stderr, error: undefined });
    return output;
  }

  /** Orderly, as a kernel does it: a TPM counts power cuts after the use of a key without noDA, such as an AK, as guessing. */
  async restartTpm(): Promise<void> {
    await this.swtpm.tool('tpm2_shutdown', '-c');
    await this.swtpm.reset();
  }

  async stop(): Promise<void> {
    await this.gate.stop();
    await this.verifier.stop();
    await this.tpm.stop();
    await this.swtpm.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  #at(name: string): string {
    return join(this.directory, name);
  }
}

export class CrashDevice {
  constructor(
    readonly fixture: CrashFixture,
    readonly directory: string,
  ) {}

  /** The arguments of one step. */
  async command(step: DeviceStep): Promise<string[]> {
    const { gate, tpm, directory } = this.fixture;
    const device = ['--dir', this.directory, '--tcti', tpm.tcti];
    const counter = ['--counter-index', `0x${COUNTER_INDEX.toString(16)}`];
    const input = join(ROOT, 'examples/motor/windows/healthy.csv');
    return {
      init: ['device', 'init', '--verifier', gate.url, '--fleet', FLEET, ...counter, ...device],
      'fetch-key': ['device', 'fetch-key', 'motor', ...device],
      renew: ['device', 'fetch-key', '--renew', step === 'renew' ? await this.keyId() : '', ...device],
      run: ['device', 'run', join(directory, 'motor-2.sealed'), '--input', input, ...device],
    }[step];
  }

  async must(step: DeviceStep): Promise<Json> {
    return this.fixture.must(...(await this.command(step)));
  }

  /** After a kill: does the step again, which must succeed and leave nothing half-written. */
  async resume(step: DeviceStep): Promise<void> {
    // What a kernel's resource manager does when the process of a connection is gone.
    await this.fixture.swtpm.flushAll();
    await this.must(step);
    const found = await readdir(this.directory, { recursive: true });
    expect(found.filter((name) => name.includes('.tmp-'))).toEqual([]);
  }

  /** Of the one key that it holds. */
  async keyId(): Promise<string> {
    const [file = '', ...others] = (await readdir(join(this.directory, 'keys'))).filter((name) =>
      name.endsWith('.json'),
    );
    expect(others).toEqual([]);
    return file.replace('.json', '');
  }

  /** What it keeps of that key. */
  async keyFile(): Promise<Json> {
    return JSON.parse(await readFile(join(this.directory, 'keys', `${await this.keyId()}.json`), 'utf8'));
  }

  async counterBase(): Promise<bigint> {
    const pins = JSON.parse(await readFile(join(this.directory, 'device.json'), 'utf8')) as { counterBase: string };
    return BigInt(pins.counterBase);
  }
}
