/**
 * Ends in ways that a program should not: `exit` with commands under way, `forget` a context with an object loaded,
 * `terminate` a worker thread in the middle of its commands, or `terminate-opening` one that has not seen yet that its
 * context is open. Arguments: way, TCTI. Exits with 0 if it does not crash.
 */

import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { srkTemplate, TPM_RH, Tpm } from '../../native/node-tpm2-tss/src/index.js';

const [way, tcti = ''] = process.argv.slice(2);
const srk = (tpm: Tpm) => tpm.createPrimary({ primaryHandle: TPM_RH.OWNER, inPublic: srkTemplate('ecc-p256') });

async function loadAndUnload(): Promise<never> {
  const tpm = await Tpm.open({ tcti });
  await tpm.startPolicySession();
  parentPort?.postMessage('open');
  for (;;) await tpm.withObject(srk(tpm), () => Promise.all([tpm.getRandom(8), tpm.getRandom(8)]));
}

/** The event loop never comes round to what the addon has for it. */
function openAndBlock(): never {
  void Tpm.open({ tcti });
  parentPort?.postMessage('opening');
  for (;;);
}

if (!isMainThread) {
  if (way === 'terminate-opening') openAndBlock();
  await loadAndUnload();
} else if (way === 'exit') {
  void loadAndUnload();
  await sleep(100);
  process.exit(0);
} else if (way === 'forget') {
  await (async () => {
    await srk(await Tpm.open({ tcti }));
  })();
  for (let i = 0; i < 20; i++) {
    (globalThis as { gc?: () => void }).gc?.();
    await sleep(10);
  }
} else {
  // A worker does not inherit the loader of TypeScript.
  const load = "import('tsx/esm/api').then(({ tsImport }) => tsImport(workerData, workerData))";
  const start = `const { workerData } = require('node:worker_threads'); ${load}`;
  const worker = new Worker(start, { eval: true, workerData: import.meta.url, argv: [way, tcti] });
  await once(worker, 'message');
  await sleep(way === 'terminate' ? 30 : 300);
  await worker.terminate();
}
