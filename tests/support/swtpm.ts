/**
 * A software TPM of its own for each test: made by swtpm_setup in a temporary directory, with EK certificates (RSA 2048
 * and ECC P-384) from a local CA in the same directory, served on a Unix socket, killed and removed by {@link Swtpm.stop}.
 * It dies with the test process even when that is killed.
 *
 * swtpm serves one connection at a time: close a context before stock tools use the same TPM, or put a
 * {@link TpmProxy} (tpm_proxy.ts) in between.
 */

import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A sanitizer's runtime is preloaded into the process under test, not into the tools around it. */
const { LD_PRELOAD: _, ...toolEnvironment } = process.env;

export interface SwtpmOptions {
  /** Certify the RSA 2048 (NV 0x01C00002) and ECC P-384 (NV 0x01C00016) EKs. Costs about 2 s. Default true. */
  ekCertificates?: boolean;
  /** Certify also the ECC P-256 EK of template L-2 (NV 0x01C0000A), which swtpm_setup does not. Default false. */
  p256EkCertificate?: boolean;
  /** PCR banks to activate. Default sha256. */
  pcrBanks?: readonly string[];
  /** Directory of a CA made by an earlier Swtpm ({@link Swtpm.caDirectory}), so that two devices share one root. */
  caDirectory?: string;
}

export class Swtpm {
  /** Everything of this TPM lives below; removed by stop(). */
  readonly directory: string;
  readonly caDirectory: string;
  readonly socketPath: string;
  /** TCTI configuration string: `swtpm:path=...`. */
  readonly tcti: string;
  #process: ChildProcess | undefined;

  private constructor(directory: string, caDirectory: string) {
    this.directory = directory;
    this.caDirectory = caDirectory;
    this.socketPath = join(directory, 'tpm.sock');
    this.tcti = `swtpm:path=${this.socketPath}`;
  }

