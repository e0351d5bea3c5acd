/**
 * What some tests need and a machine may lack. A suite that is skipped carries the reason in its name, which every reporter prints,
 * `npm test` among them.
 */
import { execFileSync } from 'node:child_process';
import { describe } from 'vitest';
import { scannerPrefix } from '../../tools/residency/scanner_privilege.js';

/** A sanitizer's runtime is preloaded into the process under test, not into the tools around it. */
const { LD_PRELOAD: preloaded = '', ...toolEnvironment } = process.env;

const missing = ['swtpm', 'swtpm_setup', 'swtpm_localca', 'certtool', 'tpm2'].filter((tool) => {
  try {
    execFileSync('/bin/sh', ['-c', `command -v ${tool}`], { stdio: 'ignore', env: toolEnvironment });
    return false;
  } catch {
    return true;
  }
});

/** Why there is no software TPM; undefined when there is one. */
export const noSwtpm: string | undefined = missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`;

/** Why other processes cannot be read or run as other users; undefined for root, where its capabilities are left to it. */
export const notRoot: string | undefined = (() => {
  if (process.getuid?.() !== 0) return 'needs root';
  try {
    return scannerPrefix().length === 0 ? undefined : 'needs root';
  } catch (cause) {
    return (cause as Error).message;
  }
})();

/** Why a process cannot be searched byte by byte: its mappings are terabytes, of which a part is in use. */
export const sanitized: string | undefined = preloaded.includes('libclang_rt.')
  ? "a sanitizer's shadow is too large to scan"
  : undefined;

/** `describe`, or, where a reason is given, a skipped one that says it. */
export function describeUnless(...reasons: (string | undefined)[]) {
  const given = reasons.filter((reason) => reason !== undefined);
  const suite = given.length === 0 ? describe : describe.skip;
  const named = (name: string): string => (given.length === 0 ? name : `${name} (skipped: ${given.join('; ')})`);
  return Object.assign((name: string, body: () => void) => suite(named(name), body), {
    each:
      <T>(cases: readonly T[]) =>
      (name: string, body: (one: T) => void) =>
        suite.each(cases as T[])(named(name), body),
  });
}
