import { ModelError, UsageError } from '../errors.js';
import type { Fetches, ValueMetadata } from '../types.js';
import { describe, Tensor } from './tensor.js';

/** An output that a run is to give. */
export interface WantedOutput {
  readonly name: string;
  /** To be filled, rather than a new one made. Its type and fixed dimensions are those of the output. */
  readonly target: Tensor | null;
  /** The target has exactly the dimensions that every run gives. */
  readonly exact: boolean;
}

/** Checks fetches against the model's outputs: names, and of tensors to be filled whatever is known before the run. */
export function bindFetches(outputs: readonly ValueMetadata[], fetches: Fetches | undefined): WantedOutput[] {
  if (fetches === undefined) return outputs.map(({ name }) => ({ name, target: null, exact: false }));
  if (fetches === null || typeof fetches !== 'object') {
    throw new UsageError('ERR_OPTION_INVALID', `fetches: expected output names, got ${describe(fetches)}`);
  }
  const wanted = isNames(fetches)
    ? fetches.map((name) => ({ name, target: null }))
    : Object.entries(fetches).map(([name, target]) => ({ name, target: target ?? null }));
  if (wanted.length === 0)
    throw new UsageError('ERR_OPTION_INVALID', 'fetches: expected at least one output, got none');
  return wanted.map(({ name, target }) => {
    const output = outputs.find((one) => one.name === name);
    if (output === undefined) throw unknown(outputs, name);
    if (target !== null) checkTarget(output, target);
    return { name, target, exact: output.shape.every((dim) => typeof dim === 'number' && dim >= 0) };
  });
}

function isNames(fetches: Fetches): fetches is readonly string[] {
  return Array.isArray(fetches);
}

function unknown(outputs: readonly ValueMetadata[], name: unknown): UsageError {
  const expected = outputs.map((output) => output.name);
  return new UsageError('ERR_OPTION_INVALID', `fetches: expected ${expected.join(', ')}, got ${String(name)}`, {
    fields: { option: 'fetches', expected, got: name },
  });
}

function checkTarget({ name, type, shape }: ValueMetadata, target: Tensor): void {
  if (!(target instanceof Tensor)) {
    throw new UsageError('ERR_OPTION_INVALID', `fetches: ${name}: expected a Tensor or null, got ${describe(target)}`);
  }
  const known = shape.length > 0; // or a scalar; or the model does not say
  const fits =
    target.type === type &&
    !Array.isArray(target.data) &&
    (!known ||
      (shape.length === target.dims.length &&
        shape.every((dim, i) => typeof dim !== 'number' || dim < 0 || dim === target.dims[i])));
  if (!fits) throw misfit(name, type, shape, target);
}

/** Whether the tensor is one of this type and these dimensions. */
export function hasForm(tensor: Tensor, form: { readonly type: string; readonly dims: readonly number[] }): boolean {
  return (
    tensor.type === form.type &&
    tensor.dims.length === form.dims.length &&
    tensor.dims.every((dim, i) => dim === form.dims[i])
  );
}

/** The target of an output whose dimensions only the run could tell. */
export function misfit(
  name: string,
  type: string,
  dims: readonly (number | string)[],
  target: { type: string; dims: readonly number[] },
): ModelError {
  return new ModelError(
    'ERR_SHAPE_MISMATCH',
    `output ${name}: expected a tensor of ${type} [${dims.join(', ')}], got ${target.type} [${target.dims.join(', ')}]`,
    { fields: { output: name } },
  );
}
