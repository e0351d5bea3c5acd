/** `sealedge doctor`: what this machine has of what sealedge needs; with --residency, where the weights of a model are while it runs. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, release } from 'node:os';
import { type Command, Option } from 'commander';
import { UsageError } from '../errors.js';
import { runtimeInfo, secretMemoryReport } from '../index.js';
import type { RuntimeInfo, SecretMemoryReport } from '../types.js';
import { EXIT_CODES } from './exit_codes.js';
import { humanBytes, humanTable } from './human.js';
import { createOutput, type Output } from './output.js';
import { examineResidency, isResident, type ResidencyExamination } from './residency_examination.js';
import { holdModel } from './residency_holder.js';

const TPM_DEVICE = '/dev/tpmrm0';

interface DoctorFlags {
  residency?: string;
  key?: string;
  input?: string[];
  holder?: boolean;
  json?: boolean;
}

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('say what this machine has of what sealedge needs')
    .option('--residency <model>', 'load and run this model in a process of its own, and look for its weights there')
    .option('--key <file>', 'content key, if the model is sealed; a plain one is sealed for this')
    .option('--input <file...>', '[name=]file.csv, .npy or .bin; random numbers when not given')
    .addOption(new Option('--holder').hideHelp())
    .action(doctor);
}

async function doctor(flags: DoctorFlags): Promise<void> {
  const output = createOutput(flags.json === true);
  if (flags.holder === true) return holdModel(flags.residency ?? '', flags.input ?? []);
  if (flags.residency !== undefined) return residency(flags.residency, flags, output);
  for (const option of ['key', 'input'] as const) {
    if (flags[option] !== undefined)
      throw new UsageError('ERR_OPTION_INVALID', `--${option}: expected with --residency, got without`);
  }
  const machine = await examineMachine();
  output.result(machineTable(machine), machine);
}

interface Machine {
  readonly sealedge: string;
  readonly node: string;
  readonly kernel: string;
  readonly runtime: RuntimeInfo;
  readonly secretMemory: Omit<SecretMemoryReport, 'regions'>;
  /** Whether the device file of the kernel's resource manager may be used. */
  readonly tpm: { readonly device: string; readonly usable: boolean; readonly reason: string };
}

async function examineMachine(): Promise<Machine> {
  const { version } = createRequire(import.meta.url)('sealedge/package.json') as { version: string };
  const { regions: _, ...secretMemory } = secretMemoryReport();
  const reason = await access(TPM_DEVICE, constants.R_OK | constants.W_OK).then(
    () => '',
    ({ code }: NodeJS.ErrnoException) =>
      code === 'ENOENT' ? 'there is none; name another TPM with --tcti' : `not for this user (${code}): group tss?`,
  );
  return {
    sealedge: version,
    node: process.version,
    kernel: `Linux ${release()} ${arch()}`,
    runtime: runtimeInfo(),
    secretMemory,
    tpm: { device: TPM_DEVICE, usable: reason === '', reason },
  };
}

function machineTable({ sealedge, node, kernel, runtime, secretMemory, tpm }: Machine): string {
  const { level, reason, limitBytes } = secretMemory;
  return humanTable([
    ['sealedge', `${sealedge}, Node ${node}, ${kernel}`],
    [
      'kernels',
      `${runtime.isa}, ${runtime.threads} threads (the CPU has ${runtime.features.join(', ') || 'no extensions'})`,
    ],
    ['secret memory', reason === '' ? level : `${level}: ${reason}`],
    ['locked memory', limitBytes === null ? 'no limit for this process' : `at most ${humanBytes(limitBytes)}`],
    ['libcrypto', runtime.libcrypto],
    ['TPM', tpm.usable ? `${tpm.device} can be used` : `${tpm.device}: ${tpm.reason}`],
    ['test hooks', runtime.testHooks ? 'YES: this build gives up secrets, never ship it' : undefined],
  ]);
}

async function residency(model: string, flags: DoctorFlags, output: Output): Promise<void> {
  const examination = await examineResidency(model, flags.key, flags.input ?? [], output.progress);
  output.result(examinationText(examination), examination);
  if (!isResident(examination)) process.exitCode = EXIT_CODES.memory;
}

function examinationText(examination: ResidencyExamination): string {
  const { level, reason, weightBytes, secretBytes, forms, arenaBytes, arenaIsSecret, scans } = examination;
  const rows: [string, string | undefined][] = [
    ['memory', reason === '' ? level : `${level}: ${reason}`],
    ['weights', `${humanBytes(weightBytes)}, of them ${humanBytes(secretBytes)} in secret memory`],
    ...forms.map(({ form, tensors, bytes }): [string, string] => [
      `  ${form}`,
      `${tensors} tensors, ${humanBytes(bytes)}`,
    ]),
    ['activations', `${humanBytes(arenaBytes)} in ${arenaIsSecret ? 'secret' : 'ordinary'} memory, out of core dumps`],
    ...scans.map(({ when, scan }): [string, string] => [
      `scan, ${when}`,
      `${scan.probes} probes in ${humanBytes(scan.bytesRead)}: ${scan.hitCount === 0 ? 'none found' : `${scan.hitCount} FOUND`}` +
        (scan.controlFound ? '' : ' (the control was not found either: this proves nothing)'),
    ]),
    ['run', examination.notRun === undefined ? undefined : `not run: ${examination.notRun}`],
  ];
  const hits = scans.flatMap(({ when, scan }) =>
    scan.hits
      .slice(0, 10)
      .map(({ probe, mapping, address }) => `  ${when}: ${probe} at 0x${address.toString(16)} in ${mapping}`),
  );
  return [humanTable(rows), ...hits].join('\n');
}
