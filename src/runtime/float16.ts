/**
 * IEEE 754 binary16 in JavaScript. Runtimes with `Float16Array` (Node 24) hold float16 tensors in one, as onnxruntime-common
 * does; in others they are a `Uint16Array` of the bits, which is accepted everywhere.
 */
import type { NumericArrayConstructor } from './data_types.js';

export const float16Array = (globalThis as { Float16Array?: NumericArrayConstructor }).Float16Array ?? Uint16Array;
export const hasFloat16Array = float16Array !== Uint16Array;

/** Rounded once, to nearest, ties to even. */
export function float16Bits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) return sign | 0x7c00; // half way to 2^16 and above
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, magnitude);
  const exponent = Math.max((view.getUint32(0) >>> 20) - 1023, -14); // below 2^-14 the spacing stays
  const quotient = magnitude / 2 ** (exponent - 10); // exact: a power of two
  const whole = Math.floor(quotient);
  const rest = quotient - whole;
  const rounded = rest > 0.5 || (rest === 0.5 && whole % 2 === 1) ? whole + 1 : whole;
  // A normal number's leading one carries into the exponent; so does rounding up to the next power of two.
  return sign | ((exponent + 14) * 1024 + rounded);
}

export function float16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Elements for a person or for JSON: numbers, whatever a float16 tensor is held in. */
export function elementValues(type: string, data: ArrayLike<unknown>): unknown[] {
  const values = Array.from(data);
  return type === 'float16' && data instanceof Uint16Array
    ? values.map((bits) => float16Value(bits as number))
    : values;
}
