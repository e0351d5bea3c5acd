/** Elementwise operators, reductions and what is like them. */
import type { TensorType } from '../../../src/index.js';
import { dataTypes } from '../../../src/runtime/data_types.js';
import { floatTypes, int64, integerTypes, type Random } from '../random.js';
import type { OneNode } from './one_node_model.js';

export type Generator = (r: Random) => OneNode;

function unary(opType: string, opset: number, range: { from?: number; to?: number } = {}, special = true): Generator {
  return (r) => {
    const type = r.chance(0.7) ? 'float32' : r.pick(floatTypes);
    return { opType, opset, inputs: [r.tensor(type, r.dims(0, 4), { ...range, special })], outputTypes: [type] };
  };
}

function unaryWith(opType: string, opset: number, names: readonly string[], special = true): Generator {
  return (r) => {
    const attributes = Object.fromEntries(
      names.filter(() => r.chance(0.6)).map((name) => [name, { float: r.float(0.1, 2) }]),
    );
    return {
      opType,
      opset,
      attributes,
      inputs: [r.tensor('float32', r.dims(0, 4), { special })],
      outputTypes: ['float32'],
    };
  };
}

/** a op b under numpy's rule; integer operands small and, where they divide, not 0. */
function binary(opType: string, opset: number, types: readonly TensorType[], output?: TensorType): Generator {
  return (r) => {
    const type = r.pick(types);
    const [a, b] = r.broadcast();
    const divides = opType === 'Div' || opType === 'Mod';
    const second = divides && !type.startsWith('float') ? { from: 1, to: 9 } : { special: opType !== 'Mod' };
    const inputs = [r.tensor(type, a, { special: opType !== 'Mod' }), r.tensor(type, b, second)];
    const attributes = opType === 'Mod' && type.startsWith('float') ? { fmod: 1 } : {};
    return { opType, opset, attributes, inputs, constants: r.pick([[], [0], [1]]), outputTypes: [output ?? type] };
  };
}

function variadic(opType: string, opset: number, types: readonly TensorType[]): Generator {
  return (r) => {
    const type = r.pick(types);
    const whole = r.dims(0, 3);
    const inputs = r.list(r.int(1, 4), () =>
      r.tensor(
        type,
        whole.map((dim) => (r.chance(0.2) ? 1 : dim)),
        { special: opType !== 'Mean' },
      ),
    );
    return { opType, opset, inputs, outputTypes: [type] };
  };
}

function reduce(opType: string, types: readonly TensorType[] = ['float32']): Generator {
  return (r) => {
    const type = r.pick(types);
    const opset = r.pick([11, 13, 18]);
    // Logarithms of what is positive; products of integers that stay below their limit.
    const product = opType === 'ReduceProd' ? { from: 1, to: 2 } : {};
    const range = opType.includes('Log') ? { from: 0.1, to: 2 } : product;
    const data = r.tensor(type, r.dims(opset < 18 ? 1 : 0, 4, 4, false), range);
    const rank = data.dims.length;
    const axes = r
      .shuffled(r.list(rank, (i) => i))
      .slice(0, r.int(0, rank))
      .map((axis) => (r.chance(0.5) ? axis - rank : axis));
    const given = axes.length > 0;
    const asInput = opset >= (opType === 'ReduceSum' ? 13 : 18);
    const noop = asInput && r.chance(0.3) ? 1 : 0;
    const attributes = {
      keepdims: r.int(0, 1),
      axes: given && !asInput ? axes : undefined,
      noop_with_empty_axes: noop || undefined,
    };
    const inputs = asInput && given ? [data, int64(axes)] : [data];
    return { opType, opset, attributes, inputs, constants: asInput && given ? [1] : [], outputTypes: [type] };
  };
}

function argReduce(opType: string): Generator {
  return (r) => {
    const type = r.pick(['float32', 'int32', 'float64'] as const);
    const data = r.tensor(type, r.dims(1, 4, 4, false));
    const attributes = { axis: r.axis(data.dims.length), keepdims: r.int(0, 1), select_last_index: r.int(0, 1) };
    return { opType, opset: 13, attributes, inputs: [data], outputTypes: ['int64'] };
  };
}

function softmax(opType: string): Generator {
  return (r) => {
    const type = r.pick(['float32', 'float32', 'float64'] as const);
    const data = r.tensor(type, r.dims(1, 4, 4, false));
    const axis = r.chance(0.8) ? r.axis(data.dims.length) : undefined;
    const opset = data.dims.length > 1 || axis !== undefined ? r.pick([11, 13]) : 13;
    return { opType, opset, attributes: { axis }, inputs: [data], outputTypes: [type] };
  };
}

