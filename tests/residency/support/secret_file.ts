import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Probe } from '../../../tools/residency/probe_search.js';

/** A random secret in a file, as the holder wants it, and the probes that would show a copy of it. */
export class SecretFile {
  readonly directory = mkdtempSync(join(tmpdir(), 'sealedge-residency-'));
  readonly path = join(this.directory, 'payload');
  readonly bytes = randomBytes(104);

  constructor() {
    // Readable by the unprivileged user that some tests run the holder as.
    writeFileSync(this.path, this.bytes, { mode: 0o644 });
  }

  get probes(): Probe[] {
    const probes: Probe[] = [];
    for (let at = 0; at + 16 <= this.bytes.length; at += 8) {
      probes.push({ name: `secret [${at},${at + 16})`, bytes: this.bytes.subarray(at, at + 16) });
    }
    return probes;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
