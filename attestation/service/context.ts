import type { VerifierIdentity } from './identity.js';
import type { Store } from './store/store.js';

/** What every route has at hand. */
export interface ServiceContext {
  store: Store;
  identity: VerifierIdentity;
  /** Milliseconds since the epoch; tests pass their own. */
  now: () => number;
  /** For each address and route that asks nothing of the caller; 0: no limit. */
  requestsPerMinute: number;
}
