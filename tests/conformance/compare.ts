import type { Tensor } from '../../src/index.js';
import type { CaseTensor } from './tensor_proto.js';

export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

// onnx.backend.test.runner: numpy.testing.assert_allclose with these, on results of the same type.
const standard: Tolerance = { rtol: 1e-3, atol: 1e-7 };

/**
 * What is wrong with `got`, or undefined. Type and shape must be the same (the standard's runner lets shapes broadcast);
 * integers and booleans must be equal (it gives them the tolerance of floats); of floats |got - expected| <= atol +
 * rtol * |expected|, infinities equal, NaN where NaN is.
 */
export function difference(
  expected: CaseTensor,
  got: Pick<Tensor, 'type' | 'dims' | 'data'>,
  tolerance = standard,
): string | undefined {
  if (got.type !== expected.type) return `type: expected ${expected.type}, got ${got.type}`;
  if (got.dims.length !== expected.dims.length || got.dims.some((dim, i) => dim !== expected.dims[i])) {
    return `dims: expected [${expected.dims.join(', ')}], got [${got.dims.join(', ')}]`;
  }
  const wanted = numbers(expected.type, expected.data);
  const actual = numbers(got.type, got.data);
  if (wanted.length !== actual.length) return `expected ${wanted.length} elements, got ${actual.length}`;
  const allowed = expected.type.startsWith('float') ? tolerance : { rtol: 0, atol: 0 };
  let wrong = 0;
  let first = '';
  for (let i = 0; i < wanted.length; ++i) {
    if (close(wanted[i] as Element, actual[i] as Element, allowed)) continue;
    if (wrong++ === 0) first = `at ${i} expected ${wanted[i]}, got ${actual[i]}`;
  }
  return wrong === 0 ? undefined : `${wrong} of ${wanted.length} elements differ: ${first}`;
}

type Element = number | bigint | string;

function close(expected: Element, got: Element, { rtol, atol }: Tolerance): boolean {
  if (Object.is(expected, got) || expected === got) return true;
  if (typeof expected !== 'number' || typeof got !== 'number' || !Number.isFinite(expected)) return false;
  return Math.abs(got - expected) <= atol + rtol * Math.abs(expected);
}

function numbers(type: string, data: unknown): ArrayLike<Element> {
  // A runtime with Float16Array gives numbers already.
  if (type === 'float16' && data instanceof Uint16Array) return Array.from(data, float16);
  return data as ArrayLike<Element>;
}

/** IEEE 754 binary16. */
function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}
