/** The attacker's part: each attack is carried out for real, and what came back is the result. */
import { hkdfSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Device } from './device.js';
import type { Operator } from './operator.js';
import type { Outcome } from './processes.js';
import type { RecordingProxy } from './recording_proxy.js';
import type { Refusal, StillWorks } from './report.js';
import { type ToolsOutcome, unsealWithStockTools } from './stock_tools.js';
import type { Workshop } from './workshop.js';

export async function flippedBit(device: Device, sealedFile: string, workshop: Workshop): Promise<Refusal> {
  const bytes = readFileSync(sealedFile);
  const at = bytes.length - 1000;
  bytes[at] = (bytes[at] as number) ^ 0x10;
  const altered = workshop.path('altered.sealed');
  writeFileSync(altered, bytes);
  const outcome = await device.tryToRun(altered);
  return refusal(`one bit flipped in the sealed file (byte ${at})`, 'runtime', outcome);
}

export async function fileWithoutKey(stranger: Device, sealedFile: string): Promise<Refusal> {
  return refusal(
    'the sealed file on an enrolled device that was given no key',
    'runtime',
    await stranger.tryToRun(sealedFile),
  );
}

/** The TPM has the key and will not give it. Leaves the device in the altered state. */
export async function unexpectedUnseal(device: Device, sealedFile: string): Promise<Refusal> {
  await device.extend(4, 'a boot loader that nobody approved');
  return refusal('a PCR extended with something unexpected, then unseal', 'TPM', await device.tryToRun(sealedFile));
}

/** The verifier would give another key, and will not either: over the wire it says so, why is in its log. */
export async function unexpectedRelease(device: Device, model: string, operator: Operator): Promise<Refusal> {
  const outcome = await device.tryToFetchKey(model);
  const { reason, ...rest } = refusal('the same, then ask the verifier for a key', 'verifier', outcome);
  return { ...rest, reason: `${reason} (its log: ${operator.lastObjection})` };
}

export async function replayedEvidence(proxy: RecordingProxy, operator: Operator): Promise<Refusal> {
  const response = await fetch(new URL('v1/attestations', operator.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: new Uint8Array(proxy.recorded('/v1/attestations')),
  });
  const problem = (await response.json()) as { type?: string; title?: string };
  if (response.ok) throw new Error('the verifier accepted the same evidence twice');
  const kind = problem.type?.split(':').at(-1) ?? String(response.status);
  const code = `ERR_${kind.replaceAll('-', '_').toUpperCase()}`;
  return {
    attack: 'a recorded evidence message sent a second time',
    refusedBy: 'verifier',
    code,
    reason: `${problem.title} (its log: ${operator.lastRefusal})`,
  };
}

/** The runtime's own check is not asked: stock tools talk to the TPM, which refuses by the counter. */
export async function olderVersion(device: Device, oldKeyId: string, workshop: Workshop): Promise<Refusal> {
  const stolen = { deviceDirectory: device.directory, keyId: oldKeyId };
  const outcome = await unsealWithStockTools(device.tpm.tcti, stolen, workshop.path('attack-rollback'));
  return toolsRefusal('an older model version than the device has run, software checks bypassed', outcome);
}

export async function otherDevice(device: Device, other: Device, keyId: string, workshop: Workshop): Promise<Refusal> {
  const stolen = { deviceDirectory: device.directory, keyId };
  const outcome = await unsealWithStockTools(other.tpm.tcti, stolen, workshop.path('attack-other-device'));
  return toolsRefusal("a second device with the first one's key blob", outcome);
}

export async function lockedCounter(device: Device, keyId: string, workshop: Workshop): Promise<Refusal> {
  const stolen = { deviceDirectory: device.directory, keyId };
  const outcome = await unsealWithStockTools(device.tpm.tcti, stolen, workshop.path('attack-locked'));
  return toolsRefusal(
    'stock tpm2-tools as root in the approved state, after the runtime has locked the counter',
    outcome,
  );
}

/** Design decision 12, shown rather than told. */
export async function unlockedCounter(device: Device, keyId: string, workshop: Workshop): Promise<StillWorks> {
  const stolen = { deviceDirectory: device.directory, keyId };
  const outcome = await unsealWithStockTools(device.tpm.tcti, stolen, workshop.path('attack-unlocked'));
  if (!('key' in outcome)) throw new Error(`stock tools were refused at ${outcome.refusedAt}: ${outcome.message}`);
  const keyIsRight = keyIdOf(outcome.key.subarray(0, 32)) === keyId;
  outcome.key.fill(0);
  if (!keyIsRight) throw new Error('stock tools unsealed something, but not the content key');
  return {
    attack: 'stock tpm2-tools as root in the approved state, counter not locked',
    result: 'gets the content key: a TPM releases to any code that has access to it while the PCRs are approved',
    defence: 'unsealOncePerBoot (shown above), and boot states that exclude arbitrary root code',
  };
}

/** docs/SPEC.md "Keys". */
function keyIdOf(contentKey: Buffer): string {
  return Buffer.from(hkdfSync('sha256', contentKey, '', 'sealedge/key-id/1', 32)).toString('hex');
}

function refusal(attack: string, refusedBy: Refusal['refusedBy'], { code, output }: Outcome): Refusal {
  if (code === 0 || !output.error) throw new Error(`not refused: ${attack}: ${JSON.stringify(output)}`);
  return { attack, refusedBy, code: output.error.code, reason: output.error.message };
}

function toolsRefusal(attack: string, outcome: ToolsOutcome): Refusal {
  if ('key' in outcome) throw new Error(`not refused: ${attack}: the key came out`);
  return { attack, refusedBy: 'TPM', code: outcome.rcName, reason: `at ${outcome.refusedAt}: ${outcome.message}` };
}
