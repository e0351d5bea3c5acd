/** Sealed files, for programs: what the commands keygen, seal, inspect and unseal do. */
export { type InspectOptions, inspectSealedFile } from './inspect.js';
export { type ContentKeyFile, formatKeyFile, keyPayload, parseKeyFile } from './key_file.js';
export type { Manifest, SegmentEntry } from './manifest.js';
export {
  generatePublisherKey,
  type PublisherKeyPair,
  parsePublisherPrivateKey,
  parsePublisherPublicKey,
} from './publisher_key.js';
export { type SealOptions, type SealResult, sealModel } from './seal.js';
export { checkSealedModel, type UnsealOptions, type UnsealResult, unsealModel } from './unseal.js';
