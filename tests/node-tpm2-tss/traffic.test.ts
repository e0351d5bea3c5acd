// What someone on the bus between host and TPM sees of TPM2_Create and TPM2_Unseal
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type CommandSessions,
  sealedObjectTemplate,
  TPM_CC,
  TPMA_OBJECT,
  Tpm,
} from '../../native/node-tpm2-tss/src/index.js';
import { describeUnless, noSwtpm } from '../support/requirements.js';
import { Swtpm } from '../support/swtpm.js';
import { createSrk, expectNothingLoaded } from '../support/tpm.js';
import { TpmProxy } from '../support/tpm_proxy.js';

const inPublic = sealedObjectTemplate({ attributes: TPMA_OBJECT.userWithAuth | TPMA_OBJECT.noDA });

/** Any 8 bytes in a row of `secret`, so that a part of it counts too. */
function leaks(traffic: Buffer, secret: Buffer): boolean {
  for (let at = 0; at + 8 <= secret.length; at++) {
    if (traffic.includes(secret.subarray(at, at + 8))) return true;
  }
  return false;
}

describeUnless(noSwtpm)('recorded TPM traffic', () => {
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

  /** Seals and unseals a fresh secret; returns what crossed, command by command. */
  async function roundTrip(sessions: (encrypted: boolean) => CommandSessions) {
    const secret = randomBytes(64);
    const userAuth = randomBytes(32);
    const from = proxy.traffic.length;
    const srk = await createSrk(tpm);
    const created = await tpm.create({ parentHandle: srk, inPublic, userAuth, data: secret }, sessions(false));
    const { outPrivate, outPublic } = created;
    const object = await tpm.load({ parentHandle: srk, inPrivate: outPrivate, inPublic: outPublic }, sessions(false));
    const given = sessions(true);
    const auth =
      'auth' in given && given.auth ? { session: given.auth as never, authValue: userAuth } : { password: userAuth };
    expect(await tpm.unsealToBufferExposingSecret({ itemHandle: object }, { ...given, auth })).toEqual(secret);
    await tpm.flushObject(object);
    await tpm.flushObject(srk);
    return { secret, userAuth, traffic: proxy.traffic.slice(from) };
  }
  const all = (traffic: TpmProxy['traffic']) =>
    Buffer.concat(traffic.flatMap(({ command, response }) => [command, response ?? Buffer.alloc(0)]));

  it('shows the secret when nothing protects it (so that the test works)', async () => {
    const { secret, userAuth, traffic } = await roundTrip(() => ({}));
    const create = traffic.find(({ commandCode }) => commandCode === TPM_CC.Create);
    const unseal = traffic.find(({ commandCode }) => commandCode === TPM_CC.Unseal);
    expect(create?.command.includes(secret)).toBe(true);
    expect(unseal?.response?.includes(secret)).toBe(true);
    expect(unseal?.command.includes(userAuth)).toBe(true);
    expect(leaks(all(traffic), secret)).toBe(true);
  });

  it('shows nothing of it in salted sessions that encrypt', async () => {
    const key = await createSrk(tpm);
    const session = await tpm.startHmacSession({ tpmKey: key });
    await tpm.flushObject(key);
    const { secret, userAuth, traffic } = await roundTrip((authorizes) =>
      authorizes ? { auth: session } : { encryption: session },
    );
    await session.flush();
    expect(traffic.filter(({ commandCode }) => commandCode === TPM_CC.Unseal)).toHaveLength(1);
    expect(leaks(all(traffic), secret)).toBe(false);
    expect(leaks(all(traffic), userAuth)).toBe(false);
    await expectNothingLoaded(swtpm.tcti);
  });
});
