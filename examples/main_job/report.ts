import type { Latency } from './latency.js';

/** An attack that was refused, and by whom. */
export interface Refusal {
  attack: string;
  /** Who said no: the runtime, the TPM, the verifier. */
  refusedBy: 'runtime' | 'TPM' | 'verifier';
  code: string;
  reason: string;
}

/** An attack that succeeds, shown because hiding it would be dishonest. */
export interface StillWorks {
  attack: string;
  result: string;
  defence: string;
}

export interface Residency {
  probes: number;
  mappings: number;
  megabytesRead: number;
  hits: number;
  unreadableRegions: number;
  unexplained: number;
  /** The same scan of the onnxruntime process: it must find what is there. */
  controlHits: number;
}

/** One thread each, on the same input. */
export interface Latencies {
  /** The sealed model, computed on the calling thread. */
  sealedgeRunSync: Latency;
  /** The sealed model, computed on another thread while the caller goes on. */
  sealedgeRun: Latency;
  /** The plain model. */
  onnxruntimeRun: Latency;
}

/** All that `npm start` shows, also as `--json`. */
export interface Report {
  device: string;
  answer: { expected: string; label: string; probability: number };
  agreement: { maxAbsoluteDifference: number };
  latencyUs: Latencies;
  loadMs: { sealedge: number; onnxruntime: number };
  /** How long the TPM took to release the key to the process. */
  unsealMs: number;
  memoryLevel: string;
  residency: Residency;
  refusals: Refusal[];
  stillWorks: StillWorks[];
  durationMs: number;
}

export function renderReport(report: Report): string {
  const { answer, latencyUs, loadMs, residency } = report;
  const latency = ({ median, min }: Latency): string =>
    `median ${median.toFixed(0)} us, best ${min.toFixed(0)} us, one thread`;
  const facts: [string, string][] = [
    ['answer', `${answer.label} (${(100 * answer.probability).toFixed(1)} %), expected ${answer.expected}`],
    ['largest difference to onnxruntime', report.agreement.maxAbsoluteDifference.toExponential(1)],
    ['sealed in sealedge, runSync()', latency(latencyUs.sealedgeRunSync)],
    ['sealed in sealedge, run()', latency(latencyUs.sealedgeRun)],
    ['plain in onnxruntime, run()', latency(latencyUs.onnxruntimeRun)],
    ['load', `${loadMs.sealedge.toFixed(1)} ms sealed, ${loadMs.onnxruntime.toFixed(1)} ms plain in onnxruntime`],
    ['unseal by the TPM', `${report.unsealMs.toFixed(0)} ms, once`],
    ['memory level', report.memoryLevel],
    [
      'weights and keys found in the device process',
      `${residency.hits} of ${residency.probes} probes, ${residency.megabytesRead.toFixed(0)} MB read`,
    ],
    [
      'regions the scanner could not read',
      `${residency.unreadableRegions}, ${residency.unexplained} of them not registered as secret`,
    ],
    ['same scan of the onnxruntime process', `${residency.controlHits} weight probes found`],
  ];
  const lines = ['', ...table(facts), '', 'refused:'];
  lines.push(
    ...report.refusals.flatMap((r) => [`  ${r.attack}`, `    ${r.refusedBy} refused, ${r.code}: ${r.reason}`]),
  );
  lines.push('', 'still works, and is not hidden:');
  lines.push(...report.stillWorks.flatMap((s) => [`  ${s.attack}`, `    ${s.result}`, `    defence: ${s.defence}`]));
  lines.push('', `done in ${(report.durationMs / 1000).toFixed(1)} s`);
  return lines.join('\n');
}

function table(rows: readonly [string, string][]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
}
