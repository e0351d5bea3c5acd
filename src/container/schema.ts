/** Closed schemas: an object has exactly the members it may have. */
import type { CanonicalValue } from './canonical_json.js';

export type CanonicalObject = { [name: string]: CanonicalValue };

/** `value` as an object with all of `required`, any of `optional` and nothing else; otherwise undefined. */
export function exactMembers(
  value: CanonicalValue | undefined,
  required: readonly string[],
  optional: readonly string[] = [],
): CanonicalObject | undefined {
  if (typeof value !== 'object' || Array.isArray(value)) return undefined;
  const names = Object.keys(value);
  const complete = required.every((name) => Object.hasOwn(value, name));
  const known = names.every((name) => required.includes(name) || optional.includes(name));
  return complete && known ? value : undefined;
}
