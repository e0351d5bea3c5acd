/**
 * The attacker of design decision 12: root on the device, with nothing but the stock tpm2-tools and the files that the device keeps.
 * Walks the key policy of docs/PROTOCOL.md step by step and asks the TPM for the key.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface StolenFiles {
  /** The device's own directory: device.json and keys/<keyId>.json. */
  deviceDirectory: string;
  keyId: string;
}

export type ToolsOutcome = { key: Buffer } | { refusedAt: string; rcName: string; message: string };

interface SignedApproval {
  approvedPolicy: string;
  policyRef: string;
  signature: string;
}

/** Returns the sealed payload, or the tool at which the TPM said no. */
export async function unsealWithStockTools(
  tcti: string,
  stolen: StolenFiles,
  workspace: string,
): Promise<ToolsOutcome> {
  mkdirSync(workspace, { mode: 0o700 });
  const at = (name: string): string => join(workspace, name);
  const write = (name: string, bytes: Buffer): string => {
    writeFileSync(at(name), bytes);
    return at(name);
  };
  const tool = (name: string, ...args: string[]) =>
    run(name, args, { cwd: workspace, env: { ...process.env, TPM2TOOLS_TCTI: tcti } });
  const flush = () => tool('tpm2_flushcontext', '-t');

  const device = JSON.parse(readFileSync(join(stolen.deviceDirectory, 'device.json'), 'utf8'));
  const keyFile = JSON.parse(readFileSync(join(stolen.deviceDirectory, 'keys', `${stolen.keyId}.json`), 'utf8'));
  const grant = JSON.parse(Buffer.from(keyFile.release.split('.')[1], 'base64url').toString('utf8'));
  const [state] = grant.stateApprovals;
  const lease = grant.leaseApproval;

  const authorize = async (
    who: string,
    publicArea: Buffer,
    { approvedPolicy, policyRef, signature }: SignedApproval,
  ) => {
    const policy = Buffer.from(approvedPolicy, 'base64url');
    const ref = Buffer.from(policyRef, 'base64url');
    const aHash = createHash('sha256').update(policy).update(ref).digest();
    const keyArgs = [
      '-C',
      'o',
      '-u',
      write(`${who}.pub`, tpm2b(publicArea)),
      '-c',
      at(`${who}.ctx`),
      '-n',
      at(`${who}.name`),
    ];
    await tool('tpm2_loadexternal', ...keyArgs);
    const signed = ['-d', write(`${who}.ahash`, aHash), '-s', write(`${who}.sig`, Buffer.from(signature, 'base64url'))];
    await tool('tpm2_verifysignature', '-c', at(`${who}.ctx`), ...signed, '-t', at(`${who}.ticket`));
    await flush();
    const approval = ['-i', write(`${who}.policy`, policy), '-q', write(`${who}.ref`, ref)];
    await tool(
      'tpm2_policyauthorize',
      '-S',
      at('session'),
      ...approval,
      '-n',
      at(`${who}.name`),
      '-t',
      at(`${who}.ticket`),
    );
  };

  let session = false;
  let step = 'tpm2_createprimary';
  try {
    const attributes = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt';
    const kind = device.storageKey.type === 'rsa-2048' ? 'rsa2048' : 'ecc256';
    const template = [
      '-G',
      `${kind}:aes128cfb`,
      '-g',
      'sha256',
      '-a',
      attributes,
      '-u',
      write('unique', srkUnique(kind)),
    ];
    await tool('tpm2_createprimary', '-C', 'o', ...template, '-c', at('srk.ctx'));
    await flush();
    step = 'tpm2_load';
    const object = ['-u', write('key.pub', tpm2b(Buffer.from(grant.wrapped.public, 'base64url')))];
    object.push('-r', write('key.priv', tpm2b(Buffer.from(keyFile.imported, 'base64url'))));
    await tool('tpm2_load', '-C', at('srk.ctx'), ...object, '-c', at('key.ctx'));
    await flush();

    await tool('tpm2_startauthsession', '--policy-session', '-S', at('session'));
    session = true;
    step = 'tpm2_policypcr';
    const { bank, pcrs } = state.pcrSelection;
    await tool('tpm2_policypcr', '-S', at('session'), '-l', `${bank}:${pcrs.join(',')}`);
    step = 'tpm2_policyauthorize (state)';
    await authorize('state', Buffer.from(device.stateKey, 'hex'), state);
    step = 'tpm2_policynv';
    const limit = Buffer.alloc(8);
    limit.writeBigUInt64BE(BigInt(lease.counterLimit));
    const index = `0x${device.counter.nvIndex.toString(16)}`;
    await tool('tpm2_policynv', '-S', at('session'), '-i', write('limit', limit), index, 'ule');
    if (lease.clockLimit !== undefined) {
      step = 'tpm2_policycountertimer (clock)';
      await tool('tpm2_policycountertimer', '-S', at('session'), '--ule', `clock=${lease.clockLimit}`);
    }
    if (lease.resetLimit !== undefined) {
      step = 'tpm2_policycountertimer (resets)';
      await tool('tpm2_policycountertimer', '-S', at('session'), '--ule', `resets=${lease.resetLimit}`);
    }
    step = 'tpm2_policyauthorize (lease)';
    await authorize('lease', Buffer.from(device.leaseKey, 'hex'), lease);
    step = 'tpm2_policycommandcode';
    await tool('tpm2_policycommandcode', '-S', at('session'), 'TPM2_CC_Unseal');
    step = 'tpm2_unseal';
    await tool('tpm2_unseal', '-c', at('key.ctx'), '-p', `session:${at('session')}`, '-o', at('key.bin'));
    return { key: readFileSync(at('key.bin')) };
  } catch (error) {
    return { refusedAt: step, ...tpmRefusal(error) };
  } finally {
    if (session) await tool('tpm2_flushcontext', at('session')).catch(() => {});
    await flush().catch(() => {});
    rmSync(workspace, { recursive: true, force: true });
  }
}

