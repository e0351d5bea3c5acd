/** `sealedge verifier`: start the service, and the operator's commands to a running one. */
import type { Command } from 'commander';
import { parseKeyFile } from '../container/key_file.js';
import { UsageError } from '../errors.js';
import { parseJson } from './approve_state.js';
import { readTextFile } from './files.js';
import { count } from './human.js';
import { OperatorClient } from './operator_client.js';
import { createOutput } from './output.js';
import { type CommonOptions, operatorCommand } from './verifier_common.js';
import { registerVerifierPolicy } from './verifier_policy.js';
import { registerVerifierStart } from './verifier_start.js';

export function registerVerifier(program: Command): void {
  const verifier = program.command('verifier').description('run the verifier, or operate one');
  registerVerifierStart(verifier);
  registerVerifierPolicy(verifier);
  registerApprovals(verifier);
  registerDevices(verifier);
  registerKeys(verifier);
  registerRelease(verifier);
  registerRevoke(verifier);
}

interface Approvals {
  fleet: string;
  epoch: number;
  approvals: unknown[];
}

function registerApprovals(verifier: Command): void {
  const approvals = verifier.command('approvals').description('state approvals of a fleet');
  operatorCommand(approvals.command('import <file>'))
    .description('give the verifier what sealedge approve-state signed')
    .requiredOption('--fleet <name>', 'fleet the approvals are for')
    .action(async (file: string, options: CommonOptions & { fleet: string }) => {
      const client = await OperatorClient.open(options);
      const list = parseJson(await readTextFile(file), file);
      const given = Array.isArray(list) ? list : [list];
      if (given.some((one) => typeof one?.fleet !== 'string' || typeof one?.approvedPolicy !== 'string'))
        throw new UsageError('ERR_OPTION_INVALID', `${file}: expected signed approvals`, {
          fields: { hint: 'give the file that `sealedge approve-state -o` wrote' },
        });
      const path = `approvals/${encodeURIComponent(options.fleet)}`;
      const now = await client.send<Approvals>('POST', path, { approvals: given });
      createOutput(options.json === true).result(
        `fleet ${now.fleet}: ${count(now.approvals.length, 'approved state')}, epoch ${now.epoch}`,
        now,
      );
    });
  operatorCommand(approvals.command('show'))
    .description('print the approved states of the current epoch')
    .requiredOption('--fleet <name>', 'fleet')
    .action(async (options: CommonOptions & { fleet: string }) => {
      const client = await OperatorClient.open(options);
      const now = await client.get<Approvals>(`approvals/${encodeURIComponent(options.fleet)}`);
      createOutput(options.json === true).result(JSON.stringify(now, null, 2), now);
    });
}

interface Device {
  deviceId: string;
  fleet: string;
  lastStatus: string | null;
  lastAppraisedAt: number | null;
  revokedAt: number | null;
  revokedReason: string | null;
}

function registerDevices(verifier: Command): void {
  operatorCommand(verifier.command('devices [deviceId]'))
    .description('list enrolled devices, or show one with its appraisals and releases')
    .option('--fleet <name>', 'only of this fleet')
    .action(async (deviceId: string | undefined, options: CommonOptions & { fleet?: string }) => {
      const client = await OperatorClient.open(options);
      const output = createOutput(options.json === true);
      if (deviceId !== undefined) {
        const details = await client.get(`devices/${encodeURIComponent(deviceId)}`);
        output.result(JSON.stringify(details, null, 2), details);
        return;
      }
      const devices = await listAll(client, options.fleet);
      const lines = devices.map((one) => {
        const state =
          one.revokedAt === null ? (one.lastStatus ?? 'not yet appraised') : `revoked: ${one.revokedReason}`;
        const at = one.lastAppraisedAt === null ? '' : `  ${new Date(one.lastAppraisedAt).toISOString()}`;
        return `${one.deviceId}  ${one.fleet}  ${state}${at}`;
      });
      output.result(lines.join('\n') || 'no devices', { devices });
    });
}

