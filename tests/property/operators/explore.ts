/** node --import tsx tests/property/operators/explore.ts [operators, separated by commas] [runs] [first seed]: what differs, one line each. */
import { compareEngines, describeNode } from './against_onnxruntime.js';
import { generators } from './generators.js';
import { Random } from './random.js';

const [filter = '', runs = '100', first = '0'] = process.argv.slice(2);
const wanted = filter === '' ? undefined : filter.split(',');
for (const [name, generate] of Object.entries(generators)) {
  if (wanted !== undefined && !wanted.includes(name)) continue;
  let [same, none] = [0, 0];
  const differing = new Map<string, string>();
  for (let seed = Number(first); seed < Number(first) + Number(runs); ++seed) {
    const node = generate(new Random(seed));
    const verdict = await compareEngines(node);
    if (verdict.kind === 'same') same += 1;
    else if (verdict.kind === 'no reference') none += 1;
    else {
      const kind = verdict.detail.replace(/[-\d.e+]+/g, '#');
      if (!differing.has(kind)) differing.set(kind, `  seed ${seed}: ${describeNode(node)}\n    ${verdict.detail}`);
    }
  }
  console.log(`${name}: ${same} same, ${none} without reference, ${Number(runs) - same - none} differ`);
  for (const line of [...differing.values()].slice(0, 4)) console.log(line);
}