/** The unique field of the TCG SRK template, zeros of the key's size, as tpm2_createprimary reads it: C structures of this machine. */
function srkUnique(kind: 'rsa2048' | 'ecc256'): Buffer {
  const field = (size: number, room: number): Buffer => {
    const bytes = Buffer.alloc(2 + room);
    bytes.writeUInt16LE(size);
    return bytes;
  };
  return kind === 'rsa2048' ? field(256, 256) : Buffer.concat([field(32, 128), field(32, 128)]);
}

/** A TPM2B: the size, then the structure. */
function tpm2b(structure: Buffer): Buffer {
  const size = Buffer.alloc(2);
  size.writeUInt16BE(structure.length);
  return Buffer.concat([size, structure]);
}

/** Part 2, 6.6.3: the codes that the attacks end in, by the number that tpm2-tools prints behind the failed call. */
const RC_NAMES: Readonly<Record<string, string>> = {
  '126': 'TPM_RC_POLICY',
  '148': 'TPM_RC_NV_LOCKED',
  '9f': 'TPM_RC_INTEGRITY',
};

function tpmRefusal(error: unknown): { rcName: string; message: string } {
  const { stderr = '', message = '' } = error as { stderr?: string; message?: string };
  const [, code = '', text] = /\(0x([0-9a-f]+)\) - tpm:\S*(?:\([^)]*\))?:\s*(.+)/i.exec(stderr) ?? [];
  // Format-one codes carry the number of the parameter or handle at fault in bits 8 to 11 and 6.
  const format1 = Number.parseInt(code, 16) & 0x80;
  const base = format1 ? (Number.parseInt(code, 16) & 0xbf).toString(16) : code.toLowerCase();
  return { rcName: RC_NAMES[base] ?? `TPM_RC 0x${code}`, message: (text ?? stderr.split('\n')[0] ?? message).trim() };
}
