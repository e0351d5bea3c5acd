/**
 * A sealed file and this device's TPM to a loaded session: the call that an application makes, and `sealedge device run` is made
 * of. The key goes from the TPM to the engine as a handle; JavaScript sees neither key nor weights.
 */
import { Tpm } from 'node-tpm2-tss';
import { requireHeldKey } from '../../attestation/attester/fetch_key.js';
import { requirePins } from '../../attestation/attester/pins.js';
import { type CounterReport, settleCounter } from '../../attestation/attester/rollback.js';
import { StateDirectory } from '../../attestation/attester/state_directory.js';
import { unsealKey } from '../../attestation/attester/unseal.js';
import { KeyError } from '../errors.js';
import { InferenceSession } from '../runtime/session.js';
import { readManifest } from './sealed_front.js';

export interface OpenOnDeviceOptions {
  /** Where `sealedge device init` and `fetch-key` keep what they learned. */
  directory: string;
  /** How to reach the TPM, in tpm2-tss's words: `device:/dev/tpmrm0`, `swtpm:path=...`. */
  tcti: string;
  /** As in {@link InferenceSession.create}. */
  intraOpNumThreads?: number;
  /** Called with a line for people as each step begins. */
  onProgress?: (line: string) => void;
}

export interface OpenedOnDevice {
  session: InferenceSession;
  model: { name: string; version: number };
  /** 64 hex digits: which content key was used. */
  keyId: string;
  /** What became of the rollback counter, and whether it is now locked until the next boot. */
  counter: CounterReport;
  timing: { unsealMs: number; loadMs: number; counterMs: number };
}

/**
 * Unseals the key, loads the model into secret memory, then advances the rollback counter to this version, and locks it where the
 * key's policy says so. A model that does not load leaves the counter alone.
 * @throws KeyError `ERR_NO_MATCHING_KEY` | `ERR_UNSEAL_POLICY`, ContainerError, ModelError, MemoryError, TpmError
 * @see docs/PROTOCOL.md, step 6
 */
export async function openOnDevice(path: string, options: OpenOnDeviceOptions): Promise<OpenedOnDevice> {
  const progress = options.onProgress ?? (() => {});
  const manifest = await readManifest(path);
  const directory = await StateDirectory.open(options.directory);
  const pins = await requirePins(directory);
  const tpm = await Tpm.open({ tcti: options.tcti });
  try {
    const keyId = manifest.keyId.toString('hex');
    checkNames(manifest.model, (await requireHeldKey(directory, keyId, pins)).terms);
    progress('unsealing the key in the TPM');
    const [{ key, terms }, unsealMs] = await timed(() => unsealKey({ tpm, directory, pins, keyId }));
    progress('loading into secret memory');
    const intraOpNumThreads = options.intraOpNumThreads ?? 0;
    const [session, loadMs] = await timed(() => InferenceSession.create(path, { key, intraOpNumThreads })).finally(() =>
      key.close(),
    );
    try {
      // Only now: a version that does not load must not lock out the one that did.
      const [counter, counterMs] = await timed(() => settleCounter(tpm, pins, terms));
      if (counter.increments > 0) progress(`rollback counter advanced to ${counter.value}`);
      return { session, model: manifest.model, keyId, counter, timing: { unsealMs, loadMs, counterMs } };
    } catch (cause) {
      await session.release();
      throw cause;
    }
  } finally {
    await tpm.close();
  }
}

/** The engine decides by the unsealed payload, which has a digest of the name. Here it can be named, and no unseal is used up. */
function checkNames(model: { name: string }, terms: { model: string }): void {
  if (model.name === terms.model) return;
  throw new KeyError('ERR_MODEL_NAME_MISMATCH', `sealed file: expected model ${terms.model}, got ${model.name}`, {
    fields: { expected: terms.model, got: model.name },
  });
}

async function timed<T>(body: () => Promise<T>): Promise<[result: T, milliseconds: number]> {
  const begin = performance.now();
  return [await body(), performance.now() - begin];
}
