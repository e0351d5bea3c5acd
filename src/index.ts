export * from './container/index.js';
export * from './errors.js';
export { runtimeInfo, secretFromBytes, secretMemoryReport } from './native.js';
export { InferenceSession } from './runtime/session.js';
export { Tensor } from './runtime/tensor.js';
export type * from './types.js';
