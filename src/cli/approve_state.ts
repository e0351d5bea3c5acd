/**
 * `sealedge approve-state`: the operator's signature under a boot state, made where the private K_state is; the verifier only ever
 * gets the signed approval (design decision 10).
 */
import type { Command } from 'commander';
import { approveState, readApprovalPrivateKey } from '../../attestation/key_release/approvals.js';
import type { StateApproval } from '../../attestation/protocol/messages.js';
import { bankName } from '../../attestation/tpm/pcr_selection.js';
import { parseReferenceValues, type ReferenceState } from '../../attestation/verifier/reference_values.js';
import { writeOutputFile } from '../container/output_file.js';
import { UsageError } from '../errors.js';
import { parseFile, readTextFile } from './files.js';
import { createOutput } from './output.js';

interface Options {
  fleet: string;
  epoch: string;
  key: string;
  referenceValues: string;
  state?: string[];
  pcrs?: string;
  output: string;
  force?: boolean;
  json?: boolean;
}

export function registerApproveState(program: Command): void {
  program
    .command('approve-state')
    .description('sign boot states of a fleet, so that its devices can unseal in them')
    .requiredOption('--fleet <name>', 'fleet the approval is for')
    .requiredOption('--epoch <number>', 'approval epoch, 1 or higher; raising it ends all older approvals')
    .requiredOption('--key <pem>', 'private state key (ECDSA P-256): keep it off the verifier host')
    .requiredOption('--reference-values <json>', 'states to approve, as sealedge device state prints them')
    .option('--state <id...>', 'only these states of the file')
    .option('--pcrs <list>', 'only these PCRs, as the policy of the fleet quotes them')
    .requiredOption('-o, --output <json>', 'where to write the signed approvals')
    .option('--force', 'replace an existing file')
    .option('--json', 'print the result as JSON')
    .action(run);
}

async function run(options: Options): Promise<void> {
  const output = createOutput(options.json === true);
  const key = await parseFile(options.key, readApprovalPrivateKey);
  const epoch = parseEpoch(options.epoch);
  const states = chooseStates(
    parseReferenceValues(parseJson(await readTextFile(options.referenceValues), options.referenceValues)),
    options.state,
  );
  const pcrs = options.pcrs === undefined ? undefined : parsePcrs(options.pcrs);
  const approvals = states.map((state) => {
    const values = singleValues(state, pcrs);
    return approveState({ fleet: options.fleet, epoch, bank: bankOf(state), pcrs: values }, key);
  });
  const text = `${JSON.stringify(approvals, null, 2)}\n`;
  await writeOutputFile(options.output, { mode: 0o644, overwrite: options.force === true }, (file) =>
    file.writeFile(text),
  );
  output.result(
    `approved ${states.map((state) => state.id).join(', ')} for fleet ${options.fleet}, epoch ${epoch}: ${options.output}`,
    { fleet: options.fleet, epoch: epoch.toString(), states: states.map((state) => state.id), output: options.output },
  );
}

/** An approval is over one value per PCR: a state that allows several is several states. */
function singleValues(state: ReferenceState, pcrs: readonly number[] | undefined): Map<number, Uint8Array> {
  const values = new Map<number, Uint8Array>();
  for (const pcr of pcrs ?? state.pcrs.keys()) {
    const allowed = state.pcrs.get(pcr) ?? [];
    if (allowed.length !== 1)
      throw new UsageError(
        'ERR_OPTION_INVALID',
        `state ${state.id}, PCR ${pcr}: expected one value to approve, got ${allowed.length}`,
      );
    values.set(pcr, allowed[0] as Buffer);
  }
  return values;
}

function bankOf(state: ReferenceState): StateApproval['pcrSelection']['bank'] {
  return bankName(state.bank) as StateApproval['pcrSelection']['bank'];
}

function chooseStates(states: ReferenceState[], wanted: readonly string[] | undefined): ReferenceState[] {
  const missing = wanted?.find((id) => !states.some((state) => state.id === id));
  if (missing !== undefined)
    throw new UsageError('ERR_OPTION_INVALID', `reference values: expected a state ${missing}, got none`);
  const chosen = wanted === undefined ? states : states.filter((state) => wanted.includes(state.id));
  if (chosen.length === 0) throw new UsageError('ERR_OPTION_INVALID', 'reference values hold no state');
  return chosen;
}

function parseEpoch(text: string): bigint {
  if (!/^[1-9][0-9]{0,14}$/.test(text))
    throw new UsageError('ERR_OPTION_INVALID', `epoch: expected a number, 1 or higher, got ${text}`);
  return BigInt(text);
}

export function parsePcrs(text: string): number[] {
  const pcrs = [...new Set(text.split(',').map((one) => (/^\d{1,2}$/.test(one.trim()) ? Number(one) : Number.NaN)))];
  if (pcrs.some((pcr) => !(pcr >= 0 && pcr <= 23)))
    throw new UsageError('ERR_OPTION_INVALID', `PCRs: expected numbers from 0 to 23, separated by commas, got ${text}`);
  return pcrs.sort((a, b) => a - b);
}

export function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsageError('ERR_OPTION_INVALID', `${path} is not JSON`, { cause });
  }
}