async function listAll(client: OperatorClient, fleet: string | undefined): Promise<Device[]> {
  const devices: Device[] = [];
  for (let after: string | undefined; ; after = devices.at(-1)?.deviceId) {
    const page = await client.get<{ devices: Device[] }>('devices', { fleet, after });
    if (page.devices.length === 0) return devices;
    devices.push(...page.devices);
  }
}

interface Key {
  keyId: string;
  model: string;
  version: number;
  generation: number;
}

function registerKeys(verifier: Command): void {
  const keys = verifier.command('keys').description('content keys in the store of the verifier');
  operatorCommand(keys.command('import <file>'))
    .description('import a key file that sealedge seal --key-out wrote; delete the file afterwards')
    .action(async (file: string, options: CommonOptions) => {
      const client = await OperatorClient.open(options);
      const keyFile = await readTextFile(file);
      parseKeyFile(keyFile); // whatever else was named by mistake does not go out
      const key = await client.send<Key>('POST', 'keys', { keyFile });
      createOutput(options.json === true).result(
        `imported key ${key.keyId} of ${key.model} version ${key.version}, generation ${key.generation}`,
        key,
      );
    });
  operatorCommand(keys.command('list'))
    .description('list keys, without the keys')
    .action(async (options: CommonOptions) => {
      const client = await OperatorClient.open(options);
      const answer = await client.get<{ keys: Key[] }>('keys');
      const lines = answer.keys.map((key) => `${key.keyId}  ${key.model}  version ${key.version}`);
      createOutput(options.json === true).result(lines.join('\n') || 'no keys', answer);
    });
}

interface ReleaseOptions extends CommonOptions {
  version?: string;
  fleet?: string;
  device?: string;
  withdraw?: boolean;
}

function registerRelease(verifier: Command): void {
  operatorCommand(verifier.command('release <model>'))
    .description('let a fleet or a device have the key of a model, once it attests')
    .option('--version <number>', 'of the model; the newest when absent')
    .option('--fleet <name>', 'let every device of this fleet have it')
    .option('--device <id>', 'let this device have it')
    .option('--withdraw', 'take the grant back: no release or lease from now on')
    .action(async (model: string, options: ReleaseOptions) => {
      const client = await OperatorClient.open(options);
      const key = await findKey(client, model, options.version);
      const subject = options.fleet === undefined ? { deviceId: options.device } : { fleet: options.fleet };
      if ((options.fleet === undefined) === (options.device === undefined))
        throw new UsageError('ERR_OPTION_INVALID', 'name either --fleet or --device');
      const method = options.withdraw === true ? 'DELETE' : 'POST';
      const grants = await client.send<object>(method, `keys/${key.keyId}/grants`, subject);
      const to = options.fleet === undefined ? `device ${options.device}` : `fleet ${options.fleet}`;
      const what = `${key.model} version ${key.version}`;
      createOutput(options.json === true).result(
        options.withdraw === true ? `${to} no longer gets ${what}` : `${to} may have ${what}`,
        { ...grants, model: key.model, version: key.version },
      );
    });
}

async function findKey(client: OperatorClient, model: string, version: string | undefined): Promise<Key> {
  const { keys } = await client.get<{ keys: Key[] }>('keys');
  const found = keys.filter((key) => key.model === model && (version === undefined || String(key.version) === version));
  const newest = found.sort((a, b) => a.version - b.version).at(-1);
  if (newest === undefined)
    throw new UsageError(
      'ERR_OPTION_INVALID',
      `the verifier has no key of ${model}${version ? ` version ${version}` : ''}`,
      {
        fields: { hint: 'import it with sealedge verifier keys import' },
      },
    );
  return newest;
}

function registerRevoke(verifier: Command): void {
  operatorCommand(verifier.command('revoke <deviceId>'))
    .description('refuse a device from now on; what it holds ends with its lease')
    .requiredOption('--reason <text>', 'for the record')
    .action(async (deviceId: string, options: CommonOptions & { reason: string }) => {
      const client = await OperatorClient.open(options);
      await client.send('POST', `devices/${encodeURIComponent(deviceId)}/revocation`, { reason: options.reason });
      createOutput(options.json === true).result(`revoked ${deviceId}`, { deviceId, revoked: true });
    });
}
