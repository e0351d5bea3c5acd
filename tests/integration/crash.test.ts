/**
 * kill -9 of the verifier and of the device at each step of the protocol, then resume (PROTOCOL.md "Crash and resume"): nothing is
 * lost, nothing half-written accepted. The processes are real; what decides the moment sits between them.
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tpm } from 'node-tpm2-tss';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { OperatorClient } from '../../src/cli/operator_client.js';
import { missingSwtpmTool, Swtpm } from '../support/swtpm.js';
import { TpmProxy } from '../support/tpm_proxy.js';
import { FLEET, fleetDocuments } from './fleet_documents.js';
import { KillSwitch, type Moment } from './kill_switch.js';
import { kill, outcomeOf, ROOT, sealedge, startSealedge, VerifierProcess } from './processes.js';

const STEPS: [name: string, path: RegExp, command: 'init' | 'fetch-key'][] = [
  ['1 enrol', /^\/v1\/enrolments$/, 'init'],
  ['2 prove', /\/proof$/, 'init'],
  ['3 challenge', /^\/v1\/challenges$/, 'fetch-key'],
  ['4 attest', /^\/v1\/attestations$/, 'fetch-key'],
  ['5 release', /^\/v1\/releases$/, 'fetch-key'],
];
const MOMENTS: Moment[] = ['request', 'answer'];
const TPM_CC_NV_DefineSpace = 0x0000012a;
const TPM_CC_NV_Increment = 0x00000134;
const TPM_CC_NV_ReadLock = 0x0000014f;
const TPM_CC_Import = 0x00000156;

describe.skipIf(missingSwtpmTool)('killed and resumed', () => {
  let directory: string;
  let swtpm: Swtpm;
  let tpm: TpmProxy;
  let gate: KillSwitch;
  let verifier: VerifierProcess;
  let device: string[];
  let index = 0x01805f00;
  const at = (name: string) => join(directory, name);

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sealedge-crash-'));
    swtpm = await Swtpm.start();
    tpm = await TpmProxy.start(swtpm);
    gate = await KillSwitch.start();
    verifier = new VerifierProcess(at('verifier'));
    await verifier.start();
    gate.forwardTo(verifier.url);
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const operator = await OperatorClient.open({ url: verifier.url, tokenFile: verifier.tokenFile });
    const { policy, approval } = await fleetDocuments(swtpm, { publicKey, privateKey });
    const once = { ...policy, release: { ...policy.release, unsealOncePerBoot: true } };
    await operator.send('PUT', `policies/${FLEET}`, { expectedRevision: 0, policy: once });
    await operator.send('POST', `approvals/${FLEET}`, { approvals: [approval] });
    await must('keygen', '-o', at('publisher.pem'));
    for (const version of ['1', '2']) {
      const files = ['-o', at(`motor-${version}.sealed`), '--key-out', at(`motor-${version}.key`)];
      const name = ['--sign', at('publisher.pem'), '--name', 'motor', '--version', version];
      await must('seal', join(ROOT, 'examples/motor/motor.onnx'), ...files, ...name);
      const access = ['--url', verifier.url, '--token-file', verifier.tokenFile];
      await must('verifier', 'keys', 'import', at(`motor-${version}.key`), ...access);
      await must('verifier', 'release', 'motor', '--fleet', FLEET, ...access);
    }
  }, 120_000);
  afterAll(async () => {
    await gate?.stop();
    await verifier?.stop();
    await tpm?.stop();
    await swtpm?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  beforeEach(() => {
    index += 1;
    device = ['--dir', at(`device-${index}`), '--tcti', tpm.tcti];
    tpm.interfere();
  });

  async function must(...args: string[]) {
    const outcome = await sealedge(...args);
    const { code, output, stderr } = outcome;
    expect({ code, stderr, error: output?.error }, args.join(' ')).toEqual({ code: 0, stderr, error: undefined });
    return output;
  }
  const init = () => ['device', 'init', '--verifier', gate.url, '--fleet', FLEET, ...counter(), ...device];
  const counter = () => ['--counter-index', `0x${index.toString(16)}`];
  const fetchKey = () => ['device', 'fetch-key', 'motor', ...device];
  const run = () => {
    const input = join(ROOT, 'examples/motor/windows/healthy.csv');
    return ['device', 'run', at('motor-2.sealed'), '--input', input, ...device];
  };
  const commands = { init, 'fetch-key': fetchKey, run };

  /** What a kernel's resource manager does when the process of a connection is gone. */
  const afterKill = () => swtpm.flushAll();

  async function nothingHalfWritten(): Promise<void> {
    const found = await readdir(at(`device-${index}`), { recursive: true });
    const temporary = found.filter((name) => name.includes('.tmp-'));
    // Left where the kill was inside a write; never read, and gone with the next command.
    expect(temporary).toEqual([]);
  }

  describe.each(STEPS)('step %s', (_, path, command) => {
    beforeEach(async () => {
      if (command === 'fetch-key') await must(...init());
    });

    it.each(MOMENTS)('device killed at the %s', async (moment) => {
      const child = startSealedge(commands[command]());
      gate.arm(path, moment, () => kill(child));
      expect((await outcomeOf(child)).code).toBeNull();
      expect(gate.armed).toBe(false);
      await afterKill();
      await must(...commands[command]());
      await nothingHalfWritten();
    });

    it.each(MOMENTS)('verifier killed at the %s', async (moment) => {
      gate.arm(path, moment, () => verifier.kill());
      expect(await sealedge(...commands[command]())).toMatchObject({
        code: 10,
        output: { error: { code: 'ERR_SERVICE_UNAVAILABLE' } },
      });
      await verifier.start();
      gate.forwardTo(verifier.url);
      await must(...commands[command]());
      await nothingHalfWritten();
    });
  });

  describe.each([
    ['NV_DefineSpace', TPM_CC_NV_DefineSpace, 'init'],
    ['NV_Increment', TPM_CC_NV_Increment, 'init'],
    ['Import', TPM_CC_Import, 'fetch-key'],
    ['NV_Increment', TPM_CC_NV_Increment, 'run'],
    ['NV_ReadLock', TPM_CC_NV_ReadLock, 'run'],
  ] as const)('TPM2_%s', (_, commandCode, command) => {
    beforeEach(async () => {
      if (command !== 'init') await must(...init());
      if (command === 'run') await must(...fetchKey());
    });

    it.each(['command', 'response'] as const)(`device killed at the %s in ${command}`, async (drop) => {
      const child = startSealedge(commands[command]());
      let dead: Promise<void> | undefined;
      tpm.interfere((exchange) => {
        if (exchange.commandCode !== commandCode || dead !== undefined) return undefined;
        dead = killTree(child.pid as number);
        return { drop };
      });
      expect((await outcomeOf(child)).code).not.toBe(0);
      await dead;
      tpm.interfere();
      await afterKill();
      if (command === 'run') await restart();
      await must(...commands[command]());
      await nothingHalfWritten();
      if (command === 'run') expect(await counterValue()).toBe(await expectedCounter());
    });
  });

  /** `device run` computes in a child of its own: that one is killed. */
  async function killTree(pid: number): Promise<void> {
    const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').filter(Boolean);
    for (const one of [...children.map(Number), pid]) {
      try {
        process.kill(one, 'SIGKILL');
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause;
      }
    }
  }

  /** Orderly, as a kernel does it: a TPM counts power cuts after the use of a key without noDA, such as an AK, as guessing. */
  async function restart(): Promise<void> {
    await swtpm.tool('tpm2_shutdown', '-c');
    await swtpm.reset();
  }

  async function counterValue(): Promise<bigint> {
    await restart();
    await using direct = await Tpm.open({ tcti: swtpm.tcti });
    return (await direct.nvRead({ nvIndex: index, size: 8 })).readBigUInt64BE();
  }

  /** Version 2 is one generation after version 1. */
  async function expectedCounter(): Promise<bigint> {
    const { counterBase } = JSON.parse(await readFile(at(`device-${index}/device.json`), 'utf8')) as {
      counterBase: string;
    };
    return BigInt(counterBase) + 1n;
  }
});
