import { describe, expect, it } from 'vitest';
import { casesInstalled, findCases } from '../cases.js';
import { readManifest } from '../manifest.js';
import { committedDocument, operatorsDocument } from './document.js';
import { sourceOperators } from './sources.js';

describe.skipIf(!casesInstalled())('docs/OPERATORS.md (Debian package libonnx-testdata)', () => {
  it('is what npm run docs:operators writes', async () => {
    expect(await operatorsDocument()).toBe(committedDocument());
  }, 600_000);

  it('has every operator that a passing case uses', () => {
    const manifest = readManifest();
    const listed = new Set(sourceOperators().map(({ opType }) => opType));
    const used = findCases()
      .filter(({ name }) => manifest[name] === 'pass')
      .flatMap(({ outline }) => outline.operators);
    expect([...new Set(used)].filter((operator) => !listed.has(operator))).toEqual([]);
  });
});
