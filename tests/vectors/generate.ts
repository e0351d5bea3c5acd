/**
 * Writes the vectors of the sealed container: `npx tsx tests/vectors/generate.ts`. The same bytes every time; scenarios.ts says
 * what each is about.
 */

import { createHash } from 'node:crypto';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { formatVector, VECTOR_DIRECTORY, vectorFileName } from '../support/sealed_vector.js';
import { scenarios } from './scenarios.js';

for (const file of readdirSync(VECTOR_DIRECTORY)) {
  if (file.endsWith(vectorFileName(''))) rmSync(new URL(file, VECTOR_DIRECTORY));
}
for (const scenario of scenarios()) {
  const vector = {
    ...scenario,
    plaintext: scenario.plaintexts.map((plaintext) => createHash('sha256').update(plaintext).digest('hex')),
  };
  writeFileSync(new URL(vectorFileName(scenario.name), VECTOR_DIRECTORY), formatVector(vector));
}
