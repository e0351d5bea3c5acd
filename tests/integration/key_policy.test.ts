/**
 * The policy of a released key, tried on a TPM (design decisions 9 to 12; PROTOCOL.md "The key policy"). Software checks of our own
 * are bypassed where the refusal has to be the TPM's: `unsealWith` takes any terms.
 */
import type { KeyObject } from 'node:crypto';
import { TPM_CC, Tpm } from 'node-tpm2-tss';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  createPinnedStorageKey,
  createStorageKey,
  defineCounter,
  pinnedCounter,
} from '../../attestation/attester/device_keys.js';
import { renewLease, requireHeldKey } from '../../attestation/attester/fetch_key.js';
import type { Grant } from '../../attestation/attester/grant.js';
import { authorize, satisfyPolicy } from '../../attestation/attester/policy_session.js';
import { settleCounter } from '../../attestation/attester/rollback.js';
import { unsealKey } from '../../attestation/attester/unseal.js';
import { signApproval } from '../../attestation/key_release/approvals.js';
import { refState } from '../../attestation/protocol/key_policy.js';
import { TPMA_NV_READLOCKED } from '../../attestation/tpm/constants.js';
import { computeNvName, parseTpmsNvPublic } from '../../attestation/tpm/tpms_nv_public.js';
import { describeUnless, noSwtpm } from '../support/requirements.js';
import { Swtpm } from '../support/swtpm.js';
import { TpmProxy } from '../support/tpm_proxy.js';
import { type Device, FleetFixture, MODEL } from './fleet_fixture.js';

/** One of the fleet's: a test may extend it, and a reset sets it to zero. */
const PCR = 16;

const TPM_CC_NV_ReadPublic = 0x169;
/** The answer of TPM2_NV_ReadPublic with TPMA_NV_READLOCKED, and a Name that agrees: header, TPM2B_NV_PUBLIC, TPM2B_NAME. */
function readLocked(response: Buffer): Buffer {
  const changed = Buffer.from(response);
  const area = changed.subarray(12, 12 + changed.readUInt16BE(10));
  area.writeUInt32BE((area.readUInt32BE(6) | TPMA_NV_READLOCKED) >>> 0, 6);
  computeNvName(parseTpmsNvPublic(area)).copy(changed, 12 + area.length + 2);
  return changed;
}

