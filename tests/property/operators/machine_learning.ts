/** Classical models of ai.onnx.ml, numbers in and numbers out. */
import { Tensor } from '../../../src/runtime/tensor.js';
import type { Attribute } from '../onnx_model.js';
import { int64, type Random } from '../random.js';
import type { Generator } from './elementwise.js';
import type { OneNode } from './one_node_model.js';

function learning(
  opType: string,
  make: (r: Random) => Omit<OneNode, 'opType' | 'opset' | 'domain'> & { readonly opset?: number },
): [string, Generator] {
  return [`ai.onnx.ml.${opType}`, (r) => ({ opType, opset: 17, domain: 'ai.onnx.ml', domainVersion: 3, ...make(r) })];
}

const floats = (r: Random, count: number, from = -2, to = 2): { readonly floats: number[] } => ({
  floats: r.list(count, () => r.float(from, to)),
});

const features = (r: Random, width: number): Tensor =>
  r.tensor(r.pick(['float32', 'float32', 'int64', 'int32', 'float64'] as const), [r.int(1, 5), width]);

/** Of a single score onnxruntime leaves them out. */
const postTransform = (r: Random, scores: number): string | undefined =>
  r.pick(['NONE', undefined, ...(scores > 1 ? ['LOGISTIC', 'SOFTMAX'] : [])]);

type Lists = Record<string, number[]>;
interface Trees {
  readonly attributes: Record<string, Attribute>;
  /** Tree and node of every leaf. */
  readonly leaves: readonly (readonly [number, number])[];
}

function trees(r: Random, width: number): Trees {
  const lists: Lists = {
    treeids: [],
    nodeids: [],
    featureids: [],
    truenodeids: [],
    falsenodeids: [],
    missing_value_tracks_true: [],
  };
  const values: number[] = [];
  const modes: string[] = [];
  const leaves: [number, number][] = [];
  const mode = r.pick(['BRANCH_LEQ', 'BRANCH_LT', 'BRANCH_GTE', 'BRANCH_GT', 'BRANCH_EQ', 'BRANCH_NEQ']);
  for (let tree = 0, count = r.int(1, 4); tree < count; ++tree) {
    let next = 1;
    const grow = (id: number, depth: number): void => {
      const leaf = depth === 0 || (id > 0 && r.chance(0.3));
      const [yes, no] = leaf ? [0, 0] : [next++, next++];
      lists.treeids?.push(tree);
      lists.nodeids?.push(id);
      lists.featureids?.push(leaf ? 0 : r.int(0, width - 1));
      lists.truenodeids?.push(yes);
      lists.falsenodeids?.push(no);
      lists.missing_value_tracks_true?.push(leaf ? 0 : r.int(0, 1));
      values.push(leaf ? 0 : r.int(-3, 3));
      modes.push(leaf ? 'LEAF' : mode);
      if (leaf) leaves.push([tree, id]);
      else for (const child of [yes, no]) grow(child, depth - 1);
    };
    grow(0, r.int(1, 3));
  }
  const named = Object.entries(lists).map(([name, list]) => [`nodes_${name}`, list]);
  return {
    attributes: {
      ...Object.fromEntries(named),
      nodes_values: { floats: values },
      nodes_modes: { strings: modes },
    },
    leaves,
  };
}

/** Trees as version 5 of the domain has them: branches and leaves apart, numbers in tensors. */
function treeEnsemble(
  r: Random,
  type: 'float32' | 'float64',
  width: number,
  n_targets: number,
): Record<string, Attribute> {
  const lists: Lists = {
    nodes_featureids: [],
    nodes_truenodeids: [],
    nodes_falsenodeids: [],
    nodes_trueleafs: [],
    nodes_falseleafs: [],
    nodes_missing_value_tracks_true: [],
    leaf_targetids: [],
    tree_roots: [],
  };
  const [modes, splits, weights, members]: number[][] = [[], [], [], []];
  const leaf = (): number => {
    lists.leaf_targetids?.push(r.int(0, n_targets - 1));
    return (weights?.push(r.float(-1, 1)) as number) - 1;
  };
  const branch = (depth: number): number => {
    const id = modes?.length as number;
    const mode = r.int(0, 6);
    modes?.push(mode);
    splits?.push(r.int(-3, 3));
    if (mode === 6) members?.push(...r.list(r.int(1, 3), () => r.int(-3, 3)), Number.NaN);
    lists.nodes_featureids?.push(r.int(0, width - 1));
    lists.nodes_missing_value_tracks_true?.push(r.int(0, 1));
    for (const side of ['true', 'false']) {
      lists[`nodes_${side}leafs`]?.push(0);
      lists[`nodes_${side}nodeids`]?.push(0);
    }
    for (const side of ['true', 'false']) {
      const ends = depth === 0 || r.chance(0.4);
      (lists[`nodes_${side}leafs`] as number[])[id] = ends ? 1 : 0;
      (lists[`nodes_${side}nodeids`] as number[])[id] = ends ? leaf() : branch(depth - 1);
    }
    return id;
  };
  for (let tree = 0, count = r.int(1, 3); tree < count; ++tree) lists.tree_roots?.push(branch(r.int(0, 3)));
  const numbers = (values: number[] | undefined): Tensor => new Tensor(type, values ?? [], [values?.length as number]);
  return {
    ...lists,
    nodes_modes: { tensor: new Tensor('uint8', modes ?? [], [modes?.length as number]) },
    nodes_splits: { tensor: numbers(splits) },
    leaf_weights: { tensor: numbers(weights) },
    ...(members?.length === 0 ? {} : { membership_values: { tensor: numbers(members) } }),
  };
}

