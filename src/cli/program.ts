/** The commands of `sealedge`, and what becomes of what they throw: a message and an exit code. */
import { createRequire } from 'node:module';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { UsageError } from '../errors.js';
import { registerApproveState } from './approve_state.js';
import { registerDevice } from './device.js';
import { registerDoctor } from './doctor.js';
import { EXIT_CODES } from './exit_codes.js';
import { registerInspect } from './inspect.js';
import { registerKeygen } from './keygen.js';
import { reportError } from './report_error.js';
import { registerSeal } from './seal.js';
import { registerUnseal } from './unseal.js';
import { registerVerifier } from './verifier.js';

const { version } = createRequire(import.meta.url)('sealedge/package.json') as { version: string };

/** Runs one command line and returns its exit code; 0 also when the command has set `process.exitCode` itself. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  const asJson = args.includes('--json');
  const program = createProgram();
  prepare(program, asJson);
  try {
    await program.parseAsync(args, { from: 'user' });
    return EXIT_CODES.success;
  } catch (error) {
    return fail(error, asJson);
  }
}

/** The whole tree of commands; nothing runs yet. */
export function createProgram(): Command {
  const program = new Command('sealedge')
    .description('seal models, attest devices, release keys, run in secret memory')
    .version(version)
    .option('--json', 'print one JSON object instead of text; also after any command')
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .addHelpText('after', `\nExit codes:\n${exitCodeTable()}`);
  registerKeygen(program);
  registerSeal(program);
  registerInspect(program);
  registerUnseal(program);
  registerApproveState(program);
  registerVerifier(program);
  registerDevice(program);
  registerDoctor(program);
  return program;
}

/** Which command did not understand its arguments. */
const helpFor = new WeakMap<CommanderError, Command>();

function helpHint(error: CommanderError): string {
  const names: string[] = [];
  for (let at: Command | null | undefined = helpFor.get(error); at; at = at.parent) names.unshift(at.name());
  return `see \`${[...(names.length === 0 ? ['sealedge'] : names), '--help'].join(' ')}\``;
}

/** Every command takes --json, throws instead of exiting, and leaves printing its errors to {@link fail}. */
function prepare(command: Command, asJson: boolean): void {
  command
    .exitOverride((error) => {
      helpFor.set(error, command);
      throw error;
    })
    .configureOutput({ outputError: () => undefined });
  command.hook('preAction', (_, action) => {
    if (asJson) action.setOptionValue('json', true);
  });
  for (const child of command.commands) prepare(child, asJson);
  const leaf = command.commands.length === 0;
  if (leaf && !command.options.some((option) => option.long === '--json')) {
    command.option('--json', 'print one JSON object instead of text');
  }
}

function fail(error: unknown, asJson: boolean): number {
  if (!(error instanceof CommanderError)) return reportError(error, asJson);
  // Help and version were asked for and printed; a group without its command prints help too, but that is an error.
  if (error.exitCode === 0) return EXIT_CODES.success;
  if (error.code === 'commander.help') return EXIT_CODES.usage;
  const message = error.message.replace(/^error: /, '');
  const hint = error instanceof InvalidArgumentError ? undefined : helpHint(error);
  return reportError(new UsageError('ERR_OPTION_INVALID', message, { cause: error, fields: { hint } }), asJson);
}

function exitCodeTable(): string {
  return Object.entries(EXIT_CODES)
    .map(([name, code]) => `  ${String(code).padStart(2)}  ${name}`)
    .join('\n');
}
