/** A session's report on itself, in the form that goes into Evidence. */
import type { ResidencyStatement } from '../../attestation/protocol/residency.js';
import { UsageError } from '../errors.js';
import type { SessionResidency } from '../types.js';

/**
 * @param residency - of `session.residency({scan: true})`
 * @throws UsageError `ERR_OPTION_INVALID` when it was made without a scan
 */
export function residencyStatement(keyId: string, residency: SessionResidency): ResidencyStatement {
  const { level, weightBytes, secretBytes, scan } = residency;
  if (scan === null) throw new UsageError('ERR_OPTION_INVALID', 'residency: expected a report with a scan, got none');
  const { probes, bytesRead, hitCount, controlFound } = scan;
  return { keyId, level, weightBytes, secretBytes, probes, bytesRead, hitCount, controlFound };
}
