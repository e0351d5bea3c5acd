/** A process says itself where its weights are, without privilege: `session.residency()` (design decision 2). */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { InferenceSession } from '../../src/index.js';
import type { SessionResidency } from '../../src/types.js';
import { HolderProcess, MEMORY_LEVELS, UNPRIVILEGED } from './support/holder_process.js';
import { SealedFixture } from './support/sealed_fixture.js';

const MODEL = fileURLToPath(new URL('../../examples/motor/motor.onnx', import.meta.url));

let motor: SealedFixture;
const holders: HolderProcess[] = [];

beforeAll(async () => {
  motor = await SealedFixture.make();
});

afterEach(async () => {
  for (const holder of holders.splice(0)) await holder.stop();
});

afterAll(() => motor?.remove());

async function residencyIn(
  options: Partial<ConstructorParameters<typeof HolderProcess>[0]>,
): Promise<SessionResidency> {
  const holder = new HolderProcess({ payloadFile: motor.payloadFile, sealedFile: motor.sealedFile, ...options });
  holders.push(holder);
  expect(await holder.hear()).toMatchObject({ event: 'ready' });
  await holder.ask({ run: 3 });
  const { residency } = await holder.ask({ residency: true });
  if (residency === undefined) throw new Error('the holder gave no report');
  return residency;
}

describe.each(MEMORY_LEVELS)('a sealed model at level %s', (level) => {
  it('is all in secret memory, and nowhere else, by its own search as an ordinary user', async () => {
    const { scan, ...where } = await residencyIn({ level, wrapper: UNPRIVILEGED });
    expect(where).toMatchObject({ level, secretBytes: where.weightBytes });
    expect(where.forms.map(({ form }) => form).sort()).toEqual(['panel16', 'row-major']);
    expect(where.forms.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(where.weightBytes);
    expect(scan).toMatchObject({ hitCount: 0, hits: [], controlFound: true });
    expect(scan?.probes).toBeGreaterThan(128);
    expect(scan?.bytesRead).toBeGreaterThan(1 << 20);
  });

  it('and so is its key, as long as somebody holds it', async () => {
    const { scan } = await residencyIn({ level, keepsKey: true });
    expect(scan).toMatchObject({ hitCount: 0, controlFound: true });
  });

  it('a leak of weights is found, in each form they have', async () => {
    const { scan } = await residencyIn({ level, leak: 'weights' });
    expect(scan?.hitCount).toBeGreaterThan(32);
    const forms = new Set(scan?.hits.map(({ probe }) => / (\S+) \+\d+$/.exec(probe)?.[1]));
    expect(forms).toContain('panel16');
    expect(scan?.hits.every(({ mapping }) => mapping !== '')).toBe(true);
  });
});

describe('a plain model', () => {
  it('is said to be in ordinary memory, and found there in the form of the file too', async () => {
    const bytes = readFileSync(MODEL);
    const session = await InferenceSession.create(bytes);
    const { scan, ...where } = await session.residency({ scan: true });
    expect(where).toMatchObject({ level: 'ordinary', secretBytes: 0, reason: 'the model is not sealed' });
    expect(scan?.controlFound).toBe(true);
    expect(scan?.hits.some(({ probe }) => probe.includes('of the file'))).toBe(true);
    expect(bytes.length).toBeGreaterThan(0);
    await session.release();
    await expect(session.residency()).rejects.toMatchObject({ code: 'ERR_MODEL_CLOSED' });
  });
});
