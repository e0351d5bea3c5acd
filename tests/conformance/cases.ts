/** The standard cases of ONNX, as Debian's package libonnx-testdata installs them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ModelOutline, outlineOf } from './model_proto.js';

export const caseFolder = process.env.SEALEDGE_ONNX_TESTDATA ?? '/usr/share/libonnx-testdata/data';
const sets = ['node', 'pytorch-converted', 'pytorch-operator', 'simple'];

export interface ConformanceCase {
  /** "node/test_abs": the set and the folder in it. */
  readonly name: string;
  readonly folder: string;
  /** What it is counted under: the operator it is about, or its set when it is about several. */
  readonly group: string;
  readonly outline: ModelOutline;
}

export function casesInstalled(): boolean {
  return existsSync(caseFolder);
}

/** In order of name. */
export function findCases(): ConformanceCase[] {
  const found = sets.flatMap((set) =>
    readdirSync(join(caseFolder, set))
      .filter((name) => existsSync(join(caseFolder, set, name, 'model.onnx')))
      .sort()
      .map((name) => {
        const folder = join(caseFolder, set, name);
        return { name: `${set}/${name}`, set, folder, outline: outlineOf(readFileSync(join(folder, 'model.onnx'))) };
      }),
  );
  const outlines = new Map(found.map(({ name, outline }) => [name, outline]));
  return found.map(({ name, set, folder, outline }) => {
    // "test_celu_expanded" is the function body of "test_celu": the same operator written with others.
    const about = outlines.get(name.replace(/_expanded.*$/, '')) ?? outline;
    const group = about.nodes.length === 1 ? (about.nodes[0] as string) : `(${set}: several nodes)`;
    return { name, folder, group, outline };
  });
}

/** `filter` is a part of the case's name or exactly an op_type; several are separated by commas. */
export function selectCases(cases: readonly ConformanceCase[], filter: string | undefined): ConformanceCase[] {
  if (filter === undefined) return [...cases];
  const wanted = filter.split(',').filter((part) => part !== '');
  return cases.filter(({ name, group, outline }) =>
    wanted.some((part) => name.includes(part) || group === part || outline.operators.includes(part)),
  );
}
