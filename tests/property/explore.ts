// What differs from onnxruntime on random models, a few examples of each kind.
import { asksForHelp } from '../../scripts/command_line.mjs';
import { compareEngines, type Verdict } from './engines.js';
import { describeNode, feedsOf } from './operators/describe_node.js';
import { generators } from './operators/generators.js';
import { oneNodeModel } from './operators/one_node_model.js';
import { Random } from './random.js';
import { randomGraph } from './random_graph.js';
import { randomQuantisedGraph } from './random_quantised_graph.js';

const USAGE = `usage: node --import tsx tests/property/explore.ts [WHAT[,WHAT ...] [RUNS [FIRST SEED]]]
Random models against onnxruntime; a few examples of each kind of difference. 100 runs of each from seed 0, if not said otherwise.
WHAT: graphs, quantised, or one operator's models: ${Object.keys(generators).join(' ')}`;

const args = process.argv.slice(2);
const [filter = '', runs = '100', first = '0'] = args;
const chosen = filter === '' ? Object.keys(generators) : filter.split(',');
const known = (name: string) => name in generators || name === 'graphs' || name === 'quantised';
if (
  asksForHelp(args) ||
  args.length > 3 ||
  ![runs, first].every((text) => /^\d+$/.test(text)) ||
  !chosen.every(known)
) {
  console.log(USAGE);
  process.exit(asksForHelp(args) ? 0 : 2);
}

async function explore(name: string, run: (r: Random) => Promise<[Verdict, string]>): Promise<void> {
  let [same, none] = [0, 0];
  const differing = new Map<string, string>();
  for (let seed = Number(first); seed < Number(first) + Number(runs); ++seed) {
    const [verdict, description] = await run(new Random(seed));
    if (verdict.kind === 'same') same += 1;
    else if (verdict.kind === 'no reference') none += 1;
    else {
      const kind = verdict.detail.replace(/[-\d.e+]+/g, '#');
      if (!differing.has(kind)) differing.set(kind, `  seed ${seed}: ${description}\n    ${verdict.detail}`);
    }
  }
  console.log(`${name}: ${same} same, ${none} without reference, ${Number(runs) - same - none} differ`);
  for (const line of [...differing.values()].slice(0, 4)) console.log(line);
}

for (const name of chosen) {
  const generate = generators[name];
  if (generate !== undefined) {
    await explore(name, async (r) => {
      const node = generate(r);
      return [await compareEngines(oneNodeModel(node), [feedsOf(node)], node.tolerance), describeNode(node)];
    });
  } else if (name === 'quantised') {
    await explore(name, async (r) => {
      const { model, feeds, description, tolerance } = randomQuantisedGraph(r);
      return [await compareEngines(model, feeds, tolerance), description.join('\n    ')];
    });
  } else if (name === 'graphs') {
    await explore(name, async (r) => {
      const { model, feeds, description } = randomGraph(r);
      return [await compareEngines(model, feeds), description.join('\n    ')];
    });
  }
}
