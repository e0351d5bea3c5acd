// TPM2_Unseal to an opaque handle: what JavaScript can do with it, and where the secret is in memory meanwhile
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { afterEach, expect, it } from 'vitest';
import {
  type SecretHandle,
  sealedObjectTemplate,
  TPMA_OBJECT,
  type Tpm,
} from '../../native/node-tpm2-tss/src/index.js';
import { findInMemory } from '../support/process_memory.js';
import { describeUnless, noSwtpm, notRoot, sanitized } from '../support/requirements.js';
import { createSrk, useTpm } from '../support/tpm.js';

const inPublic = sealedObjectTemplate({ attributes: TPMA_OBJECT.userWithAuth | TPMA_OBJECT.noDA });

async function seal(tpm: Tpm, data: Uint8Array | SecretHandle, userAuth: Uint8Array = Buffer.alloc(0)) {
  return tpm.withObject(createSrk(tpm), (srk) =>
    tpm.withSession({ sessionType: 'hmac', tpmKey: srk }, (encryption) =>
      tpm.create({ parentHandle: srk, inPublic, userAuth, data }, { encryption }),
    ),
  );
}

describeUnless(noSwtpm)('a secret handle', () => {
  const t = useTpm();
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  /** Unseals; the object, the session and the SRK are gone afterwards. */
  const unsealed = (sealed: { outPrivate: Buffer; outPublic: Buffer }) =>
    t.tpm.withObject(createSrk(t.tpm), (srk) =>
      t.tpm.withSession({ sessionType: 'hmac', tpmKey: srk }, (auth) =>
        t.tpm.withObject(
          t.tpm.load({ parentHandle: srk, inPrivate: sealed.outPrivate, inPublic: sealed.outPublic }),
          async (object) => ({
            handle: await t.tpm.unseal({ itemHandle: object }, { auth }),
            buffer: await t.tpm.unsealToBufferExposingSecret({ itemHandle: object }, { auth }),
          }),
        ),
      ),
    );

  it('shows its length and nothing else', async () => {
    const secret = randomBytes(32);
    const { handle } = await unsealed(await seal(t.tpm, secret));
    expect(handle.byteLength).toBe(32);
    expect(handle.closed).toBe(false);
    expect(Object.keys(handle)).toEqual(['byteLength', 'closed']);
    expect(inspect(handle, { showHidden: true, depth: 5 })).not.toContain(secret.toString('hex').slice(0, 8));
    handle.close();
    handle.close();
    expect([handle.byteLength, handle.closed]).toEqual([0, true]);
  });

  it('can be given to the TPM again, until it is closed', async () => {
    const secret = randomBytes(48);
    const { handle } = await unsealed(await seal(t.tpm, secret));
    const again = await unsealed(await seal(t.tpm, handle));
    expect(again.buffer).toEqual(secret);
    handle.close();
    again.handle.close();
    await expect(seal(t.tpm, handle)).rejects.toMatchObject({
      name: 'KeyError',
      code: 'ERR_KEY_HANDLE_INVALID',
      message: 'the secret handle is closed',
    });
  });

  it('is not made by JavaScript', async () => {
    const forged = { byteLength: 32, closed: false, close() {} };
    await expect(seal(t.tpm, forged)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
    const { handle } = await unsealed(await seal(t.tpm, randomBytes(16)));
    const heir = Object.create(handle) as typeof handle;
    expect([heir.byteLength, heir.closed]).toEqual([0, true]);
    expect(handle.byteLength).toBe(16);
    handle.close();
  });

  describeUnless(notRoot, sanitized)('in memory, read by root', () => {
    /** Starts a process that unseals; returns how often 16 bytes of the secret are found in it. */
    async function residency(level: string, kind: 'handle' | 'buffer') {
      const secret = randomBytes(64);
      const userAuth = randomBytes(32);
      const { outPrivate, outPublic } = await seal(t.tpm, secret, userAuth);
      const script = fileURLToPath(new URL('../support/unseal_child.ts', import.meta.url));
      const hex = [outPrivate, outPublic, userAuth].map((bytes) => bytes.toString('hex'));
      const child = spawn(process.execPath, ['--import', 'tsx', script, t.swtpm.tcti, ...hex, kind], {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { ...process.env, SEALEDGE_MEMORY: level },
      });
      children.push(child);
      const lines = createInterface({ input: child.stdout });
      const [line] = (await once(lines, 'line')) as [string];
      const report = JSON.parse(line) as { level: string; regions: [string, number][] };
      const except = report.regions.map(([begin, sizeBytes]) => ({ begin: BigInt(begin), sizeBytes }));
      const probes = [0, 8, 16, 24, 32, 40, 48].map((at) => secret.subarray(at, at + 16));
      const found = findInMemory(child.pid as number, probes, except);
      const [closing, exit] = [once(lines, 'line'), once(child, 'exit')];
      child.stdin.end();
      expect((await closing)[0]).toBe('64');
      // It flushes what it loaded before it ends.
      expect(await exit).toEqual([0, null]);
      return { level: report.level, found };
    }

    it.each(['secretmem', 'locked'])('is nowhere outside secret memory (%s)', async (level) => {
      const result = await residency(level, 'handle');
      expect(result.level).toBe(level);
      expect(result.found).toEqual([]);
    });

    it('is found when it was exposed (so that the test works)', async () => {
      expect((await residency('secretmem', 'buffer')).found.length).toBeGreaterThan(0);
    });
  });
});
