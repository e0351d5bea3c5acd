import { ModelError, UsageError } from '../errors.js';
import type { BackendName, ModelLimits, RunOptions, SecretHandle, SessionOptions } from '../types.js';

export interface CheckedOptions {
  readonly key: SecretHandle | undefined;
  readonly backend: BackendName;
  /** 0: all that the process may use. */
  readonly threads: number;
  readonly limits: ModelLimits;
}

const backends: readonly BackendName[] = ['native', 'onnxruntime'];
const known = ['key', 'backend', 'policy', 'intraOpNumThreads', 'limits'];
const limitNames = [
  'maxTensorBytes',
  'maxConstantBytes',
  'maxDerivedBytes',
  'maxArenaBytes',
  'maxNodes',
  'maxGraphDepth',
] as const;

/** Options are few and none is ignored: an unknown one would be a promise not kept. */
export function checkOptions(options: SessionOptions): CheckedOptions {
  if (options === null || typeof options !== 'object') throw invalid('options', 'an object', options);
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      throw new UsageError('ERR_OPTION_INVALID', `options: expected ${known.join(', ')}, got ${name}`, {
        fields: { option: name },
      });
    }
  }
  const { key, backend = 'native', policy = {}, intraOpNumThreads = 0, limits = {} } = options;
  if (!backends.includes(backend)) throw invalid('backend', backends.join(' or '), backend);
  if (options.intraOpNumThreads !== undefined && !(Number.isInteger(intraOpNumThreads) && intraOpNumThreads >= 0)) {
    throw invalid('intraOpNumThreads', 'a whole number from 0', intraOpNumThreads);
  }
  const allowed = policy.allowBackends ?? ['native'];
  if (!allowed.includes(backend)) {
    throw new ModelError(
      'ERR_BACKEND_NOT_ALLOWED',
      `backend ${backend}: the policy allows ${allowed.length === 0 ? 'none' : allowed.join(', ')}`,
      { fields: { backend, allowed } },
    );
  }
  if (key !== undefined && backend !== 'native') throw sealedElsewhere(backend);
  return { key, backend, threads: intraOpNumThreads, limits: checkLimits(limits, backend) };
}

function checkLimits(limits: ModelLimits, backend: BackendName): ModelLimits {
  if (limits === null || typeof limits !== 'object') throw invalid('limits', 'an object', limits);
  for (const [name, value] of Object.entries(limits)) {
    if (!(limitNames as readonly string[]).includes(name)) throw invalid('limits', limitNames.join(', '), name);
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0)) {
      throw invalid(`limits.${name}`, 'a whole number from 0', value);
    }
    if (backend !== 'native') throw invalid('limits', `none for the backend ${backend}`, name);
  }
  return limits;
}

/** @throws UsageError `ERR_OPTION_INVALID` */
export function checkedSignal(options: RunOptions): AbortSignal | undefined {
  if (options === null || typeof options !== 'object') throw invalid('options', 'an object', options);
  for (const name of Object.keys(options)) {
    if (name !== 'signal') {
      throw new UsageError('ERR_OPTION_INVALID', `options: expected signal, got ${name}`, { fields: { option: name } });
    }
  }
  const { signal } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalid('signal', 'an AbortSignal', signal);
  return signal;
}

/** No policy allows it: another backend would copy weights into ordinary memory. */
export function sealedElsewhere(backend: BackendName): ModelError {
  return new ModelError('ERR_BACKEND_NOT_ALLOWED', `backend ${backend}: a sealed model runs on native only`, {
    fields: { backend, allowed: ['native'] },
  });
}

function invalid(option: string, expected: string, got: unknown): UsageError {
  return new UsageError('ERR_OPTION_INVALID', `${option}: expected ${expected}, got ${String(got)}`, {
    fields: { option, expected },
  });
}
