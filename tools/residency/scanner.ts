/**
 * The residency scanner, a process of its own: reads one request (JSON) from standard input, scans, and prints one report.
 *
 *     {"pid": 4711, "probes": [{"name": "conv1.weight[3] row-major", "hex": "…"}], "regions": [{"begin", "sizeBytes", "purpose"}]}
 *
 * It needs what an attacker with root has: CAP_SYS_PTRACE.
 */
import { text } from 'node:stream/consumers';
import { type SecretRegion, scanProcess } from './scan.js';

export interface ScanRequest {
  pid: number;
  probes: { name: string; hex: string }[];
  regions: SecretRegion[];
}

const request = JSON.parse(await text(process.stdin)) as ScanRequest;
const probes = request.probes.map(({ name, hex }) => ({ name, bytes: Buffer.from(hex, 'hex') }));
process.stdout.write(`${JSON.stringify(await scanProcess(request.pid, probes, request.regions))}\n`);
