/** No approval of either key lets the sealed object out of the TPM, and no byte of the key crosses the bus. */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPinnedStorageKey } from '../../attestation/attester/device_keys.js';
import { requireHeldKey } from '../../attestation/attester/fetch_key.js';
import { satisfyPolicy } from '../../attestation/attester/policy_session.js';
import { unsealKey } from '../../attestation/attester/unseal.js';
import { signApproval } from '../../attestation/key_release/approvals.js';
import { refLease } from '../../attestation/protocol/key_policy.js';
import { describeUnless, noSwtpm } from '../support/requirements.js';
import { Swtpm } from '../support/swtpm.js';
import { TpmProxy } from '../support/tpm_proxy.js';
import { type Device, FleetFixture } from './fleet_fixture.js';

describeUnless(noSwtpm)('the sealed key', () => {
  let swtpm: Swtpm;
  let proxy: TpmProxy;
  let fleet: FleetFixture;
  let device: Device;
  let key: { keyId: string; contentKey: Buffer };

  beforeAll(async () => {
    swtpm = await Swtpm.start();
    proxy = await TpmProxy.start(swtpm);
    fleet = await FleetFixture.start();
    await fleet.trust(swtpm);
    await fleet.approve(swtpm);
    key = await fleet.addKey(1);
    device = await fleet.device(proxy.tcti);
    await device.enroll({ ekTemplate: 'L-1' });
  });
  afterAll(async () => {
    await fleet?.stop();
    await proxy?.stop();
    await swtpm?.stop();
  });

  it('does not cross the bus at release and unseal', async () => {
    proxy.traffic.length = 0;
    await device.fetchKey();
    const { key: handle } = await unsealKey({ ...(await device.context()), keyId: key.keyId });
    handle.close();
    expect(proxy.traffic.length).toBeGreaterThan(20);
    expect(windowsFound(proxy.bytes, key.contentKey)).toBe(0);
  });

  it('would be seen crossing it without parameter encryption', async () => {
    proxy.traffic.length = 0;
    const tpm = await device.tpm();
    const { file, release, terms } = await requireHeldKey(device.directory, key.keyId, device.pins);
    const item = await tpm.withObject(createPinnedStorageKey(tpm, device.pins), (parentHandle) =>
      tpm.load({ parentHandle, inPrivate: file.imported as Buffer, inPublic: release.wrapped.public }),
    );
    await tpm.withObject(Promise.resolve(item), async () => {
      const session = await tpm.startPolicySession();
      await satisfyPolicy(tpm, session, device.pins, terms);
      (await tpm.unseal({ itemHandle: item }, { auth: session })).close();
      await session.flush();
    });
    expect(windowsFound(proxy.bytes, key.contentKey)).toBe(17);
  });

  it('is not duplicated, whatever K_lease signs', async () => {
    await device.close();
    const attacker = new StockTools(swtpm, device, fleet, key.keyId);
    await attacker.load();
    // Approved: PolicyCommandCode(TPM2_Duplicate). The digest is then not authPolicy, which ends with another command code.
    await attacker.startSession();
    await swtpm.tool('tpm2_policycommandcode', '-S', 'session', '-L', 'approved', 'TPM2_CC_Duplicate');
    await attacker.authorize('approved');
    await expect(attacker.duplicate()).rejects.toThrow(/policy/i);
    // Approved: anything. authPolicy is then met, by a session that is good for TPM2_Unseal alone.
    await attacker.startSession();
    await writeFile(join(swtpm.directory, 'empty'), Buffer.alloc(32));
    await attacker.authorize('empty');
    await swtpm.tool('tpm2_policycommandcode', '-S', 'session', 'TPM2_CC_Unseal');
    await expect(attacker.duplicate()).rejects.toThrow(/command code|0x9A4|policy/i);
  });
});

/** How many 16-byte windows of `secret` occur in `bytes`. */
function windowsFound(bytes: Buffer, secret: Buffer): number {
  let found = 0;
  for (let at = 0; at + 16 <= secret.length; at++) if (bytes.includes(secret.subarray(at, at + 16))) found++;
  return found;
}

/** An attacker who even has the verifier's lease key, with stock tools on the device. */
class StockTools {
  constructor(
    readonly swtpm: Swtpm,
    readonly device: Device,
    readonly fleet: FleetFixture,
    readonly keyId: string,
  ) {}

  async load(): Promise<void> {
    const { file, release } = await requireHeldKey(this.device.directory, this.keyId, this.device.pins);
    await this.#write('key.pub', tpm2b(release.wrapped.public));
    await this.#write('key.priv', tpm2b(file.imported as Buffer));
    const attributes = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt';
    const srk = [
      '-C',
      'o',
      '-G',
      'ecc256:aes128cfb',
      '-g',
      'sha256',
      '-a',
      attributes,
      '-u',
      'unique',
      '-c',
      'srk.ctx',
    ];
    // A point with both coordinates zero, as the TCG template has it: the tool reads the C structures as they are in memory.
    const coordinate = Buffer.concat([Buffer.from([32, 0]), Buffer.alloc(128)]);
    await this.#write('unique', Buffer.concat([coordinate, coordinate]));
    await this.swtpm.tool('tpm2_createprimary', ...srk);
    await this.swtpm.tool('tpm2_flushcontext', '-t');
    await this.swtpm.tool('tpm2_load', '-C', 'srk.ctx', '-u', 'key.pub', '-r', 'key.priv', '-c', 'key.ctx');
    await this.swtpm.tool('tpm2_flushcontext', '-t');
  }

  async startSession(): Promise<void> {
    await this.swtpm.flushAll();
    await this.swtpm.tool('tpm2_startauthsession', '--policy-session', '-S', 'session');
  }

  /** PolicyAuthorize(K_lease, refLease) over any policy digest. */
  async authorize(policyFile: string): Promise<void> {
    const { ak, leaseKey } = this.device.pins;
    const policy = await readFile(join(this.swtpm.directory, policyFile));
    const ref = refLease(ak.name, Buffer.from(this.keyId, 'hex'));
    await this.#write('ref', ref);
    await this.#write('ahash', createHash('sha256').update(policy).update(ref).digest());
    await this.#write('signature', signApproval(this.fleet.identity.leaseKey, policy, ref));
    await this.#write('lease.pub', tpm2b(leaseKey));
    await this.swtpm.tool('tpm2_loadexternal', '-C', 'o', '-u', 'lease.pub', '-c', 'lease.ctx', '-n', 'lease.name');
    const verify = ['-c', 'lease.ctx', '-d', 'ahash', '-s', 'signature', '-t', 'ticket'];
    await this.swtpm.tool('tpm2_verifysignature', ...verify);
    await this.swtpm.tool('tpm2_flushcontext', '-t');
    const authorize = ['-S', 'session', '-i', policyFile, '-q', 'ref', '-n', 'lease.name', '-t', 'ticket'];
    await this.swtpm.tool('tpm2_policyauthorize', ...authorize);
  }

  async duplicate(): Promise<void> {
    const out = ['-r', 'dup.priv', '-s', 'dup.seed'];
    await this.swtpm.tool(
      'tpm2_duplicate',
      '-C',
      'null',
      '-c',
      'key.ctx',
      '-G',
      'null',
      '-p',
      'session:session',
      ...out,
    );
  }

  async #write(name: string, bytes: Buffer): Promise<void> {
    await writeFile(join(this.swtpm.directory, name), bytes);
  }
}

function tpm2b(bytes: Buffer): Buffer {
  const size = Buffer.alloc(2);
  size.writeUInt16BE(bytes.length);
  return Buffer.concat([size, bytes]);
}
