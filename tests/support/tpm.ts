/** What most tests of node-tpm2-tss need: a TPM of their own, a context on it, and a look at what is loaded there. */

import { afterAll, beforeAll, expect } from 'vitest';
import {
  akTemplate,
  type LoadedObject,
  srkTemplate,
  TPM_HT,
  TPM_RH,
  Tpm,
} from '../../native/node-tpm2-tss/src/index.js';
import { Swtpm, type SwtpmOptions } from './swtpm.js';

export interface TpmFixture {
  swtpm: Swtpm;
  tpm: Tpm;
}

/** One swtpm and one open context for a test file. */
export function useTpm(options: SwtpmOptions = { ekCertificates: false }): TpmFixture {
  const fixture = {} as TpmFixture;
  beforeAll(async () => {
    fixture.swtpm = await Swtpm.start(options);
    fixture.tpm = await Tpm.open({ tcti: fixture.swtpm.tcti });
  });
  afterAll(async () => {
    await fixture.tpm?.close();
    await fixture.swtpm?.stop();
  });
  return fixture;
}

export function createSrk(tpm: Tpm, type: 'ecc-p256' | 'rsa-2048' = 'ecc-p256'): Promise<LoadedObject> {
  return tpm.createPrimary({ primaryHandle: TPM_RH.OWNER, inPublic: srkTemplate(type) });
}

export function createAk(tpm: Tpm, type: 'ecc-p256' | 'rsa-2048' = 'ecc-p256'): Promise<LoadedObject> {
  return tpm.createPrimary({ primaryHandle: TPM_RH.ENDORSEMENT, inPublic: akTemplate(type) });
}

/** The TPM itself says that nothing is loaded; asked through a context of its own. */
export async function expectNothingLoaded(tcti: string): Promise<void> {
  const tpm = await Tpm.open({ tcti });
  try {
    expect(await tpm.getHandles(TPM_HT.TRANSIENT), 'transient objects').toEqual([]);
    expect(await tpm.getHandles(TPM_HT.LOADED_SESSION), 'loaded sessions').toEqual([]);
  } finally {
    await tpm.close();
  }
}
