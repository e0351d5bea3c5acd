/** A process that runs the cases it is sent: the engine under test may take it down without taking the runner with it. */
import type { BackendName } from '../../src/index.js';
import type { ConformanceCase } from './cases.js';
import { runCase } from './run_case.js';

process.on('message', async ({ subject, backend }: { subject: ConformanceCase; backend: BackendName }) => {
  process.send?.(await runCase(subject, backend));
});
process.on('disconnect', () => process.exit());
