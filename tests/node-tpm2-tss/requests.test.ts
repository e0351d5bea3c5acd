// Requests whose properties cannot be read: what a getter throws reaches the caller, and the process lives on
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type NativeContext, native } from '../../native/node-tpm2-tss/src/native.js';
import { describeUnless, noSwtpm } from '../support/requirements.js';
import { Swtpm } from '../support/swtpm.js';

describeUnless(noSwtpm)('a request that cannot be read', () => {
  let swtpm: Swtpm;
  let context: NativeContext;
  beforeAll(async () => {
    swtpm = await Swtpm.start({ ekCertificates: false });
    context = await native().open({ tcti: swtpm.tcti, commandTimeoutMs: 10_000, retryTimeoutMs: 0 });
  });
  afterAll(async () => {
    await context?.close();
    await swtpm?.stop();
  });

  const fails = (): never => {
    throw new Error('cannot be read');
  };
  const request = { command: 'TPM2_GetRandom', handles: [], authorizations: [], parameters: { bytesRequested: 8 } };
  const session = { sessionType: 1, authHash: 11, parameterEncryption: false };
  const throwing = (target: object, name: string) =>
    Object.defineProperty({ ...target }, name, { enumerable: true, get: fails });

  it.each(Object.keys(request))('%s', (name) => {
    expect(() => context.execute(throwing(request, name) as typeof request)).toThrow('cannot be read');
  });
  it.each(Object.keys(session))('%s', (name) => {
    expect(() => context.startSession(throwing(session, name) as typeof session)).toThrow('cannot be read');
  });
  it('the names of parameters', () => {
    const parameters = new Proxy({}, { ownKeys: fails });
    expect(() => context.execute({ ...request, parameters })).toThrow('cannot be read');
  });
  it('a parameter, and an element of a list', () => {
    const parameters = throwing({ ...request.parameters }, 'pcrSelect');
    expect(() => context.execute({ ...request, parameters: parameters as never })).toThrow('cannot be read');
    const handles = Object.defineProperty([], 0, { enumerable: true, get: fails });
    expect(() => context.execute({ ...request, handles })).toThrow('cannot be read');
  });
  it('afterwards the others are', async () => {
    await expect(context.startSession({ ...session, parameterEncryption: 1 as never })).rejects.toThrow(
      'parameterEncryption must be a boolean',
    );
    await expect(context.execute(request)).resolves.toHaveProperty('randomBytes');
  });
});
