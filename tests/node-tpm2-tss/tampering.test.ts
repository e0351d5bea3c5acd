// A hostile bus: responses changed, cut, or made up. Nothing is believed, nothing crashes, nothing stays loaded
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  sealedObjectTemplate,
  TPM_CC,
  TPM_HT,
  TPMA_OBJECT,
  Tpm,
  TpmError,
} from '../../native/node-tpm2-tss/src/index.js';
import { describeUnless, noSwtpm } from '../support/requirements.js';
import { Swtpm } from '../support/swtpm.js';
import { createSrk, expectNothingLoaded } from '../support/tpm.js';
import { TpmProxy } from '../support/tpm_proxy.js';

const GetRandom = 0x17b;

describeUnless(noSwtpm)('a hostile bus', () => {
  let swtpm: Swtpm;
  let proxy: TpmProxy;
  let tpm: Tpm;
  beforeAll(async () => {
    swtpm = await Swtpm.start({ ekCertificates: false });
    proxy = await TpmProxy.start(swtpm);
    tpm = await Tpm.open({ tcti: proxy.tcti });
  });
  afterAll(async () => {
    await tpm?.close();
    await proxy?.stop();
    await swtpm?.stop();
  });

  /** Runs `body` while every response to `commandCode` is changed. */
  async function changing<R>(commandCode: number, change: (response: Buffer) => Buffer, body: () => Promise<R>) {
    proxy.interfere((exchange) => (exchange.commandCode === commandCode ? { change } : undefined));
    try {
      return await body();
    } finally {
      proxy.interfere();
    }
  }
  const flip = (at: number) => (response: Buffer) => {
    const changed = Buffer.from(response);
    const index = at < 0 ? changed.length + at : at;
    changed[index] = (changed[index] as number) ^ 1;
    return changed;
  };
  /** Success without authorization area, with the parameters that the TPM answered. */
  const stripped = (response: Buffer) => {
    const parameters = response.subarray(14, 14 + response.readUInt32BE(10));
    const header = Buffer.from('80010000000000000000', 'hex');
    header.writeUInt32BE(10 + parameters.length, 2);
    return Buffer.concat([header, parameters]);
  };

  it.each([
    ['a changed parameter', flip(16)],
    ['a changed HMAC', flip(-1)],
    ['a changed nonce', flip(14 + 2 + 16 + 3)],
    ['its authorization area left out', stripped],
  ])('refuses a response with %s', async (_, change) => {
    await tpm.withObject(createSrk(tpm), async (tpmKey) => {
      const session = await tpm.startHmacSession({ tpmKey });
      const random = () => tpm.getRandom(16, { encryption: session });
      await expect(changing(GetRandom, change, random)).rejects.toMatchObject({
        code: 'ERR_TPM_SESSION',
        command: 'TPM2_GetRandom',
      });
      // Its nonces are in doubt now: the session is gone, natively and in the TPM.
      await expect(random()).rejects.toMatchObject({ code: 'ERR_TPM_SESSION' });
      expect(await tpm.getHandles(TPM_HT.LOADED_SESSION)).toEqual([]);
      await session.flush();
    });
  });

  /** Another size, and the header says so. */
  const resized = (...parts: Uint8Array[]) => {
    const changed = Buffer.concat(parts);
    changed.writeUInt32BE(changed.length, 2);
    return changed;
  };
  // The authorization area of Unseal, when 16 bytes are sealed: after header, parameterSize and TPM2B of 16 bytes.
  const AREA = 14 + 2 + 16;

  // A policy session without salt has no key: the TPM sends no HMAC, and only the form of a response speaks for it.
  it.each([
    ['bytes after its authorization area', (response: Buffer) => resized(response, Buffer.alloc(1))],
    [
      'a nonce that is too short',
      (r: Buffer) => resized(r.subarray(0, AREA), Buffer.from([0, 16]), r.subarray(AREA + 18)),
    ],
    ['no nonce', (r: Buffer) => resized(r.subarray(0, AREA), Buffer.from([0, 0]), r.subarray(AREA + 34))],
    [
      'an HMAC that a session without key does not have',
      (r: Buffer) => resized(r.subarray(0, -2), Buffer.from([0, 1, 0])),
    ],
    ['its authorization area left out', stripped],
  ])('refuses a response with %s in a session without key', async (_, change) => {
    // Sealed under the policy digest that every session begins with.
    const attributes = TPMA_OBJECT.adminWithPolicy | TPMA_OBJECT.noDA;
    const inPublic = sealedObjectTemplate({ authPolicy: Buffer.alloc(32), attributes });
    await tpm.withObject(createSrk(tpm), async (parentHandle) => {
      const created = await tpm.create({ parentHandle, inPublic, data: Buffer.alloc(16, 7) });
      const item = tpm.load({ parentHandle, inPrivate: created.outPrivate, inPublic: created.outPublic });
      await tpm.withObject(item, async (itemHandle) => {
        const session = await tpm.startPolicySession();
        const unseal = () => tpm.unsealToBufferExposingSecret({ itemHandle }, { auth: session });
        await expect(unseal()).resolves.toHaveLength(16);
        await expect(changing(TPM_CC.Unseal, change, unseal)).rejects.toMatchObject({ code: 'ERR_TPM_SESSION' });
        await expect(unseal()).rejects.toMatchObject({ code: 'ERR_TPM_SESSION' });
        await session.flush();
      });
    });
  });

  it('flushes an object whose creation it cannot believe', async () => {
    const key = await createSrk(tpm);
    const session = await tpm.startHmacSession({ tpmKey: key });
    const create = () =>
      tpm.createPrimary({ primaryHandle: 0x40000007, inPublic: key.publicArea }, { encryption: session });
    await expect(changing(TPM_CC.CreatePrimary, flip(-1), create)).rejects.toMatchObject({ code: 'ERR_TPM_SESSION' });
    await session.flush();
    await tpm.flushObject(key);
    await expectNothingLoaded(swtpm.tcti);
  });

  it('does not take a Name from the TPM that is not that of the public area', async () => {
    const lastByteOfName = flip(-1 - 2 - 1 - 2);
    const create = changing(TPM_CC.CreatePrimary, lastByteOfName, () => createSrk(tpm));
    await expect(create).rejects.toMatchObject({ code: 'ERR_TPM_RESPONSE', command: 'TPM2_CreatePrimary' });
    await expectNothingLoaded(swtpm.tcti);
  });

  it('survives any response at all, with a typed error', async () => {
    const codes = [GetRandom, 0x17a, 0x181, 0x173];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...codes),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        async (code, edits) => {
          const change = (response: Buffer) => {
            const changed = Buffer.from(response);
            // The size in the header stays: TCTIs read as much as it says.
            for (const [at, byte] of edits) changed[6 + (at % (changed.length - 6))] = byte;
            return changed;
          };
          const key = await createSrk(tpm);
          try {
            await changing(code, change, async () => {
              await tpm.getRandom(8);
              await tpm.getCapability({ capability: 6, property: 0x100, propertyCount: 8 });
              await tpm.readClock();
              await tpm.readPublic({ objectHandle: key.handle });
            });
          } catch (error) {
            expect(error).toBeInstanceOf(TpmError);
          }
          await tpm.flushObject(key);
        },
      ),
      { numRuns: Number(process.env.SEALEDGE_PROPERTY_RUNS ?? 100) },
    );
    await tpm.close();
    await expectNothingLoaded(swtpm.tcti);
    tpm = await Tpm.open({ tcti: proxy.tcti });
  });
});
