import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { EXIT_CODES, exitCodeOf } from '../../../src/cli/exit_codes.js';
import * as errors from '../../../src/errors.js';

/** `| 2 | usage | `UsageError` | ...` */
const ROW = /^\| (\d+) \| (\w+) \| (?:`(\w+)` )?\|/gm;

it('exit codes are those that the guide lists, class by class', () => {
  const guide = readFileSync(new URL('../../../docs/guides/exit_codes.md', import.meta.url), 'utf8');
  const rows = [...guide.matchAll(ROW)].map(([, code, name, errorClass]) => ({ code: Number(code), name, errorClass }));
  expect(Object.fromEntries(rows.map(({ name, code }) => [name, code]))).toEqual(EXIT_CODES);
  const classes = rows.flatMap(({ code, errorClass }) => (errorClass === undefined ? [] : [{ code, errorClass }]));
  for (const { code, errorClass } of classes) {
    expect(exitCodeOf(Object.assign(new Error(), { name: errorClass })), errorClass).toBe(code);
  }
  const known = Object.keys(errors).filter((name) => /^[A-Z]\w+Error$/.test(name) && name !== 'SealedgeError');
  expect(classes.map(({ errorClass }) => errorClass).sort()).toEqual(known.sort());
});
