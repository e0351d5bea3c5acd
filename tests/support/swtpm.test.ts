import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { describeUnless, noSwtpm } from './requirements.js';
import { Swtpm } from './swtpm.js';

describeUnless(noSwtpm)('the swtpm fixture', () => {
  it('carries EK certificates, resets, and leaves nothing behind', async () => {
    const swtpm = await Swtpm.start({ p256EkCertificate: true });
    try {
      const indices = await swtpm.tool('tpm2_getcap', 'handles-nv-index');
      expect(indices.toLowerCase()).toContain('0x1c00002');
      expect(indices.toLowerCase()).toContain('0x1c0000a');
      expect(indices.toLowerCase()).toContain('0x1c00016');
      expect(swtpm.caCertificates.issuer).toContain('BEGIN CERTIFICATE');
      const before = await swtpm.tool('tpm2_readclock');
      await swtpm.reset();
      const after = await swtpm.tool('tpm2_readclock');
      const resets = (text: string) => Number(/reset_count: (\d+)/.exec(text)?.[1]);
      expect(resets(after)).toBe(resets(before) + 1);
    } finally {
      await swtpm.stop();
    }
    expect(existsSync(swtpm.directory)).toBe(false);
    expect(swtpm.pid).toBeUndefined();
  });
});
