import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { codeOfProblem, problemOf } from '../../../attestation/protocol/problem.js';
import { AppraisalError, EvidenceError, ServiceError, UsageError } from '../../../src/errors.js';

describe('problems', () => {
  it('say what kind of refusal it was, and nothing of why', () => {
    const error = new AppraisalError('ERR_REFERENCE_VALUE_MISMATCH', 'pcr:sha256:4: expected aa, got bb', {
      fields: { expected: 'aa' },
      cause: new Error('inner'),
    });
    const problem = problemOf(error, 'urn:uuid:1');
    expect(problem).toEqual({
      type: 'urn:sealedge:problem:reference-value-mismatch',
      title: 'reference value mismatch',
      status: 403,
      instance: 'urn:uuid:1',
    });
    expect(codeOfProblem(problem)).toBe('ERR_REFERENCE_VALUE_MISMATCH');
  });

  it('hide what is not a refusal', () => {
    for (const error of [
      new Error('secret path'),
      new UsageError('ERR_OPTION_INVALID', 'a damaged record'),
      new ServiceError('ERR_STORE', 'disk'),
      'x',
      undefined,
    ]) {
      expect(problemOf(error)).toEqual({ type: 'urn:sealedge:problem:internal', title: 'internal', status: 500 });
    }
    expect(codeOfProblem({ type: 'urn:sealedge:problem:internal' })).toBeUndefined();
    expect(codeOfProblem({ type: 'about:blank' })).toBeUndefined();
  });

  it('are those of the table in PROTOCOL.md', () => {
    const document = readFileSync(new URL('../../../docs/PROTOCOL.md', import.meta.url), 'utf8');
    const rows = [...document.matchAll(/^\| (40\d) \| (.+) \|$/gm)];
    expect(rows.length).toBe(4);
    for (const [, status, kinds = ''] of rows) {
      for (const [, kind = ''] of kinds.matchAll(/`([a-z-]+)`/g)) {
        const code = `ERR_${kind.toUpperCase().replaceAll('-', '_')}`;
        const error = new EvidenceError(code as 'ERR_CLOCK', 'x');
        expect(problemOf(error), kind).toMatchObject({ status: Number(status), type: `urn:sealedge:problem:${kind}` });
      }
    }
  });
});
