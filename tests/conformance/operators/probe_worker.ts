/** A process that measures the operators it is sent: a model that nobody meant may take it down. */
import { type Probe, probeTypes } from './probe.js';

process.on('message', async (probe: Probe) => {
  process.send?.(await probeTypes(probe));
});
process.on('disconnect', () => process.exit());
