/** The main job, command by command, each a process of its own: as an operator, a publisher and a device would type it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeUnless, noSwtpm } from '../support/requirements.js';
import { Swtpm } from '../support/swtpm.js';
import { type Json, ROOT, SEALEDGE } from './processes.js';

const run = promisify(execFile);
const FLEET = 'plant-1';
const PCRS = '0,7,16';

describeUnless(noSwtpm)('sealedge', () => {
  let directory: string;
  let swtpm: Swtpm;
  let verifier: ChildProcess;
  let access: string[];
  let device: string[];
  const at = (name: string) => join(directory, name);

  /** Runs one command to its end. */
  async function sealedge(...args: string[]): Promise<{ code: number; output: Json; stderr: string }> {
    try {
      const { stdout, stderr } = await run(process.execPath, [...SEALEDGE, ...args, '--json'], { cwd: ROOT });
      return { code: 0, output: JSON.parse(stdout), stderr };
    } catch (cause) {
      const { code, stdout, stderr } = cause as { code: number; stdout: string; stderr: string };
      return { code, output: JSON.parse(stdout || 'null'), stderr };
    }
  }
  async function succeed(...args: string[]): Promise<Json> {
    const { code, output, stderr } = await sealedge(...args);
    expect({ code, stderr, error: output?.error }, args.join(' ')).toEqual({ code: 0, stderr, error: undefined });
    return output;
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sealedge-cli-'));
    swtpm = await Swtpm.start();
    device = ['--dir', at('device'), '--tcti', swtpm.tcti];
    const args = ['verifier', 'start', '--data', at('verifier'), '--port', '0', '--log-level', 'warn', '--json'];
    verifier = spawn(process.execPath, [...SEALEDGE, ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface({ input: verifier.stdout as NodeJS.ReadableStream }), 'line')) as [
      string,
    ];
    const { url, operatorTokenFile } = JSON.parse(line);
    access = ['--url', url, '--token-file', operatorTokenFile];
  });
  afterAll(async () => {
    if (verifier !== undefined && verifier.exitCode === null) {
      const exited = once(verifier, 'exit');
      verifier.kill('SIGTERM');
      expect((await exited)[0]).toBe(0);
    }
    await swtpm?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it('seals a model', async () => {
    await succeed('keygen', '-o', at('publisher.pem'));
    const seal = [
      'seal',
      join(ROOT, 'examples/motor/motor.onnx'),
      '-o',
      at('motor.sealed'),
      '--key-out',
      at('motor.key'),
    ];
    await succeed(...seal, '--sign', at('publisher.pem'), '--name', 'motor', '--version', '1');
  });

  it('sets up the fleet', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await writeFile(at('state.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await writeFile(at('state.pub.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
    const { root, issuer } = swtpm.caCertificates;
    await writeFile(at('ca.pem'), `text around\n${root}\n${issuer}`);
    const state = await succeed('device', 'state', '--pcrs', PCRS, '--id', 'shipped', '--tcti', swtpm.tcti);
    await writeFile(at('reference.json'), JSON.stringify(state));
    const policy = ['--ek-root', at('ca.pem'), '--state-key', at('state.pub.pem'), '--pcrs', PCRS];
    const set = ['verifier', 'policy', 'set', '--fleet', FLEET, ...access];
    expect(await succeed(...set, ...policy, '--reference-values', at('reference.json'))).toMatchObject({ revision: 1 });
    const states = ['--reference-values', at('reference.json'), '--epoch', '1', '-o', at('approvals.json')];
    await succeed('approve-state', '--fleet', FLEET, '--key', at('state.pem'), ...states);
    const imported = await succeed(
      'verifier',
      'approvals',
      'import',
      at('approvals.json'),
      '--fleet',
      FLEET,
      ...access,
    );
    expect(imported).toMatchObject({ epoch: 1, approvals: [{ fleet: FLEET }] });
  });

  it('imports the key and lets the fleet have it', async () => {
    const mistaken = await sealedge('verifier', 'keys', 'import', at('motor.sealed'), ...access);
    expect(mistaken).toMatchObject({ code: 7, output: { error: { code: 'ERR_KEY_PAYLOAD_INVALID' } } });
    expect(await succeed('verifier', 'keys', 'import', at('motor.key'), ...access)).toMatchObject({ model: 'motor' });
    await succeed('verifier', 'release', 'motor', '--fleet', FLEET, ...access);
  });

  it('enrols, attests, fetches the key', async () => {
    const init = ['device', 'init', '--verifier', access[1] as string, '--fleet', FLEET, ...device];
    const { deviceId } = await succeed(...init);
    expect(await succeed(...init)).toMatchObject({ deviceId });
    expect(await succeed('device', 'attest', ...device)).toMatchObject({ status: 'affirming', failedClaims: [] });
    expect(await succeed('device', 'fetch-key', 'motor', ...device)).toMatchObject({ model: 'motor', version: '1' });
    const { devices } = await succeed('verifier', 'devices', ...access);
    expect(devices).toMatchObject([{ deviceId, fleet: FLEET, lastStatus: 'affirming' }]);
  });

  it('runs the model with a cleared environment and prints the result', async () => {
    const input = join(ROOT, 'examples/motor/windows/healthy.csv');
    const result = await succeed('device', 'run', at('motor.sealed'), '--input', input, '--repeat', '3', ...device);
    expect(result).toMatchObject({ model: { name: 'motor', version: 1 }, counter: { readLocked: false } });
    const { data } = result.outputs.probabilities as { data: number[] };
    expect(data.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 4);
    expect(['secretmem', 'locked']).toContain(result.memory.level);
  });

  it('says in Evidence where the weights of a model are', async () => {
    const attested = await succeed('device', 'attest', '--residency-of', at('motor.sealed'), ...device);
    expect(attested).toMatchObject({ status: 'affirming', failedClaims: [] });
    const claims = JSON.parse(Buffer.from(attested.result.split('.')[1] ?? '', 'base64url').toString('utf8'));
    const { 'sealedge.residency': said } = claims.submods.device;
    const renew = ['device', 'fetch-key', '--renew', said.keyId];
    expect(await succeed(...renew, '--residency-of', at('motor.sealed'), ...device)).toMatchObject({ model: 'motor' });
    expect(said).toMatchObject({ hitCount: 0, controlFound: true, secretBytes: said.weightBytes });
    expect(said.weightBytes).toBeGreaterThan(100_000);
    const input = join(ROOT, 'examples/motor/windows/inner_race.csv');
    const ran = await succeed('device', 'run', at('motor.sealed'), '--input', input, '--residency', ...device);
    expect(ran.residency).toMatchObject({ level: said.level, scan: { hitCount: 0, controlFound: true } });
  });

  it('names the model that a key is for, before the TPM is asked to unseal', async () => {
    const files = ['-o', at('pump.sealed'), '--key-out', at('pump.key'), '--sign', at('publisher.pem')];
    const model = join(ROOT, 'examples/motor/motor.onnx');
    await succeed('seal', model, ...files, '--name', 'pump', '--version', '1');
    // Imported under another name than the file's: the operator's mistake, or a publisher's.
    await writeFile(at('other.key'), (await readFile(at('pump.key'), 'utf8')).replace('"pump"', '"valve"'));
    await succeed('verifier', 'keys', 'import', at('other.key'), ...access);
    await succeed('verifier', 'release', 'valve', '--fleet', FLEET, ...access);
    await succeed('device', 'fetch-key', 'valve', ...device);
    const input = join(ROOT, 'examples/motor/windows/healthy.csv');
    expect(await sealedge('device', 'run', at('pump.sealed'), '--input', input, ...device)).toMatchObject({
      code: 7,
      output: {
        error: { code: 'ERR_MODEL_NAME_MISMATCH', message: 'sealed file: expected model valve, got pump' },
      },
    });
    // A newer key moved the limits: the lease of the older one is renewed.
    await succeed('device', 'fetch-key', 'motor', ...device);
  });

  it('serves lines of JSON from a process that no debugger opens', async () => {
    const args = [...SEALEDGE, 'device', 'run', at('motor.sealed'), '--serve', ...device, '--json'];
    const env = { ...process.env, NODE_OPTIONS: '--no-warnings', FOREIGN: 'x' };
    const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async () => JSON.parse((await lines.next()).value) as Json;
    const loaded = await next();
    expect(loaded).toMatchObject({ event: 'loaded', model: { name: 'motor' } });
    const environment = await readFile(`/proc/${loaded.pid}/environ`, 'latin1');
    expect(environment).not.toMatch(/FOREIGN|NODE_OPTIONS|PATH/);
    process.kill(loaded.pid, 'SIGUSR1');
    const data = new Array(2048).fill(0);
    child.stdin.write(`${JSON.stringify({ inputs: { vibration: { dims: [1, 1, 2048], data } }, repeat: 2 })}\n`);
    expect((await next()).outputs.probabilities.dims).toEqual([1, 5]);
    child.stdin.write('{"inputs": {}}\nnonsense\n{"report": true}\n');
    expect(await next()).toMatchObject({ error: { code: 'ERR_OPTION_INVALID' } });
    expect(await next()).toMatchObject({ error: { code: 'ERR_OPTION_INVALID' } });
    expect((await next()).secretRegions.length).toBeGreaterThan(1);
    // Node announces an inspector on stderr and listens; nothing of the kind happened.
    const sockets = await readFile(`/proc/${loaded.pid}/net/tcp`, 'latin1');
    expect(sockets).not.toMatch(/:240D [0-9A-F:]+ 0A/);
    child.stdin.end();
    expect((await once(child, 'exit'))[0]).toBe(0);
  });

  it('refuses with a class of its own for each reason', async () => {
    const input = ['--input', join(ROOT, 'examples/motor/windows/healthy.csv')];
    const stranger = ['--dir', at('stranger'), '--tcti', swtpm.tcti];
    expect(await sealedge('device', 'run', at('motor.sealed'), ...input, ...stranger)).toMatchObject({ code: 2 });
    expect(
      await sealedge('device', 'attest', '--dir', at('device'), '--tcti', 'swtpm:path=/nonexistent'),
    ).toMatchObject({ code: 6, output: { error: { code: 'ERR_TPM_UNAVAILABLE' } } });
    await writeFile(at('damaged.csv'), '0.1\n0.2\nthree\n');
    // Said before the TPM is asked for anything.
    const damaged = await sealedge('device', 'run', at('motor.sealed'), '--input', at('damaged.csv'), ...device);
    expect(damaged).toMatchObject({ code: 2, output: { error: { message: expect.stringContaining('got three') } } });
    await copyFile(at('motor.key'), at('altered.sealed'));
    expect(await sealedge('device', 'run', at('altered.sealed'), ...input, ...device)).toMatchObject({ code: 5 });
    const wrongToken = ['--url', access[1] as string, '--token-file', at('token')];
    await writeFile(at('token'), 'x'.repeat(43), { mode: 0o600 });
    expect(await sealedge('verifier', 'devices', ...wrongToken)).toMatchObject({ code: 10 });
    const outside = ['--url', 'http://192.0.2.1:8711', '--token-file', at('token')];
    expect(await sealedge('verifier', 'keys', 'import', at('motor.key'), ...outside)).toMatchObject({ code: 2 });
    await swtpm.tool('tpm2_pcrextend', `16:sha256=${'ab'.repeat(32)}`);
    const refused = await sealedge('device', 'run', at('motor.sealed'), ...input, ...device);
    expect(refused).toMatchObject({ code: 7, output: { error: { code: 'ERR_UNSEAL_POLICY' } } });
    expect(await sealedge('device', 'attest', ...device)).toMatchObject({
      code: 4,
      output: { status: 'contraindicated', failedClaims: ['pcr:sha256:16'] },
    });
    expect(await sealedge('device', 'fetch-key', 'motor', ...device)).toMatchObject({ code: 4 });
  });

  it('tells the operator what is wrong', async () => {
    const failing = async (...args: string[]) => {
      const { code, output } = await sealedge(...args);
      return [code, output.error.message, output.error.hint];
    };
    const policy = ['verifier', 'policy', 'set', '--fleet', FLEET, ...access];
    expect(await failing(...policy, '--pcrs', '0,1,7')).toEqual([
      2,
      'reference state shipped: expected values for PCR 0, 1, 7 of sha256, got none for 1',
      expect.stringContaining('sealedge device state'),
    ]);
    const states = ['--reference-values', at('reference.json'), '--epoch', '1', '-o', at('approvals.json')];
    const approve = ['approve-state', '--fleet', FLEET, '--key', at('state.pem'), ...states];
    expect(await failing(...approve)).toEqual([2, `${at('approvals.json')} exists already`, 'replace it with --force']);
    expect((await sealedge(...approve, '--force')).code).toBe(0);
    const approvals = ['verifier', 'approvals', 'import', at('approvals.json'), ...access, '--fleet'];
    expect((await failing(...approvals, 'nowhere')).slice(0, 2)).toEqual([
      10,
      expect.stringContaining('fleet nowhere has no policy'),
    ]);
    const notSigned = ['verifier', 'approvals', 'import', at('reference.json'), ...access, '--fleet', FLEET];
    expect(await failing(...notSigned)).toEqual([
      2,
      `${at('reference.json')}: expected signed approvals`,
      expect.stringContaining('sealedge approve-state'),
    ]);
    expect(await failing('verifier', 'policy', 'set', '--fleet', 'new', '--pcrs', PCRS, ...access)).toEqual([
      2,
      'fleet new has no policy yet, and its first needs --ek-root, --state-key, --reference-values too',
      undefined,
    ]);
    expect(await failing('verifier', 'devices', ...access, '--url', 'http://127.0.0.1:2')).toEqual([
      10,
      'verifier at http://127.0.0.1:2 does not answer: connect ECONNREFUSED 127.0.0.1:2',
      expect.stringContaining('sealedge verifier start'),
    ]);
    expect((await failing(...approvals, 'NOT A FLEET')).slice(0, 2)).toEqual([2, expect.stringContaining('fleet: ')]);
    expect((await failing('verifier', 'revoke', 'abc', '--reason', 'x', ...access)).slice(0, 2)).toEqual([
      2,
      expect.stringContaining('deviceId: expected pattern'),
    ]);
    expect((await failing('verifier', 'release', 'motor', '--fleet', 'plant-9', ...access)).slice(0, 2)).toEqual([
      10,
      'verifier refused: fleet plant-9 has no policy',
    ]);
  });

  it('revokes', async () => {
    const { devices } = await succeed('verifier', 'devices', ...access);
    await succeed('verifier', 'revoke', devices[0].deviceId, '--reason', 'stolen', ...access);
    const refused = await sealedge('device', 'attest', ...device);
    expect(refused).toMatchObject({ code: 4, output: { error: { code: 'ERR_DEVICE_REVOKED' } } });
  });

  it('prints the OpenAPI document without a verifier', async () => {
    const { stdout } = await run(process.execPath, [...SEALEDGE, 'verifier', 'openapi'], { cwd: ROOT });
    expect(JSON.parse(stdout)).toMatchObject({ openapi: '3.1.0' });
  });
});
