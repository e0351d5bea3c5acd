// Programs that end without closing: they do not crash, and what they loaded does not stay in the TPM
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { describeUnless, noSwtpm } from '../support/requirements.js';
import { expectNothingLoaded, useTpm } from '../support/tpm.js';

describeUnless(noSwtpm)('a program that does not close its context', () => {
  const t = useTpm();

  it.each([
    ['exits with commands under way', 'exit'],
    ['forgets the context', 'forget'],
    ['terminates a worker thread with commands under way', 'terminate'],
    ['terminates a worker thread that is opening its context', 'terminate-opening'],
  ])('%s', async (_, way) => {
    const script = fileURLToPath(new URL('../support/lifecycle_child.ts', import.meta.url));
    const child = spawn(process.execPath, ['--expose-gc', '--import', 'tsx', script, way, t.swtpm.tcti], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    const ended = await once(child, 'close');
    expect({ ended, output }).toEqual({ ended: [0, null], output: '' });
    await expectNothingLoaded(t.swtpm.tcti);
  });
});
