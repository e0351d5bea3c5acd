import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readInitializers } from '../../../tools/residency/onnx_initializers.js';
import { layoutsOf, weightProbes } from '../../../tools/residency/weight_probes.js';

const model = readFileSync(new URL('../../../examples/motor/motor.onnx', import.meta.url));

describe('readInitializers', () => {
  it('finds the weights of the motor model', () => {
    const weights = readInitializers(model);
    const first = weights.find(({ name }) => name === 'conv1.weight');
    expect(first?.dims).toEqual([16, 1, 32]);
    expect(first?.bytes.length).toBe(16 * 32 * 4);
    expect(weights.filter(({ name }) => name.endsWith('.weight'))).toHaveLength(6);
  });

  it('refuses a model that is cut short', () => {
    expect(() => readInitializers(model.subarray(0, model.length - 100))).toThrow(/cut short|malformed/);
  });
});

describe('layoutsOf', () => {
  it('walks a convolution tap by tap, then input channel by input channel (docs/SPEC.md "Layouts")', () => {
    const [layout] = layoutsOf([32, 3, 5]);
    // W[o][i][t] is at o * 15 + i * 5 + t; k = t * 3 + i.
    expect(layout?.source(2, 0)).toBe(30);
    expect(layout?.source(2, 1)).toBe(30 + 5);
    expect(layout?.source(2, 3)).toBe(30 + 1);
    expect(layout?.source(2, 14)).toBe(30 + 14);
  });

  it('reads a matrix both ways', () => {
    const [kn, nk] = layoutsOf([64, 5]);
    expect([kn?.lanes, kn?.depth, kn?.source(3, 10)]).toEqual([5, 64, 53]);
    expect([nk?.lanes, nk?.depth, nk?.source(3, 2)]).toEqual([64, 5, 17]);
  });
});

describe('weightProbes', () => {
  const probes = weightProbes(readInitializers(model), 64);

  it('draws 64 row-major probes and as many of the blocked layouts, all different', () => {
    expect(probes.filter(({ name }) => name.includes('row-major'))).toHaveLength(64);
    expect(probes.filter(({ name }) => !name.includes('row-major')).length).toBeGreaterThanOrEqual(64);
    expect(new Set(probes.map(({ bytes }) => Buffer.from(bytes).toString('hex'))).size).toBe(probes.length);
  });

  it('draws the same ones every time', () => {
    expect(weightProbes(readInitializers(model), 64)).toEqual(probes);
  });

  it('row-major probes are in the file, blocked ones are not', () => {
    for (const { name, bytes } of probes) {
      // Four lanes of a (K, N) matrix lie side by side in both forms.
      if (name.includes('(K,N)')) continue;
      expect([name, model.includes(Buffer.from(bytes))]).toEqual([name, name.includes('row-major')]);
    }
  });
});
