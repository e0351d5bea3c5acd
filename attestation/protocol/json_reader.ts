/**
 * Reads JSON that somebody else wrote: every member checked, unknown members refused, errors name the path. Used for the
 * messages of PROTOCOL.md and for policy files.
 */
import { EvidenceError, UsageError } from '../../src/errors.js';

/** What to throw: messages from the network are evidence, files of the operator are usage. */
export type JsonFailure = 'evidence' | 'usage';

const BASE64URL = /^[A-Za-z0-9_-]*$/;
const HEX = /^(?:[0-9a-f]{2})*$/;
const DECIMAL = /^(?:0|[1-9][0-9]{0,19})$/;
const MAX_U64 = (1n << 64n) - 1n;

export interface LengthBounds {
  min?: number;
  max: number;
}

export class JsonReader {
  readonly #seen = new Set<string>();
  readonly #object: Readonly<Record<string, unknown>>;

  constructor(
    value: unknown,
    readonly path: string,
    readonly failure: JsonFailure = 'evidence',
  ) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw jsonError(failure, path, 'an object', describe(value));
    }
    this.#object = value as Record<string, unknown>;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#object, name) && this.#object[name] !== undefined;
  }

  /** Any member, marked as known. */
  value(name: string): unknown {
    this.#seen.add(name);
    return this.has(name) ? this.#object[name] : undefined;
  }

  text(name: string, pattern: RegExp): string {
    const value = this.value(name);
    if (typeof value !== 'string' || !pattern.test(value)) throw this.error(name, `text like ${pattern.source}`, value);
    return value;
  }

  oneOf<T extends string>(name: string, allowed: readonly T[]): T {
    const value = this.value(name);
    const found = allowed.find((one) => one === value);
    if (found === undefined) throw this.error(name, allowed.join(' or '), value);
    return found;
  }

  boolean(name: string): boolean {
    const value = this.value(name);
    if (typeof value !== 'boolean') throw this.error(name, 'true or false', value);
    return value;
  }

  integer(name: string, min: number, max: number): number {
    const value = this.value(name);
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      throw this.error(name, `an integer from ${min} to ${max}`, value);
    }
    return value;
  }

  u64(name: string): bigint {
    const value = this.value(name);
    if (typeof value !== 'string' || !DECIMAL.test(value) || BigInt(value) > MAX_U64) {
      throw this.error(name, 'a decimal unsigned 64-bit number', value);
    }
    return BigInt(value);
  }

  /** Base64url without padding. Re-encoded to see that it was the one canonical form. */
  bytes(name: string, length: LengthBounds): Buffer {
    return decodeBytes(this.value(name), `${this.path}.${name}`, length, this.failure);
  }

  hex(name: string, length: LengthBounds): Buffer {
    return decodeHex(this.value(name), `${this.path}.${name}`, length, this.failure);
  }

  list(name: string, length: LengthBounds): unknown[] {
    const value = this.value(name);
    if (!Array.isArray(value) || value.length < (length.min ?? 0) || value.length > length.max) {
      throw this.error(name, `a list of ${length.min ?? 0} to ${length.max}`, value);
    }
    return value;
  }

  object(name: string): JsonReader {
    return new JsonReader(this.value(name), `${this.path}.${name}`, this.failure);
  }

  keys(): string[] {
    return Object.keys(this.#object);
  }

  /** Unknown members are refused: what nobody reads, nobody checks. */
  finish(): void {
    const unknown = this.keys().find((key) => !this.#seen.has(key));
    if (unknown !== undefined) throw jsonError(this.failure, this.path, 'no unknown member', JSON.stringify(unknown));
  }

  error(name: string, expected: string, got: unknown): EvidenceError | UsageError {
    return jsonError(this.failure, `${this.path}.${name}`, expected, describe(got));
  }
}

function decodeBytes(value: unknown, path: string, length: LengthBounds, failure: JsonFailure): Buffer {
  if (typeof value === 'string' && BASE64URL.test(value)) {
    const bytes = Buffer.from(value, 'base64url');
    if (bytes.toString('base64url') === value) return checkLength(bytes, path, length, failure);
  }
  throw jsonError(failure, path, 'base64url without padding', describe(value));
}

function decodeHex(value: unknown, path: string, length: LengthBounds, failure: JsonFailure): Buffer {
  if (typeof value !== 'string' || !HEX.test(value)) throw jsonError(failure, path, 'lower-case hex', describe(value));
  return checkLength(Buffer.from(value, 'hex'), path, length, failure);
}

function checkLength(bytes: Buffer, path: string, { min = 0, max }: LengthBounds, failure: JsonFailure): Buffer {
  if (bytes.length < min || bytes.length > max) {
    const expected = min === max ? `${max} bytes` : `${min} to ${max} bytes`;
    throw jsonError(failure, path, expected, `${bytes.length}`);
  }
  return bytes;
}

function jsonError(failure: JsonFailure, what: string, expected: string, got: string): EvidenceError | UsageError {
  const message = `${what}: expected ${expected}, got ${got}`;
  const options = { fields: { what, expected, got } };
  return failure === 'evidence'
    ? new EvidenceError('ERR_EVIDENCE_MALFORMED', message, options)
    : new UsageError('ERR_OPTION_INVALID', message, options);
}

/** Short, whatever came: an attacker's megabyte must not land in a message. */
function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'an object';
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 60)}... (${text.length} characters)` : text;
}
