import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Probe } from './probe_search.js';
import type { ScanReport, SecretRegion } from './scan.js';
import type { ScanRequest } from './scanner.js';
import { scannerPrefix } from './scanner_privilege.js';

/**
 * Scans `pid` from a separate process. The caller's own copies of the probes are thus never in the memory that is read.
 * @throws ScannerUnavailable
 */
export async function runScanner(
  pid: number,
  probes: readonly Probe[],
  regions: readonly SecretRegion[],
): Promise<ScanReport> {
  const request: ScanRequest = {
    pid,
    probes: probes.map(({ name, bytes }) => ({ name, hex: Buffer.from(bytes).toString('hex') })),
    regions: [...regions],
  };
  const node = [process.execPath, '--import', 'tsx', fileURLToPath(new URL('scanner.ts', import.meta.url))];
  const [command = '', ...args] = [...scannerPrefix(), ...node];
  const scanner = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  // A scanner that could not begin does not read its input; its exit code says so.
  scanner.stdin.on('error', () => {});
  scanner.stdin.end(JSON.stringify(request));
  const [output, errors, code] = await Promise.all([
    text(scanner.stdout),
    text(scanner.stderr),
    new Promise<number | null>((resolve, reject) => scanner.on('close', resolve).on('error', reject)),
  ]);
  if (code !== 0) throw new Error(`residency scanner ended with code ${code}: ${errors}`);
  return JSON.parse(output) as ScanReport;
}