const numbers: readonly TensorType[] = [
  'float32',
  'float32',
  'float64',
  'int32',
  'int64',
  'uint8',
  'int8',
  'uint32',
  'uint64',
  'float16',
];

export const elementwiseGenerators: Readonly<Record<string, Generator>> = {
  ...Object.fromEntries(
    ['Abs', 'Neg', 'Floor', 'Ceil', 'Sqrt', 'Reciprocal', 'Exp', 'Log', 'Sigmoid', 'Tanh', 'Erf'].map((name) => [
      name,
      unary(name, 13),
    ]),
  ),
  ...Object.fromEntries(
    [
      'Sin',
      'Cos',
      'Tan',
      'Atan',
      'Asinh',
      'Sinh',
      'Cosh',
      'Asin',
      'Acos',
      'Acosh',
      'Atanh',
      'Round',
      'Softsign',
      'Softplus',
    ].map((name) => [
      name,
      unary(name, 11, name.startsWith('A') ? { from: -2, to: 4 } : { from: -8, to: 8 }, name !== 'Softplus'),
    ]),
  ),
  // Of NaN onnxruntime says 0 in float16 and NaN in float32.
  Sign: unary('Sign', 13, {}, false),
  Relu: unary('Relu', 14),
  HardSwish: unary('HardSwish', 14),
  Mish: unary('Mish', 18, {}, false),
  Gelu: (r) => ({
    ...unary('Gelu', 20, {}, false)(r),
    attributes: { approximate: r.pick(['none', 'tanh', undefined]) },
  }),
  Swish: unaryWith('Swish', 24, ['alpha'], false),
  Celu: unaryWith('Celu', 12, ['alpha']),
  LeakyRelu: unaryWith('LeakyRelu', 16, ['alpha']),
  Elu: unaryWith('Elu', 6, ['alpha']),
  Selu: unaryWith('Selu', 6, ['alpha', 'gamma']),
  HardSigmoid: unaryWith('HardSigmoid', 6, ['alpha', 'beta']),
  ThresholdedRelu: unaryWith('ThresholdedRelu', 10, ['alpha'], false),
  Shrink: unaryWith('Shrink', 9, ['bias', 'lambd']),
  Not: (r) => ({ opType: 'Not', opset: 1, inputs: [r.tensor('bool', r.dims(0, 4))], outputTypes: ['bool'] }),
  IsNaN: (r) => ({ ...unary('IsNaN', 13)(r), outputTypes: ['bool'] }),
  IsInf: (r) => ({
    opType: 'IsInf',
    opset: 10,
    attributes: { detect_negative: r.int(0, 1), detect_positive: r.int(0, 1) },
    inputs: [r.tensor('float32', r.dims(0, 3), { special: true })],
    outputTypes: ['bool'],
  }),
  Add: binary('Add', 14, numbers),
  Sub: binary('Sub', 14, numbers),
  Mul: binary('Mul', 14, numbers),
  Div: binary('Div', 14, numbers),
  Mod: binary('Mod', 13, ['float32', 'int32', 'int64', 'uint8', 'int8', 'float64']),
  Equal: binary('Equal', 13, ['float32', 'int32', 'int64', 'bool', 'float64'], 'bool'),
  Greater: binary('Greater', 13, ['float32', 'int32', 'int64', 'float64'], 'bool'),
  GreaterOrEqual: binary('GreaterOrEqual', 16, ['float32', 'int64'], 'bool'),
  Less: binary('Less', 13, ['float32', 'int32', 'int64', 'float64'], 'bool'),
  LessOrEqual: binary('LessOrEqual', 16, ['float32', 'int64'], 'bool'),
  And: binary('And', 7, ['bool']),
  Or: binary('Or', 7, ['bool']),
  Xor: binary('Xor', 7, ['bool']),
  BitwiseAnd: binary('BitwiseAnd', 18, integerTypes),
  BitwiseOr: binary('BitwiseOr', 18, integerTypes),
  BitwiseXor: binary('BitwiseXor', 18, integerTypes),
  BitwiseNot: (r) => {
    const type = r.pick(integerTypes);
    return { opType: 'BitwiseNot', opset: 18, inputs: [r.tensor(type, r.dims(0, 3))], outputTypes: [type] };
  },
  BitCast: (r) => {
    const types = r.pick([
      ['float32', 'int32', 'uint32'],
      ['float64', 'int64', 'uint64'],
      ['int16', 'uint16'],
      ['int8', 'uint8'],
    ] as const);
    const type = r.pick(types);
    const to = r.pick(types);
    return {
      opType: 'BitCast',
      opset: 26,
      attributes: { to: dataTypes.find((row) => row.type === to)?.code ?? 0 },
      inputs: [r.tensor(type, r.dims(0, 3))],
      outputTypes: [to],
    };
  },
  SwiGLU: (r) => {
    const dims = r.dims(0, 3);
    const type = r.pick(['float32', 'float16', 'float64'] as const);
    return {
      opType: 'SwiGLU',
      opset: 28,
      attributes: { alpha: r.chance(0.5) ? { float: r.float(0.5, 2) } : undefined },
      inputs: [r.tensor(type, dims), r.tensor(type, dims)],
      outputTypes: [type],
    };
  },
  BitShift: (r) => {
    const type = r.pick(['uint8', 'uint32', 'uint64'] as const);
    const [a, b] = r.broadcast();
    const inputs = [r.tensor(type, a), r.tensor(type, b, { to: 7 })];
    return {
      opType: 'BitShift',
      opset: 11,
      attributes: { direction: r.pick(['LEFT', 'RIGHT']) },
      inputs,
      outputTypes: [type],
    };
  },
  Pow: (r) => {
    const [a, b] = r.broadcast();
    const type = r.pick(['float32', 'float32', 'float64', 'int32', 'int64'] as const);
    const exponent = r.pick(['float32', 'int32', 'int64'] as const);
    const base = r.tensor(type, a, type.startsWith('float') ? { from: 0.1, to: 3 } : { from: 1, to: 5 });
    return { opType: 'Pow', opset: 15, inputs: [base, r.tensor(exponent, b, { from: 0, to: 4 })], outputTypes: [type] };
  },
  PRelu: (r) => {
    const x = r.dims(1, 4);
    const slope = x.slice(r.int(0, x.length - 1)).map((dim) => (r.chance(0.4) ? 1 : dim));
    return {
      opType: 'PRelu',
      opset: 16,
      inputs: [r.tensor('float32', x), r.tensor('float32', slope)],
      constants: r.pick([[], [1]]),
      outputTypes: ['float32'],
    };
  },
  Where: (r) => {
    const whole = r.dims(0, 4);
    const part = (): number[] =>
      whole.map((dim) => (r.chance(0.25) ? 1 : dim)).slice(r.chance(0.2) ? r.int(0, whole.length) : 0);
    const type = r.pick(['float32', 'int64', 'uint8'] as const);
    return {
      opType: 'Where',
      opset: 16,
      inputs: [r.tensor('bool', part()), r.tensor(type, part()), r.tensor(type, part())],
      outputTypes: [type],
    };
  },
  Clip: (r) => {
    const type = r.pick(['float32', 'float32', 'int32', 'float64', 'uint8', 'int8', 'int64'] as const);
    const bound = (): ReturnType<Random['tensor']> | undefined => (r.chance(0.7) ? r.tensor(type, []) : undefined);
    const [low, high] = [bound(), bound()];
    // Without a bound infinity stays, as in the standard's function body; onnxruntime makes it the largest number.
    const inputs = [r.tensor(type, r.dims(0, 3), { special: low !== undefined && high !== undefined }), low, high];
    while (inputs.at(-1) === undefined) inputs.pop();
    return { opType: 'Clip', opset: 13, inputs, constants: r.chance(0.5) ? [1, 2] : [], outputTypes: [type] };
  },
  Sum: variadic('Sum', 13, ['float32', 'float64']),
  Mean: variadic('Mean', 13, ['float32']),
  Max: variadic('Max', 13, ['float32', 'float64', 'int32', 'int64', 'uint32', 'uint8', 'int8', 'float16']),
  Min: variadic('Min', 13, ['float32', 'float64', 'int32', 'int64', 'uint32', 'uint8', 'int8', 'float16']),
  ...Object.fromEntries(
    ['L1', 'L2', 'LogSum', 'LogSumExp', 'Mean', 'Prod', 'Sum', 'SumSquare', 'Max', 'Min'].map((name) => [
      `Reduce${name}`,
      reduce(
        `Reduce${name}`,
        name.includes('Log') || name === 'L2'
          ? ['float32', 'float64']
          : ['float32', 'float32', 'float64', 'int32', 'int64'],
      ),
    ]),
  ),
  ArgMax: argReduce('ArgMax'),
  ArgMin: argReduce('ArgMin'),
  Softmax: softmax('Softmax'),
  LogSoftmax: softmax('LogSoftmax'),
  Hardmax: softmax('Hardmax'),
  CumSum: (r) => {
    const data = r.tensor(r.pick(['float32', 'int32', 'int64', 'float64'] as const), r.dims(1, 4));
    const axis = int64([r.axis(data.dims.length)], []);
    const attributes = { exclusive: r.int(0, 1), reverse: r.int(0, 1) };
    return {
      opType: 'CumSum',
      opset: 14,
      attributes,
      inputs: [data, axis],
      constants: r.pick([[], [1]]),
      outputTypes: [data.type],
    };
  },
};
