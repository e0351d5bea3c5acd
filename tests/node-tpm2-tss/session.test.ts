// TPM2_StartAuthSession: salt, bind, authValues, hashes, and what a caller may do wrong
import { expect, it } from 'vitest';
import {
  ekTemplate,
  type LoadedObject,
  type Session,
  type SessionOptions,
  sealedObjectTemplate,
  TPM_CC,
  TPM_RH,
  TPMA_OBJECT,
  type Tpm,
} from '../../native/node-tpm2-tss/src/index.js';
import { describeUnless, noSwtpm } from '../support/requirements.js';
import { createSrk, expectNothingLoaded, useTpm } from '../support/tpm.js';

const secret = Buffer.from('a secret of some length');
const authValue = Buffer.from('object auth');
const byAuth = sealedObjectTemplate({
  attributes: TPMA_OBJECT.userWithAuth | TPMA_OBJECT.noDA | TPMA_OBJECT.fixedTPM | TPMA_OBJECT.fixedParent,
});

/** An SRK, and below it an object sealed under `authValue`. */
function withSealed<R>(tpm: Tpm, body: (object: LoadedObject, srk: LoadedObject) => Promise<R>): Promise<R> {
  return tpm.withObject(createSrk(tpm), (srk) =>
    tpm.withSession({ sessionType: 'hmac', tpmKey: srk }, async (encryption) => {
      const parameters = { parentHandle: srk, inPublic: byAuth, userAuth: authValue, data: secret };
      const created = await tpm.create(parameters, { encryption });
      const { outPrivate, outPublic } = created;
      return tpm.withObject(tpm.load({ parentHandle: srk, inPrivate: outPrivate, inPublic: outPublic }), (object) =>
        body(object, srk),
      );
    }),
  );
}

