/**
 * Salt, session key, parameter key and what they are computed through are nowhere outside secret memory: while a session starts, while it
 * unseals, after that, and after it is gone; at both memory levels. The session is salted to a key that the test made, so everything
 * that only device and TPM should know is derived here from the traffic between them.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { sealedObjectTemplate, TPM_CC, TPM_HT, TPMA_OBJECT, Tpm } from '../../native/node-tpm2-tss/src/index.js';
import type { Probe } from '../../tools/residency/probe_search.js';
import { runScanner } from '../../tools/residency/run_scanner.js';
import type { ScanReport } from '../../tools/residency/scan.js';
import { responseKeyOf, saltOf, sessionKeyOf } from '../../tools/residency/tpm_session_probes.js';
import { describeUnless, noSwtpm, notRoot } from '../support/requirements.js';
import { Swtpm } from '../support/swtpm.js';
import { createSrk } from '../support/tpm.js';
import { type Exchange, TpmProxy } from '../support/tpm_proxy.js';
import { HolderProcess, MEMORY_LEVELS, type MemoryLevel, regionsOf } from './support/holder_process.js';

const KEY_TYPES = ['ecc', 'rsa'] as const;
const CASES = MEMORY_LEVELS.flatMap((level) => KEY_TYPES.map((type) => [level, type] as const));

describeUnless(notRoot, noSwtpm)('a salted session', () => {
  let swtpm: Swtpm;
  let proxy: TpmProxy;
  let holder: HolderProcess | undefined;
  beforeAll(async () => {
    swtpm = await Swtpm.start({ ekCertificates: false });
    proxy = await TpmProxy.start(swtpm);
  });
  afterEach(async () => {
    await holder?.stop();
    await swtpm.flushAll();
  });
  afterAll(async () => {
    await proxy?.stop();
    await swtpm?.stop();
  });

  it.each(CASES)('at level %s, salted to an %s key', { timeout: 120_000 }, async (level, type) => {
    const privateKey = makeKey(type);
    const secret = randomBytes(64);
    const sealed = await seal(secret);
    const keyHandle = await load(privateKey, type);
    const args = [proxy.tcti, String(keyHandle), sealed.outPrivate.toString('hex'), sealed.outPublic.toString('hex')];
    holder = new HolderProcess({ level, checkpoints: true, program: { script: 'tpm_holder.mjs', args } });
    expect(await holder.hear()).toMatchObject({ event: 'ready', level });

    // The TPM has the salt and the device has not heard of the session yet.
    const begun = hold(START_AUTH_SESSION);
    holder.say({ step: 'start' });
    const start = await begun.reached;
    const { salt, probes: saltProbes } = saltOf(start, privateKey);
    const starting = await expectNothingOutside(holder, saltProbes, level);
    if (level === 'locked') expect(foundIn(starting)).toContain('salt [0,16)');
    begun.release();
    expect(await holder.hear()).toEqual({ event: 'start' });

    const { sessionKey, probes: sessionProbes } = sessionKeyOf(start, salt);
    const probes = [...saltProbes, ...sessionProbes];
    const started = await expectNothingOutside(holder, probes, level);
    // Of the salt nothing is left where it was.
    if (level === 'locked') {
      expect(foundIn(started)).toContain(SESSION_END);
      expect(foundIn(started).filter((name) => name.startsWith('salt'))).toEqual([]);
    }

    const asked = hold(TPM_CC.Unseal);
    holder.say({ step: 'unseal' });
    const unseal = await asked.reached;
    const waiting = await expectNothingOutside(holder, probes, level);
    if (level === 'locked') expect(foundIn(waiting)).toContain(SESSION_END);

    const crypted = holder.holdAt('parameter-crypted');
    asked.release();
    await crypted;
    probes.push(...responseKeyOf(unseal, sessionKey), { name: 'unsealed secret', bytes: secret.subarray(16, 48) });
    const decrypting = await expectNothingOutside(holder, probes, level);
    if (level === 'locked')
      expect(foundIn(decrypting)).toEqual(expect.arrayContaining(['parameter key [0,16)', 'unsealed secret']));
    holder.passCheckpoint();
    expect(await holder.hear()).toEqual({ event: 'unseal' });

    const unsealed = await expectNothingOutside(holder, probes, level);
    if (level === 'locked') {
      expect(foundIn(unsealed)).toContain('unsealed secret');
      expect(foundIn(unsealed).filter((name) => name.startsWith('parameter key'))).toEqual([]);
    }

    expect(await holder.ask({ step: 'close' })).toEqual({ event: 'close' });
    const closed = await expectNothingOutside(holder, probes, level);
    expect(closed.hitsInSecretRegions).toEqual([]);

    // The control: the same scan of the same process finds every one of them where they do lie in the open.
    await holder.ask({ step: 'plant', hex: Buffer.concat(probes.map(({ bytes }) => bytes)).toString('hex') });
    const planted = await runScanner(holder.pid, probes, regionsOf(await holder.ask({ step: 'report' })));
    expect(new Set(planted.hits.map(({ probe }) => probe))).toEqual(new Set(probes.map(({ name }) => name)));
  });

  /** Sealed under PolicyCommandCode(TPM2_Unseal): a policy as a device's, one step long. */
  async function seal(data: Buffer) {
    await using tpm = await Tpm.open({ tcti: swtpm.tcti });
    const commandCode = Buffer.alloc(8);
    commandCode.writeUInt32BE(TPM_CC.PolicyCommandCode, 0);
    commandCode.writeUInt32BE(TPM_CC.Unseal, 4);
    const authPolicy = createHash('sha256').update(Buffer.alloc(32)).update(commandCode).digest();
    const attributes = TPMA_OBJECT.adminWithPolicy | TPMA_OBJECT.noDA;
    const inPublic = sealedObjectTemplate({ authPolicy, attributes });
    return await tpm.withObject(createSrk(tpm), (parentHandle) => tpm.create({ parentHandle, inPublic, data }));
  }

  /** Both parts, with a stock tool: it stays loaded in a TPM without resource manager. */
  async function load(key: KeyObject, type: (typeof KEY_TYPES)[number]): Promise<number> {
    const file = join(swtpm.directory, `${type}.pem`);
    writeFileSync(file, key.export({ format: 'pem', type: type === 'ecc' ? 'sec1' : 'pkcs1' }));
    await swtpm.tool('tpm2_loadexternal', '-C', 'n', '-G', type, '-r', file, '-c', `${type}.ctx`);
    await using tpm = await Tpm.open({ tcti: swtpm.tcti });
    const [handle, ...others] = await tpm.getHandles(TPM_HT.TRANSIENT);
    expect(others).toEqual([]);
    return handle as number;
  }

  /** Lets the TPM execute the next `commandCode`, and keeps its answer until `release`. */
  function hold(commandCode: number): { reached: Promise<Exchange>; release: () => void } {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const reached = new Promise<Exchange>((resolve) => {
      proxy.interfere((exchange) => {
        if (exchange.commandCode !== commandCode) return undefined;
        proxy.interfere();
        return {
          hold() {
            resolve(exchange);
            return released;
          },
        };
      });
    });
    return { reached, release };
  }
});

const START_AUTH_SESSION = 0x00000176;
const SESSION_END = 'session key [16,32)';

function makeKey(type: (typeof KEY_TYPES)[number]): KeyObject {
  return type === 'ecc'
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    : generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
}

async function expectNothingOutside(
  holder: HolderProcess,
  probes: readonly Probe[],
  level: MemoryLevel,
): Promise<ScanReport> {
  const regions = regionsOf(await holder.ask({ step: 'report' }));
  const report = await runScanner(holder.pid, probes, regions);
  expect(report.hits).toEqual([]);
  expect(report.unreadableNotRegistered).toEqual([]);
  expect(report.registeredReadable.length).toBe(level === 'secretmem' ? 0 : regions.length);
  return report;
}

/** Names of the probes that lie in secret memory, where root can read it. */
function foundIn(report: ScanReport): string[] {
  return [...new Set(report.hitsInSecretRegions.map(({ probe }) => probe))];
}