describeUnless(noSwtpm)('the policy of a released key', () => {
  let swtpm: Swtpm;
  let fleet: FleetFixture;
  let device: Device;
  let keyId: string;

  beforeEach(async () => {
    swtpm = await Swtpm.start();
    fleet = await FleetFixture.start();
    await fleet.trust(swtpm);
    await fleet.approve(swtpm);
    ({ keyId } = await fleet.addKey(1));
    device = await fleet.device(swtpm.tcti);
    await device.enroll({ ekTemplate: 'L-1' });
    await device.fetchKey();
  });
  afterEach(async () => {
    await fleet?.stop();
    await swtpm?.stop();
  });

  const unseal = async (id = keyId) => {
    const unsealed = await unsealKey({ ...(await device.context()), keyId: id });
    unsealed.key.close();
    return unsealed.terms;
  };
  const refusedAt = (step: string, rcName?: string) => ({
    code: 'ERR_UNSEAL_POLICY',
    fields: expect.objectContaining({ step, ...(rcName === undefined ? {} : { rcName }) }),
  });

  it('opens in the approved state, and again', async () => {
    const terms = await unseal();
    expect(terms).toMatchObject({ model: MODEL, version: 1n });
    await unseal();
  });

  it('does not open with a PCR extended, is not released then, and opens after the next reset', async () => {
    await swtpm.tool('tpm2_pcrextend', `${PCR}:sha256=${'ab'.repeat(32)}`);
    await expect(unseal()).rejects.toMatchObject(refusedAt('PolicyAuthorize(K_state)', 'TPM_RC_VALUE'));
    await expect(device.fetchKey()).rejects.toMatchObject({ code: 'ERR_RELEASE_DENIED' });
    await device.close();
    await swtpm.reset();
    await unseal();
  });

  it('opens after a firmware update with one new signature and a new lease, without a new wrap', async () => {
    const before = (await requireHeldKey(device.directory, keyId, device.pins)).file.release;
    await swtpm.tool('tpm2_pcrextend', `${PCR}:sha256=${'cd'.repeat(32)}`);
    await fleet.trust(swtpm);
    await fleet.approve(swtpm);
    await renewLease({ ...(await device.context()), keyId });
    await unseal();
    expect((await requireHeldKey(device.directory, keyId, device.pins)).file.release).toBe(before);
  });

  it('does not open with approvals of another epoch than the lease', async () => {
    const { terms } = await requireHeldKey(device.directory, keyId, device.pins);
    await fleet.approve(swtpm, 2);
    const renewed = await renewLease({ ...(await device.context()), keyId });
    expect(renewed.lease.epoch).toBe(2n);
    // The device's own check is bypassed: old approvals beside the new lease, and the other way round.
    await expect(unsealWith({ ...renewed, stateApprovals: terms.stateApprovals })).rejects.toMatchObject(
      refusedAt('PolicyAuthorize(K_lease)', 'TPM_RC_VALUE'),
    );
    await expect(unsealWith({ ...terms, stateApprovals: renewed.stateApprovals })).rejects.toMatchObject(
      refusedAt('PolicyAuthorize(K_lease)', 'TPM_RC_VALUE'),
    );
    await unseal();
  });

  it('does not open with the lease of another device', async () => {
    await using second = await Swtpm.start({ caDirectory: swtpm.caDirectory });
    const other = await fleet.device(second.tcti, 'other');
    await other.enroll({ ekTemplate: 'L-1' });
    await other.fetchKey();
    const { terms } = await requireHeldKey(other.directory, keyId, other.pins);
    // Signed by K_lease, for the same state and counter: only the AK's Name in refLease differs, and so authPolicy does.
    await expect(unsealWith(terms)).rejects.toThrow(/TPM_RC_POLICY_FAIL/);
    await other.close();
  });

  it('is not loaded by another device', async () => {
    await using second = await Swtpm.start({ caDirectory: swtpm.caDirectory });
    const held = await requireHeldKey(device.directory, keyId, device.pins);
    await using tpm = await Tpm.open({ tcti: second.tcti });
    const thief = { tpm, directory: device.directory, pins: device.pins, keyId };
    await expect(unsealKey(thief)).rejects.toMatchObject({ code: 'ERR_TPM_SESSION' });
    // Past the pins, it is the TPM that refuses what the first one imported.
    await tpm.withObject(createStorageKey(tpm, 'ecc-p256'), async (parentHandle) => {
      const inPrivate = held.file.imported as Buffer;
      const stolen = tpm.load({ parentHandle, inPrivate, inPublic: held.release.wrapped.public });
      await expect(stolen).rejects.toMatchObject({ fields: expect.objectContaining({ rcName: 'TPM_RC_INTEGRITY' }) });
      const { duplicate, encryptedSeed, public: objectPublic } = held.release.wrapped;
      const imported = tpm.import({ parentHandle, objectPublic, duplicate, inSymSeed: encryptedSeed });
      await expect(imported).rejects.toMatchObject({ code: 'ERR_TPM_RC' });
    });
  });

  it('does not open an older version once a newer one has run', async () => {
    const { keyId: newer } = await fleet.addKey(2);
    const grant = await device.fetchKey(2n);
    expect(grant.counter.advanceTo).toBe(grant.counter.limit);
    await unseal(keyId);
    const counter = await settleCounter(await device.tpm(), device.pins, await unseal(newer));
    expect(counter).toMatchObject({ increments: 1, readLocked: false });
    await expect(unseal(keyId)).rejects.toMatchObject(refusedAt('PolicyNV(counter <= N)', 'TPM_RC_POLICY'));
    await unseal(newer);
    expect(await settleCounter(await device.tpm(), device.pins, await unseal(newer))).toMatchObject({ increments: 0 });
    await expect(device.fetchKey(1n)).rejects.toMatchObject({ code: 'ERR_RELEASE_DENIED' });
  });

  it('does not open with the counter moved past the limit', async () => {
    const tpm = await device.tpm();
    await tpm.nvIncrement({ nvIndex: device.pins.counter.nvIndex });
    await expect(unseal()).rejects.toMatchObject(refusedAt('PolicyNV(counter <= N)', 'TPM_RC_POLICY'));
    await expect(device.fetchKey()).rejects.toMatchObject({ code: 'ERR_RELEASE_DENIED' });
  });

  it('does not open after the owner undefined and redefined the counter', async () => {
    await redefineCounter();
    await expect(unseal()).rejects.toMatchObject(refusedAt('PolicyNV(counter <= N)', 'TPM_RC_POLICY'));
  });

  it('does not let older versions back in by enrolling again with a redefined counter', async () => {
    const { keyId: newer } = await fleet.addKey(2);
    await device.fetchKey(2n);
    await settleCounter(await device.tpm(), device.pins, await unseal(newer));
    await redefineCounter();
    await device.enroll({ ekTemplate: 'L-1' });
    await device.fetchKey(2n);
    await unseal(newer);
    await expect(device.fetchKey(1n)).rejects.toMatchObject({ code: 'ERR_RELEASE_DENIED' });
    await expect(unseal(keyId)).rejects.toMatchObject(refusedAt('PolicyNV(counter <= N)', 'TPM_RC_POLICY'));
  });

  it('is destroyed by TPM2_Clear, and released anew after enrolling again', async () => {
    await (await device.tpm()).clear();
    await expect(unseal()).rejects.toMatchObject({ code: 'ERR_TPM_SESSION' });
    await expect(device.fetchKey()).rejects.toMatchObject({ code: 'ERR_TPM_SESSION' });
    const { deviceId } = device.pins;
    await device.enroll({ ekTemplate: 'L-1' });
    expect(device.pins.deviceId).toBe(deviceId);
    await device.fetchKey();
    await unseal();
  });

  it('opens once per boot where the policy says so', async () => {
    await fleet.trust(swtpm, { release: { unsealOncePerBoot: true } });
    await device.fetchKey();
    const settled = await settleCounter(await device.tpm(), device.pins, await unseal());
    expect(settled.readLocked).toBe(true);
    await expect(unseal()).rejects.toMatchObject(refusedAt('PolicyNV(counter <= N)', 'TPM_RC_NV_LOCKED'));
    // Attestation goes on without the counter's value.
    await renewLease({ ...(await device.context()), keyId });
    const again = await settleCounter(await device.tpm(), device.pins, await held());
    expect(again).toEqual({ value: undefined, increments: 0, readLocked: true });
    await device.close();
    await swtpm.reset();
    await unseal();
  });

  it('opens once per boot also when root makes the counter anew, where keys of other models leave the limit higher', async () => {
    for (const version of [1, 2, 3]) await fleet.addKey(version, 'fan');
    await fleet.trust(swtpm, { release: { unsealOncePerBoot: true } });
    await device.fetchKey();
    await settleCounter(await device.tpm(), device.pins, await unseal());
    // A counter defined again is not read-locked, has the same Name, and goes on one above the highest there ever was.
    await redefineCounter();
    await expect(unseal()).rejects.toMatchObject(refusedAt('PolicyNV(counter <= N)', 'TPM_RC_POLICY'));
  });

  it('is not settled by a bus that pretends the counter is read-locked', async () => {
    const { keyId: newer } = await fleet.addKey(2);
    await device.fetchKey(2n);
    await device.close();
    const proxy = await TpmProxy.start(swtpm);
    try {
      await using tpm = await Tpm.open({ tcti: proxy.tcti });
      const { directory, pins } = device;
      const { key, terms } = await unsealKey({ tpm, directory, pins, keyId: newer });
      key.close();
      proxy.interfere(({ commandCode }) => (commandCode === TPM_CC_NV_ReadPublic ? { change: readLocked } : undefined));
      await expect(settleCounter(tpm, pins, terms)).rejects.toMatchObject({
        fields: expect.objectContaining({ rcName: 'TPM_RC_BAD_AUTH' }),
      });
      proxy.interfere();
      expect(await settleCounter(tpm, pins, terms)).toMatchObject({ increments: 1 });
    } finally {
      await proxy.stop();
    }
  });

  it('is renewed after many power cuts: none counts as a failed try of the attestation key', async () => {
    for (let cut = 0; cut < 6; cut++) {
      await renewLease({ ...(await device.context()), keyId });
      await device.close();
      await swtpm.reset();
    }
    await renewLease({ ...(await device.context()), keyId });
    await unseal();
  });

  it('does not open after more resets than the lease allows', async () => {
    await fleet.trust(swtpm, { release: { lease: { resets: 1 } } });
    await device.fetchKey();
    await device.close();
    await swtpm.reset();
    await unseal();
    await device.close();
    await swtpm.reset();
    await expect(unseal()).rejects.toMatchObject(refusedAt('PolicyCounterTimer(resetCount)', 'TPM_RC_POLICY'));
    await renewLease({ ...(await device.context()), keyId });
    await unseal();
  });

  it('does not open when the lease has run out of powered time', async () => {
    await fleet.trust(swtpm, { release: { lease: { poweredSeconds: 3600 } } });
    await device.fetchKey();
    await unseal();
    const terms = await held();
    const past = { ...terms, lease: { ...terms.lease, clockLimit: 1n } };
    await expect(unsealWith(past)).rejects.toMatchObject(refusedAt('PolicyCounterTimer(clock)', 'TPM_RC_POLICY'));
    // A limit that K_lease did not sign is no limit: the digest is another.
    const longer = { ...terms, lease: { ...terms.lease, clockLimit: (terms.lease.clockLimit as bigint) + 1n } };
    await expect(unsealWith(longer)).rejects.toMatchObject(refusedAt('PolicyAuthorize(K_lease)', 'TPM_RC_VALUE'));
  });

  it('does not open with the empty password, nor with a policy session that has done nothing', async () => {
    await withLoadedKey(async (tpm, itemHandle) => {
      await expect(tpm.unseal({ itemHandle })).rejects.toMatchObject({
        fields: expect.objectContaining({ rcName: 'TPM_RC_AUTH_UNAVAILABLE' }),
      });
      const session = await tpm.startPolicySession();
      await expect(tpm.unseal({ itemHandle }, { auth: session })).rejects.toMatchObject({
        fields: expect.objectContaining({ rcName: 'TPM_RC_POLICY_FAIL' }),
      });
      await session.flush();
    });
  });

  it('opens without state, counter and lease terms to who holds K_lease: what SECURITY.md says still works', async () => {
    const { terms } = await requireHeldKey(device.directory, keyId, device.pins);
    await withLoadedKey(async (tpm, itemHandle) => {
      const session = await tpm.startPolicySession();
      const signed = (privateKey: KeyObject) => {
        const approvedPolicy = Buffer.alloc(32);
        const { policyRef } = terms.lease;
        return { approvedPolicy, policyRef, signature: signApproval(privateKey, approvedPolicy, policyRef) };
      };
      await expect(
        authorize(tpm, session, device.pins.leaseKey, signed(fleet.stateKey.privateKey)),
      ).rejects.toMatchObject({ fields: expect.objectContaining({ rcName: 'TPM_RC_SIGNATURE' }) });
      // Nothing at all stands before this PolicyAuthorize: an empty digest is as good as any that K_lease signs.
      await authorize(tpm, session, device.pins.leaseKey, signed(fleet.identity.leaseKey));
      await tpm.policyCommandCode({ policySession: session, code: TPM_CC.Unseal });
      (await tpm.unseal({ itemHandle }, { auth: session })).close();
      await session.flush();
    });
  });

  it('opens nothing to who holds K_state alone', async () => {
    const { terms } = await requireHeldKey(device.directory, keyId, device.pins);
    const session = await (await device.tpm()).startPolicySession();
    const approvedPolicy = Buffer.alloc(32);
    const policyRef = refState(device.pins.fleet, terms.lease.epoch);
    const signature = signApproval(fleet.stateKey.privateKey, approvedPolicy, policyRef);
    await withLoadedKey(async (tpm, itemHandle) => {
      await authorize(tpm, session, device.pins.stateKey, { approvedPolicy, policyRef, signature });
      await tpm.policyCommandCode({ policySession: session, code: TPM_CC.Unseal });
      await expect(tpm.unseal({ itemHandle }, { auth: session })).rejects.toMatchObject({
        fields: expect.objectContaining({ rcName: 'TPM_RC_POLICY_FAIL' }),
      });
      await session.flush();
    });
  });

  it('is neither released nor leased to a revoked device', async () => {
    await fleet.operator.send('POST', `devices/${device.pins.deviceId}/revocation`, { reason: 'stolen' });
    await expect(device.fetchKey()).rejects.toMatchObject({ code: 'ERR_DEVICE_REVOKED' });
    await expect(renewLease({ ...(await device.context()), keyId })).rejects.toMatchObject({
      code: 'ERR_DEVICE_REVOKED',
    });
    await expect(device.enroll({ ekTemplate: 'L-1' })).rejects.toMatchObject({ code: 'ERR_DEVICE_REVOKED' });
  });

  const held = async () => (await requireHeldKey(device.directory, keyId, device.pins)).terms;

  /** Undefines the counter as the owner may, defines it anew, writes it. */
  async function redefineCounter(): Promise<void> {
    const tpm = await device.tpm();
    const { nvIndex } = device.pins.counter;
    await tpm.nvUndefineSpace({ nvIndex });
    const counter = await defineCounter(tpm, nvIndex);
    expect(counter.name).toEqual(pinnedCounter(device.pins).name);
  }

  async function withLoadedKey<T>(
    body: (tpm: Tpm, item: { handle: number; name: Uint8Array }) => Promise<T>,
  ): Promise<T> {
    const tpm = await device.tpm();
    const { file, release } = await requireHeldKey(device.directory, keyId, device.pins);
    const inPrivate = file.imported as Buffer;
    return tpm.withObject(
      tpm.withObject(createPinnedStorageKey(tpm, device.pins), (parentHandle) =>
        tpm.load({ parentHandle, inPrivate, inPublic: release.wrapped.public }),
      ),
      (item) => body(tpm, item),
    );
  }

  /** The key of this device, under any terms: none of our own checks, only the TPM's. */
  async function unsealWith(terms: Grant): Promise<void> {
    await withLoadedKey(async (tpm, itemHandle) => {
      const session = await tpm.startPolicySession();
      try {
        await satisfyPolicy(tpm, session, device.pins, terms);
        (await tpm.unseal({ itemHandle }, { auth: session })).close();
      } finally {
        await session.flush();
      }
    });
  }
});
