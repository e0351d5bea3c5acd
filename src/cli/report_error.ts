/** How a command fails: `error: …` and a hint on stderr, or with --json one object on stdout. */
import { exitCodeOf } from './exit_codes.js';
import { hintFor } from './hints.js';

interface Described {
  class: string;
  code: string;
  message: string;
  fields: Readonly<Record<string, unknown>>;
}

/** Prints the error and returns the exit code. */
export function reportError(error: unknown, json: boolean): number {
  const described = describe(error);
  const hint = hintFor(described.code, described.fields);
  if (json) {
    // Said once: errors carry a hint of their own among their fields.
    const { hint: _, ...fields } = described.fields;
    const text = JSON.stringify(
      { error: { ...described, fields, ...(hint === undefined ? {} : { hint }) } },
      (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value),
    );
    process.stdout.write(`${text}\n`);
  } else {
    process.stderr.write(`error: ${described.message}\n`);
    if (hint !== undefined) process.stderr.write(`hint: ${hint}\n`);
  }
  return exitCodeOf(error);
}

function describe(error: unknown): Described {
  if (!(error instanceof Error)) {
    return { class: 'InternalError', code: 'ERR_INTERNAL', message: String(error), fields: {} };
  }
  const { code, fields } = error as { code?: unknown; fields?: unknown };
  return {
    class: error.name,
    code: typeof code === 'string' ? code : 'ERR_INTERNAL',
    message: error.message,
    fields: typeof fields === 'object' && fields !== null ? (fields as Record<string, unknown>) : {},
  };
}
