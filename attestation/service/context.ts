import type { VerifierIdentity } from './identity.js';
import type { Store } from './store/store.js';

/** What every route has at hand. */
export interface ServiceContext {
  store: Store;
  identity: VerifierIdentity;
  /** Milliseconds since the epoch; tests pass their own. */
  now: () => number;
}
