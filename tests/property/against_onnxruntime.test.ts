/**
 * Random models on the native engine and on onnxruntime: one node of each operator, graphs of layers, quantised graphs. Few by default;
 * SEALEDGE_PROPERTY_RUNS says how many of each, and explore.ts looks for differences without stopping at the first.
 */
import { describe, expect, it } from 'vitest';
import { compareEngines } from './engines.js';
import { describeNode, feedsOf } from './operators/describe_node.js';
import { generators } from './operators/generators.js';
import { oneNodeModel } from './operators/one_node_model.js';
import { Random } from './random.js';
import { randomGraph } from './random_graph.js';
import { randomQuantisedGraph } from './random_quantised_graph.js';

const runs = Number(process.env.SEALEDGE_PROPERTY_RUNS ?? 8);

describe('random models compute what they do on onnxruntime', () => {
  for (const [name, generate] of Object.entries(generators)) {
    it(name, async () => {
      for (let seed = 0; seed < runs; ++seed) {
        const node = generate(new Random(seed));
        const verdict = await compareEngines(oneNodeModel(node), [feedsOf(node)], node.tolerance);
        expect(verdict, `seed ${seed}: ${describeNode(node)}`).not.toMatchObject({ kind: 'differs' });
      }
    });
  }

  it('quantised graphs', async () => {
    for (let seed = 0; seed < 10 * runs; ++seed) {
      const { model, feeds, description, tolerance } = randomQuantisedGraph(new Random(seed));
      const verdict = await compareEngines(model, feeds, tolerance);
      expect(verdict, `seed ${seed}:\n${description.join('\n')}`).not.toMatchObject({ kind: 'differs' });
    }
  });

  it('graphs of layers', async () => {
    for (let seed = 0; seed < 10 * runs; ++seed) {
      const { model, feeds, description } = randomGraph(new Random(seed));
      const verdict = await compareEngines(model, feeds);
      expect(verdict, `seed ${seed}:\n${description.join('\n')}`).not.toMatchObject({ kind: 'differs' });
    }
  });
});