/** What leaves add: to each one or several of `targets`. */
function shares(
  r: Random,
  prefix: string,
  { leaves }: Trees,
  targets: readonly number[],
  from: number,
): Record<string, Attribute> {
  const all = leaves.flatMap(([tree, node]) => targets.map((target) => [tree, node, target] as const));
  return {
    [`${prefix}_treeids`]: all.map(([tree]) => tree),
    [`${prefix}_nodeids`]: all.map(([, node]) => node),
    [`${prefix}_ids`]: all.map(([, , target]) => target),
    [`${prefix}_weights`]: floats(r, all.length, from, 1),
  };
}

export const machineLearningGenerators: Readonly<Record<string, Generator>> = Object.fromEntries([
  learning('Scaler', (r) => {
    const x = features(r, r.int(1, 5));
    const count = r.pick([1, x.dims[1] as number]);
    return { attributes: { offset: floats(r, count), scale: floats(r, count) }, inputs: [x], outputTypes: ['float32'] };
  }),
  learning('Normalizer', (r) => ({
    attributes: { norm: r.pick(['MAX', 'L1', 'L2']) },
    inputs: [r.tensor('float32', [r.int(1, 4), r.int(1, 4)], r.chance(0.5) ? { from: 0.1 } : {})],
    outputTypes: ['float32'],
  })),
  learning('Imputer', (r) => {
    const x = r.tensor('float32', [r.int(1, 4), r.int(1, 4)], { special: true });
    const count = r.pick([1, x.dims[1] as number]);
    const replaced_value_float = { float: r.pick([Number.NaN, 0]) };
    return {
      attributes: { imputed_value_floats: floats(r, count), replaced_value_float },
      inputs: [x],
      outputTypes: ['float32'],
    };
  }),
  learning('Binarizer', (r) => ({
    attributes: { threshold: { float: r.float(-1, 1) } },
    inputs: [r.tensor('float32', r.dims(1, 3))],
    outputTypes: ['float32'],
  })),
  learning('ArrayFeatureExtractor', (r) => {
    const x = r.tensor(r.pick(['float32', 'int64', 'float64'] as const), r.dims(1, 3, 5, false));
    const picked = r.list(r.int(1, 4), () => r.int(0, (x.dims.at(-1) as number) - 1));
    return { inputs: [x, int64(picked, [1, picked.length])], outputTypes: [x.type] };
  }),
  learning('OneHotEncoder', (r) => ({
    attributes: { cats_int64s: [0, 1, 2, 5], zeros: 1 },
    inputs: [r.tensor(r.pick(['int64', 'float32', 'int32'] as const), r.dims(1, 2, 4, false), { from: 0, to: 4 })],
    outputTypes: ['float32'],
  })),
  learning('FeatureVectorizer', (r) => {
    const rows = r.pick([[], [1], [2], [3]]);
    const inputs = r.list(r.int(1, 3), () => r.tensor('float32', [...rows, r.int(1, 3)]));
    const whole = r.chance(0.7);
    return {
      attributes: {
        inputdimensions: inputs.map(({ dims }) => (whole ? (dims.at(-1) as number) : r.int(1, dims.at(-1) as number))),
      },
      inputs,
      outputTypes: ['float32'],
    };
  }),
  learning('LinearRegressor', (r) => {
    const [width, targets] = [r.int(1, 5), r.int(1, 3)];
    return {
      attributes: {
        targets,
        coefficients: floats(r, width * targets),
        intercepts: r.chance(0.7) ? floats(r, targets) : undefined,
        post_transform: postTransform(r, targets),
      },
      inputs: [r.tensor('float32', [r.int(1, 5), width])],
      outputTypes: ['float32'],
    };
  }),
  learning('LinearClassifier', (r) => {
    const [width, classes] = [r.int(1, 5), r.int(2, 4)];
    return {
      attributes: {
        classlabels_ints: r.list(classes, (i) => 3 * i - 1),
        coefficients: floats(r, width * classes),
        intercepts: floats(r, classes),
        multi_class: r.int(0, 1),
        post_transform: r.pick(['NONE', undefined, 'LOGISTIC', 'SOFTMAX']),
      },
      inputs: [features(r, width)],
      outputTypes: ['int64', 'float32'],
    };
  }),
  learning('SVMRegressor', (r) => {
    const [width, vectors] = [r.int(1, 4), r.int(1, 4)];
    const kernel_type = r.pick(['LINEAR', 'RBF', 'SIGMOID', 'POLY']);
    return {
      attributes: {
        kernel_type,
        kernel_params: { floats: [r.float(0.1, 0.5), r.float(0, 1), r.int(2, 3)] },
        n_supports: vectors,
        support_vectors: floats(r, width * vectors),
        coefficients: floats(r, vectors),
        rho: floats(r, 1),
        one_class: r.int(0, 1),
      },
      inputs: [r.tensor('float32', [r.int(1, 5), width])],
      outputTypes: ['float32'],
    };
  }),
  learning('TreeEnsembleRegressor', (r) => {
    const width = r.int(1, 4);
    const n_targets = r.int(1, 3);
    const forest = trees(r, width);
    const target = r.list(n_targets, (i) => i);
    const special = r.chance(0.3);
    return {
      attributes: {
        ...forest.attributes,
        ...shares(r, 'target', forest, target, -1),
        n_targets,
        aggregate_function: r.pick(['SUM', 'AVERAGE', 'MIN', 'MAX', undefined]),
        base_values: r.chance(0.4) ? floats(r, n_targets) : undefined,
        post_transform: postTransform(r, n_targets),
      },
      inputs: [special ? r.tensor('float32', [r.int(1, 5), width], { special }) : features(r, width)],
      outputTypes: ['float32'],
    };
  }),
  learning('TreeEnsemble', (r) => {
    const type = r.pick(['float32', 'float64'] as const);
    const [rows, width, n_targets] = [r.int(1, 5), r.int(1, 4), r.int(1, 3)];
    const forest = treeEnsemble(r, type, width, n_targets);
    // onnxruntime rounds before it looks for members, and compares NaN where a branch asks for inequality or members.
    const { tensor } = forest.nodes_modes as { readonly tensor: Tensor };
    const missing = Array.from(tensor.data as Uint8Array).some((mode) => mode >= 5) ? 0 : 0.1;
    const x = r.list(rows * width, () => (r.chance(missing) ? Number.NaN : r.int(-4, 4)));
    return {
      opset: 21,
      domainVersion: 5,
      attributes: {
        ...forest,
        n_targets,
        aggregate_function: r.int(0, 3),
        // onnxruntime takes 1 for LOGISTIC and 2 for SOFTMAX, the standard the other way round.
        post_transform: 0,
      },
      inputs: [new Tensor(type, x, [rows, width])],
      outputTypes: [type],
    };
  }),
  learning('TreeEnsembleClassifier', (r) => {
    const width = r.int(1, 4);
    const classes = r.int(2, 4);
    const forest = trees(r, width);
    // Of two classes only one is scored: with both, onnxruntime's labels are 0 and 1 whatever they are called.
    const one = classes === 2;
    const scored = one ? [r.int(0, 1)] : r.list(classes, (i) => i);
    const bases = one ? (scored[0] === 0 ? 1 : 0) : classes;
    return {
      attributes: {
        ...forest.attributes,
        ...shares(r, 'class', forest, scored, r.pick([0, -1])),
        classlabels_int64s: r.list(classes, (i) => 3 * i - 1),
        base_values: bases > 0 && r.chance(0.3) ? floats(r, bases) : undefined,
        post_transform: r.pick(['NONE', undefined, 'LOGISTIC', 'SOFTMAX']),
      },
      inputs: [features(r, width)],
      outputTypes: ['int64', 'float32'],
    };
  }),
]);