describeUnless(noSwtpm)('sessions', () => {
  const t = useTpm();
  const unseal = (object: LoadedObject, session: Session, value = authValue) =>
    t.tpm.unsealToBufferExposingSecret({ itemHandle: object }, { auth: { session, authValue: value } });

  it.each([
    ['not salted', {}],
    ['not salted, encrypting with the authValue alone', { parameterEncryption: true }],
    ['SHA-1', { authHash: 'sha1' }],
    ['SHA-384', { authHash: 'sha384', parameterEncryption: true }],
    ['SHA-512', { authHash: 'sha512', parameterEncryption: true }],
  ] as [string, Omit<SessionOptions, 'sessionType'>][])('proves an authValue: %s', async (_, options) => {
    await withSealed(t.tpm, (object) =>
      t.tpm.withSession({ sessionType: 'hmac', ...options }, async (session) => {
        // Twice: the nonces must roll.
        expect(await unseal(object, session)).toEqual(secret);
        expect(await unseal(object, session)).toEqual(secret);
      }),
    );
  });

  it.each([
    ['ECC P-256', () => createSrk(t.tpm, 'ecc-p256')],
    ['RSA 2048', () => createSrk(t.tpm, 'rsa-2048')],
    ['ECC P-384 (an EK)', () => t.tpm.createEk(ekTemplate('H-3'))],
    ['RSA 2048 (an EK)', () => t.tpm.createEk(ekTemplate('L-1'))],
  ] as [string, () => Promise<LoadedObject>][])('is salted to %s', async (_, makeKey) => {
    // swtpm has room for three objects: the SRK of the sealed one is flushed before.
    const srk = await createSrk(t.tpm);
    const created = await t.tpm.create({ parentHandle: srk, inPublic: byAuth, userAuth: authValue, data: secret });
    const { outPrivate, outPublic } = created;
    const object = await t.tpm.load({ parentHandle: srk, inPrivate: outPrivate, inPublic: outPublic });
    await t.tpm.flushObject(srk);
    await t.tpm.withObject(makeKey(), (tpmKey) =>
      t.tpm.withSession({ sessionType: 'hmac', tpmKey, authHash: 'sha384' }, async (session) => {
        expect(await unseal(object, session)).toEqual(secret);
        expect(await t.tpm.getRandom(16, { encryption: session })).toHaveLength(16);
      }),
    );
    await t.tpm.flushObject(object);
    await expectNothingLoaded(t.swtpm.tcti);
  });

  it('is bound to an object, and used on it and on another', async () => {
    await withSealed(t.tpm, async (object, srk) => {
      const bind = { entity: object, authValue };
      for (const tpmKey of [undefined, srk]) {
        const options = { sessionType: 'hmac' as const, bind, ...(tpmKey ? { tpmKey } : {}) };
        await t.tpm.withSession(options, async (session) => {
          expect(await unseal(object, session)).toEqual(secret);
          await expect(t.tpm.getRandom(8, { encryption: session })).resolves.toHaveLength(8);
          const parameters = { parentHandle: srk, inPublic: byAuth, userAuth: authValue, data: secret };
          await expect(t.tpm.create(parameters, { auth: session })).resolves.toBeDefined();
        });
      }
      const wrong = { entity: object, authValue: Buffer.from('another') };
      await t.tpm.withSession({ sessionType: 'hmac', bind: wrong }, async (session) => {
        await expect(unseal(object, session)).rejects.toMatchObject({ code: 'ERR_TPM_RC', command: 'TPM2_Unseal' });
      });
    });
  });

  it('authorizes with one session and encrypts with another', async () => {
    await withSealed(t.tpm, (object, srk) =>
      t.tpm.withSession({ sessionType: 'hmac' }, (session) =>
        t.tpm.withSession({ sessionType: 'hmac', tpmKey: srk }, async (encryption) => {
          const auth = { session, authValue };
          expect(await t.tpm.unsealToBufferExposingSecret({ itemHandle: object }, { auth, encryption })).toEqual(
            secret,
          );
          const again = t.tpm.unsealToBufferExposingSecret(
            { itemHandle: object },
            { auth: { password: authValue }, encryption },
          );
          expect(await again).toEqual(secret);
        }),
      ),
    );
  });

  it('proves the authValue in a policy session after PolicyAuthValue', async () => {
    const authPolicy = await t.tpm.withSession({ sessionType: 'trial' }, async (policySession) => {
      await t.tpm.policyAuthValue({ policySession });
      return t.tpm.policyGetDigest({ policySession });
    });
    const inPublic = sealedObjectTemplate({ authPolicy, attributes: TPMA_OBJECT.noDA | TPMA_OBJECT.adminWithPolicy });
    await t.tpm.withObject(createSrk(t.tpm), async (srk) => {
      const created = await t.tpm.create({ parentHandle: srk, inPublic, userAuth: authValue, data: secret });
      const { outPrivate, outPublic } = created;
      await t.tpm.withObject(t.tpm.load({ parentHandle: srk, inPrivate: outPrivate, inPublic: outPublic }), (object) =>
        t.tpm.withSession({ sessionType: 'policy', tpmKey: srk }, async (policySession) => {
          for (let i = 0; i < 2; i++) {
            await t.tpm.policyAuthValue({ policySession });
            expect(await unseal(object, policySession)).toEqual(secret);
          }
          await t.tpm.policyAuthValue({ policySession });
          await expect(unseal(object, policySession, Buffer.from('wrong'))).rejects.toMatchObject({
            code: 'ERR_TPM_RC',
          });
        }),
      );
    });
  });

  it('is not salted to a key whose Name is not the pinned one', async () => {
    await t.tpm.withObject(createSrk(t.tpm), async (srk) => {
      const name = Buffer.from(srk.name);
      name[20] = (name[20] as number) ^ 1;
      const started = t.tpm.startPolicySession({ tpmKey: { handle: srk.handle, name } });
      await expect(started).rejects.toMatchObject({
        code: 'ERR_TPM_SESSION',
        message: 'the key to salt the session to does not have the pinned Name',
        layer: 'context',
      });
    });
    await expectNothingLoaded(t.swtpm.tcti);
  });

  it('refuses a wrong authValue, and goes on', async () => {
    await withSealed(t.tpm, (object, srk) =>
      t.tpm.withSession({ sessionType: 'hmac', tpmKey: srk }, async (session) => {
        await expect(unseal(object, session, Buffer.from('wrong'))).rejects.toMatchObject({
          code: 'ERR_TPM_RC',
          rcName: 'TPM_RC_BAD_AUTH',
          layer: 'tpm',
          command: 'TPM2_Unseal',
          fields: { argument: 'session 1' },
        });
        expect(await unseal(object, session)).toEqual(secret);
      }),
    );
  });

  it('is refused after flush, and flushes once', async () => {
    const session = await t.tpm.startPolicySession();
    await session.flush();
    await session.flush();
    const use = t.tpm.policyCommandCode({ policySession: session, code: TPM_CC.Unseal });
    await expect(use).rejects.toMatchObject({ code: 'ERR_TPM_SESSION', command: 'TPM2_PolicyCommandCode' });
  });

  it('is refused for encryption when it has no key: neither salt nor bind nor authValue', async () => {
    const refused = { code: 'ERR_OPTION_INVALID', message: expect.stringContaining('has no key to encrypt') };
    for (const sessionType of ['hmac', 'policy'] as const) {
      await t.tpm.withSession({ sessionType, parameterEncryption: true }, async (encryption) => {
        await expect(t.tpm.getRandom(8, { encryption })).rejects.toMatchObject(refused);
        // The session is as good as before: nothing was sent.
        await expect(t.tpm.getRandom(8, { encryption })).rejects.toMatchObject(refused);
      });
    }
    const noAuth = sealedObjectTemplate({
      authPolicy: Buffer.alloc(32),
      attributes: TPMA_OBJECT.adminWithPolicy | TPMA_OBJECT.noDA,
    });
    await t.tpm.withObject(createSrk(t.tpm), async (parentHandle) => {
      const { outPrivate, outPublic } = await t.tpm.create({ parentHandle, inPublic: noAuth, data: secret });
      await t.tpm.withObject(t.tpm.load({ parentHandle, inPrivate: outPrivate, inPublic: outPublic }), (itemHandle) =>
        t.tpm.withSession({ sessionType: 'policy', parameterEncryption: true }, async (auth) => {
          await expect(t.tpm.unsealToBufferExposingSecret({ itemHandle }, { auth })).rejects.toMatchObject(refused);
        }),
      );
    });
    await expectNothingLoaded(t.swtpm.tcti);
  });

  it('is refused twice in one command, and for encryption when it cannot', async () => {
    await t.tpm.withSession({ sessionType: 'hmac' }, async (session) => {
      await expect(t.tpm.getRandom(8, { encryption: session })).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
    });
    await t.tpm.withObject(createSrk(t.tpm), (srk) =>
      t.tpm.withSession({ sessionType: 'hmac', tpmKey: srk }, async (session) => {
        const parameters = { primaryHandle: TPM_RH.NULL, inPublic: srk.publicArea };
        const twice = t.tpm.createPrimary(parameters, { auth: session, encryption: session });
        await expect(twice).rejects.toMatchObject({
          code: 'ERR_OPTION_INVALID',
          message: 'TPM2_CreatePrimary: one session may appear once',
        });
      }),
    );
    await expectNothingLoaded(t.swtpm.tcti);
  });
});