  /** Makes a TPM and starts it: ready for commands, TPM2_Startup(CLEAR) done. */
  static async start(options: SwtpmOptions = {}): Promise<Swtpm> {
    const directory = mkdtempSync(join(tmpdir(), 'sealedge-swtpm-'));
    const swtpm = new Swtpm(directory, options.caDirectory ?? join(directory, 'ca'));
    try {
      await swtpm.#manufacture(options);
      await swtpm.powerOn();
      if (options.p256EkCertificate) await swtpm.#certifyP256Ek();
    } catch (error) {
      await swtpm.stop();
      throw error;
    }
    return swtpm;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** PEM certificates of the local CA: its root, then the issuer of EK certificates. */
  get caCertificates(): { root: string; issuer: string } {
    return {
      root: readFileSync(join(this.caDirectory, 'swtpm-localca-rootca-cert.pem'), 'utf8'),
      issuer: readFileSync(join(this.caDirectory, 'issuercert.pem'), 'utf8'),
    };
  }

  /** Starts the stopped TPM again; `startup: 'none'` leaves it waiting for TPM2_Startup. */
  async powerOn(options: { startup?: 'clear' | 'state' | 'none' } = {}): Promise<void> {
    if (this.#process) return;
    const child = spawn(
      'setpriv',
      [
        ...['--pdeathsig', 'KILL', '--', 'swtpm', 'socket', '--tpm2', '--tpmstate', `dir=${this.directory}/state`],
        ...['--server', `type=unixio,path=${this.socketPath}`, '--ctrl', `type=unixio,path=${this.socketPath}.ctrl`],
        ...['--flags', `not-need-init,startup-${options.startup ?? 'clear'}`],
      ],
      { stdio: ['ignore', 'ignore', 'pipe'], env: toolEnvironment },
    );
    this.#process = child;
    let stderr = '';
    child.stderr?.on('data', (chunk) => {
      stderr += chunk;
    });
    child.once('exit', () => {
      if (this.#process === child) this.#process = undefined;
    });
    while (!(await canConnect(this.socketPath))) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`swtpm did not start: ${stderr}`);
      await sleep(5);
    }
  }

  /** Pulls the plug (SIGKILL): connections break, what was not in NV is lost. */
  async powerOff(): Promise<void> {
    const child = this.#process;
    if (!child) return;
    this.#process = undefined;
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
    for (const path of [this.socketPath, `${this.socketPath}.ctrl`]) rmSync(path, { force: true });
  }

  /** A TPM reset: off and on, PCRs and transient state cleared, reset count advanced. */
  async reset(): Promise<void> {
    await this.powerOff();
    await this.powerOn();
  }

  /** Runs a stock tool on this TPM, in {@link directory}; returns its standard output. */
  async tool(name: string, ...args: string[]): Promise<string> {
    const env = { ...toolEnvironment, TPM2TOOLS_TCTI: this.tcti };
    const { stdout } = await run(name, args, { cwd: this.directory, env });
    return stdout;
  }

  /** Stock tools leave their transient objects and sessions behind when no resource manager is there. */
  async flushAll(): Promise<void> {
    for (const flag of ['-t', '-l', '-s']) await this.tool('tpm2_flushcontext', flag);
  }

  /** Powers off and removes every file. Repeatable. */
  async stop(): Promise<void> {
    await this.powerOff();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #manufacture(options: SwtpmOptions): Promise<void> {
    const at = (name: string) => join(this.directory, name);
    mkdirSync(at('state'));
    mkdirSync(this.caDirectory, { recursive: true });
    const localca = execFileSync('/bin/sh', ['-c', 'command -v swtpm_localca'], {
      encoding: 'utf8',
      env: toolEnvironment,
    }).trim();
    const banks = (options.pcrBanks ?? ['sha256']).join(',');
    writeFileSync(
      at('setup.conf'),
      `create_certs_tool = ${localca}\ncreate_certs_tool_config = ${at('localca.conf')}\n` +
        `create_certs_tool_options = ${at('localca.options')}\nactive_pcr_banks = ${banks}\n`,
    );
    writeFileSync(
      at('localca.conf'),
      `statedir = ${this.caDirectory}\nsigningkey = ${this.caDirectory}/signkey.pem\n` +
        `issuercert = ${this.caDirectory}/issuercert.pem\ncertserial = ${this.caDirectory}/certserial\n`,
    );
    writeFileSync(
      at('localca.options'),
      '--platform-manufacturer sealedge\n--platform-version 1.0\n--platform-model test\n',
    );
    const certificates = (options.ekCertificates ?? true) ? ['--create-ek-cert'] : [];
    await run(
      'swtpm_setup',
      [
        ...['--tpm2', '--tpmstate', at('state'), '--config', at('setup.conf'), '--pcr-banks', banks],
        ...['--logfile', at('setup.log')],
        ...certificates,
      ],
      // Its own temporary files too: a signal that hits it half way leaves nothing elsewhere.
      { env: { ...toolEnvironment, TMPDIR: this.directory } },
    );
  }

  async #certifyP256Ek(): Promise<void> {
    const at = (name: string) => join(this.directory, name);
    await this.tool('tpm2_createek', '-G', 'ecc', '-c', at('ek.ctx'), '-u', at('ek.pem'), '-f', 'pem');
    await this.flushAll();
    const spki = readFileSync(at('ek.pem'), 'utf8').replace(/-----[^-]+-----|\s/g, '');
    const point = Buffer.from(spki, 'base64').subarray(-64);
    const ek = `x=${point.toString('hex', 0, 32)},y=${point.toString('hex', 32)},id=secp256r1`;
    await run(
      'swtpm_localca',
      [
        ...[
          '--type',
          'ek',
          '--ek',
          ek,
          '--dir',
          this.directory,
          '--vmid',
          'test',
          '--tpm2',
          '--tpm-spec-family',
          '2.0',
        ],
        ...['--tpm-spec-level', '0', '--tpm-spec-revision', '164', '--tpm-manufacturer', 'id:00001014'],
        ...['--tpm-model', 'swtpm', '--tpm-version', 'id:20191023', '--logfile', at('setup.log')],
        ...['--configfile', at('localca.conf'), '--optsfile', at('localca.options')],
      ],
      { env: toolEnvironment },
    );
    const size = String(readFileSync(at('ek.cert')).length);
    // TCG EK Credential Profile 2.2.1.4: EK certificate indices are platform's, readable by owner and by empty auth.
    const attributes = 'ppwrite|ppread|ownerread|authread|no_da|platformcreate';
    await this.tool('tpm2_nvdefine', '0x01C0000A', '-C', 'p', '-s', size, '-a', attributes);
    await this.tool('tpm2_nvwrite', '0x01C0000A', '-C', 'p', '-i', at('ek.cert'));
  }
}

function canConnect(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
