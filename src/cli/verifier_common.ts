/** What the operator's commands share: how to reach the verifier. */
import type { Command } from 'commander';
import type { OperatorOptions } from './operator_client.js';

const DEFAULT_VERIFIER_URL = 'http://127.0.0.1:8711';

export interface CommonOptions extends OperatorOptions {
  json?: boolean;
}

export function operatorCommand(command: Command): Command {
  return command
    .option('--url <url>', 'of the verifier', process.env.SEALEDGE_VERIFIER_URL ?? DEFAULT_VERIFIER_URL)
    .option('--token-file <file>', 'operator token', process.env.SEALEDGE_OPERATOR_TOKEN_FILE)
    .option('--json', 'print the result as JSON');
}
