import { createHash } from 'node:crypto';
import { Swtpm } from '../../tests/support/swtpm.js';
import { FLEET, PCRS } from './operator.js';
import { Companion, type Json, type Outcome, sealedge, succeed } from './processes.js';
import type { Workshop } from './workshop.js';

/** An edge device: a TPM, a directory, and `sealedge device` run as processes of their own. */
export class Device {
  readonly tpm: Swtpm;
  readonly directory: string;
  readonly #workshop: Workshop;

  private constructor(workshop: Workshop, tpm: Swtpm, name: string) {
    this.#workshop = workshop;
    this.tpm = tpm;
    this.directory = workshop.path(name);
  }

  /** Makes the TPM (swtpm_setup, EK certificates from a local CA) and boots. `sibling`: of the same manufacturer. */
  static async manufacture(workshop: Workshop, name: string, sibling?: Device): Promise<Device> {
    const options = sibling ? { caDirectory: sibling.tpm.caDirectory } : {};
    const device = new Device(workshop, workshop.adopt(await Swtpm.start(options)), name);
    await device.#measureBoot();
    return device;
  }

  /** Power off and on: PCRs start from zero, and the same software measures the same values. */
  async reboot(): Promise<void> {
    await this.tpm.tool('tpm2_shutdown', '--clear');
    await this.tpm.reset();
    await this.#measureBoot();
  }

  /** What firmware does before any of our code runs: every stage measures the next into a PCR. */
  async #measureBoot(): Promise<void> {
    for (const pcr of PCRS) await this.extend(pcr, `boot stage measured into PCR ${pcr}`);
  }

  async extend(pcr: number, what: string): Promise<void> {
    await this.tpm.tool('tpm2_pcrextend', `${pcr}:sha256=${createHash('sha256').update(what).digest('hex')}`);
  }

  referenceValues(): Promise<Json> {
    return succeed(['device', 'state', '--id', 'shipped-2024.1', '--pcrs', PCRS.join(','), ...this.#tpmOption]);
  }

  enrol(verifierUrl: string): Promise<Json> {
    return this.#must('init', '--verifier', verifierUrl, '--fleet', FLEET);
  }

  attest(): Promise<Json> {
    return this.#must('attest');
  }

  mustFetchKey({ model, version }: { model: string; version: number }): Promise<Json> {
    return this.#must('fetch-key', model, '--version', String(version));
  }

  /** As {@link mustFetchKey}, where it is expected to be refused. */
  tryToFetchKey(model: string): Promise<Outcome> {
    return sealedge(['device', 'fetch-key', model, ...this.#options]);
  }

  /** A process that loads the sealed model and answers one line of JSON with another. */
  run(sealedFile: string, env: NodeJS.ProcessEnv = {}): Companion {
    return this.#workshop.adopt(
      Companion.sealedge(['device', 'run', sealedFile, '--serve', '--threads', '1', ...this.#options], env),
    );
  }

  /** As {@link run}, where it is expected to be refused. */
  tryToRun(sealedFile: string): Promise<Outcome> {
    return sealedge(['device', 'run', sealedFile, '--serve', ...this.#options]);
  }

  #must(command: string, ...args: string[]): Promise<Json> {
    return succeed(['device', command, ...args, ...this.#options]);
  }

  get #options(): string[] {
    return ['--dir', this.directory, ...this.#tpmOption];
  }

  get #tpmOption(): string[] {
    return ['--tcti', this.tpm.tcti];
  }
}
