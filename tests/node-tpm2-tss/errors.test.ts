// Response codes become names of the specification, with layer, command and argument; wrong calls become UsageErrors
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TPM_RH, Tpm, TpmError, UsageError } from '../../native/node-tpm2-tss/src/index.js';
import { describeUnless, noSwtpm } from '../support/requirements.js';
import { Swtpm } from '../support/swtpm.js';
import { errorResponse, TpmProxy } from '../support/tpm_proxy.js';

describeUnless(noSwtpm)('errors', () => {
  let swtpm: Swtpm;
  let proxy: TpmProxy;
  let tpm: Tpm;
  beforeAll(async () => {
    swtpm = await Swtpm.start({ ekCertificates: false });
    proxy = await TpmProxy.start(swtpm);
    tpm = await Tpm.open({ tcti: proxy.tcti, retryTimeoutMs: 0 });
  });
  afterAll(async () => {
    await tpm?.close();
    await proxy?.stop();
    await swtpm?.stop();
  });

  it.each([
    [0x0000099d, 'TPM_RC_POLICY_FAIL', 'tpm', 'session 1'],
    [0x000001c4, 'TPM_RC_VALUE', 'tpm', 'parameter 1'],
    [0x00000fd5, 'TPM_RC_SIZE', 'tpm', 'parameter 15'],
    [0x0000028b, 'TPM_RC_HANDLE', 'tpm', 'handle 2'],
    [0x00000084, 'TPM_RC_VALUE', 'tpm', undefined],
    [0x00000921, 'TPM_RC_LOCKOUT', 'tpm', undefined],
    [0x00000922, 'TPM_RC_RETRY', 'tpm', undefined],
    [0x0000012f, 'TPM_RC_AUTH_UNAVAILABLE', 'tpm', undefined],
    [0x00000148, 'TPM_RC_NV_LOCKED', 'tpm', undefined],
    [0x000c0902, 'TPM_RC_OBJECT_MEMORY', 'resourceManager', undefined],
    [0x000b0003, 'TSS2_RESMGR_RC_BAD_CONTEXT', 'resourceManager', undefined],
    [0x0000017f, 'TPM_RC_0x17F', 'tpm', undefined],
    [0x00ff0001, '0xFF0001', 'unknown', undefined],
  ])('decodes %s as %s', async (rc, rcName, layer, argument) => {
    proxy.interfere(() => ({ respond: errorResponse(rc) }));
    const error = await tpm.getRandom(1).catch((e: unknown) => e);
    proxy.interfere();
    expect(error).toBeInstanceOf(TpmError);
    expect(error).toMatchObject({ name: 'TpmError', code: 'ERR_TPM_RC', rc, rcName, layer, command: 'TPM2_GetRandom' });
    expect((error as TpmError).fields.argument).toBe(argument);
    expect((error as TpmError).message).toMatch(new RegExp(`^TPM2_GetRandom: ${rcName}`));
  });

  it.each([
    [
      'bytes that are not the structure',
      () => tpm.createPrimary({ primaryHandle: TPM_RH.OWNER, inPublic: Buffer.alloc(5) }),
    ],
    ['a structure with something after it', () => tpm.pcrRead({ pcrSelectionIn: Buffer.alloc(5) })],
    ['too many bytes', () => tpm.hierarchyChangeAuth({ authHandle: TPM_RH.OWNER, newAuth: Buffer.alloc(65) })],
    ['a number that does not fit', () => tpm.getRandom(65_536)],
    ['a fraction', () => tpm.getRandom(1.5)],
    ['a handle that is no handle', () => tpm.readPublic({ objectHandle: -1 })],
    ['no bytes at all', () => tpm.pcrRead({ pcrSelectionIn: 'x' as unknown as Uint8Array })],
    ['an empty Name', () => tpm.unseal({ itemHandle: { handle: 0x80000000, name: Buffer.alloc(0) } })],
  ] as [string, () => Promise<unknown>][])('refuses %s before it reaches the TPM', async (_, call) => {
    const before = proxy.traffic.length;
    const error = await call().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toMatchObject({ code: 'ERR_OPTION_INVALID' });
    expect(proxy.traffic.length).toBe(before);
  });
});
