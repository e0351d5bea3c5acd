/**
 * The shared attestation vectors, outside the repository: `$SEALEDGE_TEST_DATA/attestation-vectors`, each vector a folder with
 * an expected.json. Suites that need them say so when skipped.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const ROOT = join(resolve(REPOSITORY, process.env.SEALEDGE_TEST_DATA ?? '../shared'), 'attestation-vectors');

export const missingAttestationVectors: string | undefined = existsSync(join(ROOT, 'manifest.json'))
  ? undefined
  : `attestation vectors not found: ${ROOT} (set SEALEDGE_TEST_DATA)`;

export class VectorFolder {
  constructor(
    readonly kind: string,
    readonly name: string,
  ) {}

  has(file: string): boolean {
    return existsSync(this.path(file));
  }

  bytes(file: string): Buffer {
    return readFileSync(this.path(file));
  }

  text(file: string): string {
    return readFileSync(this.path(file), 'utf8');
  }

  json<T>(file: string): T {
    return JSON.parse(this.text(file)) as T;
  }

  files(): string[] {
    return readdirSync(join(ROOT, this.kind, this.name)).sort();
  }

  path(file: string): string {
    return join(ROOT, this.kind, this.name, file);
  }
}

/** All vectors of a kind; none when the collection is absent, so that `describeUnless` can say so. */
export function vectorFolders(kind: string): VectorFolder[] {
  if (missingAttestationVectors !== undefined) return [];
  return readdirSync(join(ROOT, kind))
    .sort()
    .map((name) => new VectorFolder(kind, name));
}
