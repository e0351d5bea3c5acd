// A TPM that answers RETRY, is reset under us, waits for TPM2_Startup, or goes away: typed errors, and the context recovers
import { afterEach, beforeEach, expect, it } from 'vitest';
import { TPM_CC, Tpm } from '../../native/node-tpm2-tss/src/index.js';
import { describeUnless, noSwtpm } from '../support/requirements.js';
import { Swtpm } from '../support/swtpm.js';
import { createSrk, expectNothingLoaded } from '../support/tpm.js';
import { errorResponse, TpmProxy } from '../support/tpm_proxy.js';

const GetRandom = 0x17b;
const codes = { TPM_RC_RETRY: 0x922, TPM_RC_YIELDED: 0x908, TPM_RC_TESTING: 0x90a };

describeUnless(noSwtpm)('recovery', () => {
  let swtpm: Swtpm;
  let proxy: TpmProxy;
  let tpm: Tpm;
  beforeEach(async () => {
    swtpm = await Swtpm.start({ ekCertificates: false });
    proxy = await TpmProxy.start(swtpm);
    tpm = await Tpm.open({ tcti: proxy.tcti, retryTimeoutMs: 200 });
  });
  afterEach(async () => {
    await tpm?.close();
    await proxy?.stop();
    await swtpm?.stop();
  });

  it.each(Object.entries(codes))('repeats a command that the TPM answers with %s', async (_, rc) => {
    proxy.interfere((exchange, index) =>
      exchange.commandCode === GetRandom && index < 3 ? { respond: errorResponse(rc) } : undefined,
    );
    expect(await tpm.getRandom(8)).toHaveLength(8);
    expect(proxy.count).toBe(4);
  });

  it.each(Object.entries(codes))('gives up on %s after a while', async (rcName, rc) => {
    proxy.interfere((exchange) => (exchange.commandCode === GetRandom ? { respond: errorResponse(rc) } : undefined));
    await expect(tpm.getRandom(8)).rejects.toMatchObject({ code: 'ERR_TPM_RC', rc, rcName, command: 'TPM2_GetRandom' });
    proxy.interfere();
    expect(await tpm.getRandom(8)).toHaveLength(8);
  });

  it('repeats in a session, with new nonces', async () => {
    await tpm.withObject(createSrk(tpm), (tpmKey) =>
      tpm.withSession({ sessionType: 'hmac', tpmKey }, async (session) => {
        proxy.interfere((exchange, index) =>
          exchange.commandCode === GetRandom && index < 2 ? { respond: errorResponse(codes.TPM_RC_RETRY) } : undefined,
        );
        const from = proxy.traffic.length;
        expect(await tpm.getRandom(8, { encryption: session })).toHaveLength(8);
        expect(await tpm.getRandom(8, { encryption: session })).toHaveLength(8);
        const nonces = proxy.traffic.slice(from).map(({ command }) => command.toString('hex', 20, 52));
        expect(new Set(nonces).size).toBe(4);
      }),
    );
  });

  it('says that the TPM is away, and finds it again', async () => {
    const srk = await createSrk(tpm);
    const session = await tpm.startPolicySession({ tpmKey: srk });
    await swtpm.powerOff();
    for (let i = 0; i < 2; i++) {
      await expect(tpm.getRandom(8)).rejects.toMatchObject({ code: 'ERR_TPM_UNAVAILABLE', layer: 'tcti' });
    }
    await session.flush();
    await tpm.flushObject(srk);
    await swtpm.powerOn();
    expect(await tpm.getRandom(8)).toHaveLength(8);
    await expectNothingLoaded(swtpm.tcti);
  });

  it('does not mistake what comes after a reset for what was before it', async () => {
    const before = await createSrk(tpm);
    const session = await tpm.startPolicySession({ tpmKey: before });
    await swtpm.powerOff();
    await expect(tpm.getRandom(1)).rejects.toMatchObject({ code: 'ERR_TPM_UNAVAILABLE' });
    await swtpm.powerOn();
    const other = await createSrk(tpm, 'rsa-2048');
    const fresh = await tpm.startPolicySession();
    expect([other.handle, fresh.handle]).toEqual([before.handle, session.handle]);

    const lost = { code: 'ERR_TPM_RC', rcName: 'TPM_RC_REFERENCE_H0', layer: 'context' };
    await expect(tpm.unseal({ itemHandle: before })).rejects.toMatchObject(lost);
    const use = tpm.policyCommandCode({ policySession: session, code: TPM_CC.Unseal });
    await expect(use).rejects.toMatchObject({ code: 'ERR_TPM_SESSION', command: 'TPM2_PolicyCommandCode' });
    // Flushing what is lost must not flush what has its handle now.
    await session.flush();
    await tpm.flushObject(before);
    await tpm.policyCommandCode({ policySession: fresh, code: TPM_CC.Unseal });
    expect((await tpm.readPublic({ objectHandle: other.handle })).outPublic).toEqual(other.publicArea);
  });

  it('notices a reset that did not break the connection', async () => {
    const srk = await createSrk(tpm);
    const session = await tpm.startPolicySession({ tpmKey: srk });
    await swtpm.reset();
    const use = tpm.policyCommandCode({ policySession: session, code: TPM_CC.Unseal });
    await expect(use).rejects.toMatchObject({ code: 'ERR_TPM_RC', layer: 'tpm' });
    await expect(tpm.policyGetDigest({ policySession: session })).rejects.toMatchObject({ code: 'ERR_TPM_SESSION' });
    await tpm.withObject(createSrk(tpm), async (again) => expect(again.name).toEqual(srk.name));
    await expectNothingLoaded(swtpm.tcti);
  });

  it('names a TPM that waits for TPM2_Startup, and starts it', async () => {
    await swtpm.powerOff();
    await swtpm.powerOn({ startup: 'none' });
    await expect(tpm.getRandom(8)).rejects.toMatchObject({
      code: 'ERR_TPM_RC',
      rc: 0x100,
      rcName: 'TPM_RC_INITIALIZE',
      layer: 'tpm',
      command: 'TPM2_GetRandom',
    });
    await tpm.startup('clear');
    expect(await tpm.getRandom(8)).toHaveLength(8);

    await swtpm.powerOff();
    await swtpm.powerOn({ startup: 'none' });
    const early = await Tpm.open({ tcti: swtpm.tcti });
    await early.startup('clear');
    expect(await early.getRandom(8)).toHaveLength(8);
    await early.shutdown('clear');
    await early.close();
  });

  it('says which TPM it cannot open', async () => {
    const tcti = `swtpm:path=${swtpm.directory}/nothing.sock`;
    await expect(Tpm.open({ tcti })).rejects.toMatchObject({ code: 'ERR_TPM_UNAVAILABLE', fields: { tcti } });
    await expect(Tpm.open({ tcti: 'no-such-tcti:x' })).rejects.toMatchObject({ code: 'ERR_TPM_UNAVAILABLE' });
    await expect(Tpm.open({ tcti: '' })).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
  });

  it('is closed for good', async () => {
    await tpm.close();
    await tpm.close();
    await expect(tpm.getRandom(1)).rejects.toMatchObject({
      code: 'ERR_TPM_UNAVAILABLE',
      message: 'the context is closed',
    });
  });
});
