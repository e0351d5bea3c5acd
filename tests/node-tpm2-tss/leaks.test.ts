// Multi-step operations that fail at each of their commands, in each way: the TPM's handle lists are empty afterwards
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  ekTemplate,
  pcrSelection,
  sealedObjectTemplate,
  TPM_CC,
  TPM_HT,
  TPMA_OBJECT,
  Tpm,
  TpmError,
} from '../../native/node-tpm2-tss/src/index.js';
import { describeUnless, noSwtpm } from '../support/requirements.js';
import { Swtpm } from '../support/swtpm.js';
import { createAk, createSrk } from '../support/tpm.js';
import { errorResponse, type Interference, TpmProxy } from '../support/tpm_proxy.js';

const TPM_RC_FAILURE = 0x101;
const GetCapability = 0x17a;
const ReadClock = 0x181;

/** Operations as a user writes them, with nothing but the scopes that the package offers. */
const operations: Record<string, (tpm: Tpm) => Promise<unknown>> = {
  'seal and unseal': (tpm) =>
    tpm.withObject(createSrk(tpm), (srk) =>
      tpm.withSession({ sessionType: 'hmac', tpmKey: srk }, async (encryption) => {
        const inPublic = sealedObjectTemplate({ attributes: TPMA_OBJECT.userWithAuth | TPMA_OBJECT.noDA });
        const created = await tpm.create({ parentHandle: srk, inPublic, data: Buffer.from('x') }, { encryption });
        const { outPrivate, outPublic } = created;
        const loading = tpm.load(
          { parentHandle: srk, inPrivate: outPrivate, inPublic: outPublic },
          { auth: encryption },
        );
        return tpm.withObject(loading, async (object) => {
          (await tpm.unseal({ itemHandle: object }, { auth: encryption })).close();
        });
      }),
    ),
  'quote under a policy session': (tpm) =>
    tpm.withObject(createAk(tpm), (ak) =>
      tpm.withSession({ sessionType: 'policy' }, async (policySession) => {
        await tpm.policyCommandCode({ policySession, code: TPM_CC.Quote });
        await tpm.policyGetDigest({ policySession });
        const pcrSelect = pcrSelection([{ hash: 'sha256', pcrs: [0] }]);
        return tpm.quote({ signHandle: ak, qualifyingData: Buffer.from('n'), pcrSelect });
      }),
    ),
  'endorsement policy': async (tpm) => {
    const template = ekTemplate('H-2');
    return tpm.withObject(tpm.createEk(template), async (tpmKey) => {
      const session = await tpm.startEkPolicySession(template, { tpmKey });
      await session.flush();
    });
  },
};

const failures: Record<string, Interference> = {
  'the TPM refuses': { respond: errorResponse(TPM_RC_FAILURE) },
  'the command is lost': { drop: 'command' },
  'the response is lost': { drop: 'response' },
  'the response is changed': {
    change: (response) => Buffer.concat([response.subarray(0, -1), Buffer.from([(response.at(-1) as number) ^ 1])]),
  },
};

describeUnless(noSwtpm)('nothing stays loaded', () => {
  let swtpm: Swtpm;
  let proxy: TpmProxy;
  beforeAll(async () => {
    swtpm = await Swtpm.start({ ekCertificates: false });
    proxy = await TpmProxy.start(swtpm);
  });
  afterAll(async () => {
    await proxy?.stop();
    await swtpm?.stop();
  });

  const loaded = async () => {
    const other = await Tpm.open({ tcti: swtpm.tcti });
    const handles = [...(await other.getHandles(TPM_HT.TRANSIENT)), ...(await other.getHandles(TPM_HT.LOADED_SESSION))];
    await other.close();
    return handles;
  };

  for (const [name, operation] of Object.entries(operations)) {
    it.each(Object.entries(failures))(`${name}: %s`, async (_, interference) => {
      const tpm = await Tpm.open({ tcti: proxy.tcti });
      proxy.interfere();
      await operation(tpm);
      const commands = proxy.count;
      expect(await loaded()).toEqual([]);

      for (let failing = 0; failing < commands; failing++) {
        let injected = false;
        proxy.interfere((exchange, index) => {
          // Looking around after a failure is not part of the operation.
          if (injected || index < failing || [GetCapability, ReadClock].includes(exchange.commandCode))
            return undefined;
          injected = true;
          return interference;
        });
        const outcome = await operation(tpm).catch((error: unknown) => error);
        if (outcome !== undefined && outcome !== null && outcome instanceof Error)
          expect(outcome).toBeInstanceOf(TpmError);
        proxy.interfere();
        expect(await loaded(), `failure at command ${failing}`).toEqual([]);
      }
      await tpm.close();
    });
  }

  it('flushes at close what was not flushed', async () => {
    const tpm = await Tpm.open({ tcti: proxy.tcti });
    await createSrk(tpm);
    await tpm.startPolicySession();
    expect(await loaded()).toHaveLength(2);
    await tpm.close();
    expect(await loaded()).toEqual([]);
  });

  it("leaves alone what is another's", async () => {
    const other = await Tpm.open({ tcti: swtpm.tcti });
    const theirs = await createSrk(other);
    const tpm = await Tpm.open({ tcti: proxy.tcti });
    proxy.interfere((exchange) => (exchange.commandCode === TPM_CC.CreatePrimary ? { drop: 'response' } : undefined));
    await expect(createSrk(tpm)).rejects.toMatchObject({ code: 'ERR_TPM_UNAVAILABLE' });
    proxy.interfere();
    await tpm.close();
    expect(await other.getHandles(TPM_HT.TRANSIENT)).toEqual([theirs.handle]);
    await other.close();
  });
});
