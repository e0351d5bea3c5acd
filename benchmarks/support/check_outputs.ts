import type { Results } from '../../src/index.js';
import type { NumericArray } from '../../src/runtime/data_types.js';
import type { BenchmarkModel, NamedArray } from './models.js';

/** A benchmark proves its output right before timing it: |y - reference| <= atol + rtol * |reference|, everywhere. */
export function checkOutputs(
  { name, tolerance }: BenchmarkModel,
  caseName: string,
  results: Results,
  references: readonly NamedArray[],
): void {
  for (const { name: output, data: expected } of references) {
    const got = results[output]?.data as NumericArray | undefined;
    if (got?.length !== expected.length) throw new Error(`${name}, case ${caseName}: output ${output} is missing`);
    for (let i = 0; i < expected.length; i += 1) {
      const want = Number(expected[i]);
      const difference = Math.abs(Number(got[i]) - want);
      if (!(difference <= tolerance.atol + tolerance.rtol * Math.abs(want))) {
        throw new Error(`${name}, case ${caseName}: ${output}[${i}] is ${got[i]}, expected ${want}`);
      }
    }
  }
}
