/**
 * `npm start`: a model's way from the publisher's disk to an answer on an attested device, then the attacker's tries. Every party is
 * a process of its own: software TPMs, the verifier service, the device, onnxruntime for comparison, the residency scanner.
 *
 *     npm start -- [--json] [--keep DIR]
 */
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import * as attacks from './attacks.js';
import { Device } from './device.js';
import { compareWithOnnxruntime, inspectResidency } from './measure.js';
import { answerOf, readWindow } from './motor.js';
import { Operator } from './operator.js';
import { Publisher } from './publisher.js';
import { RecordingProxy } from './recording_proxy.js';
import { type Report, renderReport } from './report.js';
import { Workshop } from './workshop.js';

const { values: options } = parseArgs({
  options: { json: { type: 'boolean', default: false }, keep: { type: 'string' } },
});
const began = performance.now();
const say = (line: string): void => {
  process.stderr.write(`${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s  ${line}\n`);
};

const workshop = new Workshop(options.keep);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void workshop.close().finally(() => process.exit(128 + (signal === 'SIGINT' ? 2 : 15))));
}
try {
  const report = await play();
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `${renderReport(report)}\n`);
} finally {
  await workshop.close();
}

async function play(): Promise<Report> {
  say('making two devices with TPMs, a publisher with a key, an operator with a verifier');
  const publisher = new Publisher(workshop);
  const operator = new Operator(workshop);
  const first = await Device.manufacture(workshop, 'device');
  const [, second] = await Promise.all([
    operator.startVerifier(),
    Device.manufacture(workshop, 'second-device', first),
    publisher.makeKey(),
  ]);
  const proxy = workshop.adopt(await RecordingProxy.start(operator.url));

  say('publisher: sealing the motor model, version 1');
  const version1 = await publisher.seal(1);
  say('operator: trusting the TPM maker, approving the state the device was shipped in, offering the key');
  await operator.approveStateOf(first.tpm, await first.referenceValues());
  await operator.offer(version1.model, 1, version1.keyFile);

  say('device: enrolling');
  const { deviceId } = await first.enrol(proxy.url);
  say(`device ${deviceId}: attesting, fetching the key`);
  await first.attest();
  const fetched = await first.fetchKey(version1.model, 1);
  if (fetched.code !== 0) throw new Error(`no key: ${JSON.stringify(fetched.output)}`);

  say('device: unsealing, loading, running');
  const device = first.run(version1.file);
  const loaded = await device.hear();
  const input = readWindow('outer_race');
  const measured = await compareWithOnnxruntime(workshop, device, input);
  const answer = answerOf(measured.outputs.sealedge);
  say(`the answer: ${answer.label} (${(100 * answer.probability).toFixed(1)} %)`);
  say('scanner: looking through the memory of the device process and of the onnxruntime process');
  const residency = await inspectResidency({ device, pid: loaded.pid }, measured.onnxruntime, version1);
  await device.stop();

  say('attacker: starting');
  const refusals = [
    await attacks.flippedBit(first, version1.file, workshop),
    await withoutKey(second, proxy.url, version1.file),
    ...(await attacks.unexpectedMeasurement(first, version1.file, version1.model)),
    await attacks.replayedEvidence(proxy, operator.url),
  ];
  say('publisher and operator: version 2; the device runs it once');
  const version2 = await publisher.seal(2);
  await operator.offer(version2.model, 2, version2.keyFile);
  await runOnce(first, version2);
  refusals.push(
    await attacks.olderVersion(first, version1.keyId, workshop),
    await attacks.otherDevice(first, second, version2.keyId, workshop),
  );
  const stillWorks = [await attacks.unlockedCounter(first, version2.keyId, workshop)];
  say('operator: unseal once per boot, from now on');
  await operator.unsealOncePerBoot();
  await runOnce(first, version2);
  refusals.push(await attacks.lockedCounter(first, version2.keyId, workshop));

  return {
    device: deviceId,
    answer: { expected: 'outer_race', ...answer },
    agreement: { maxAbsoluteDifference: measured.maxAbsoluteDifference },
    latencyUs: measured.latencyUs,
    loadMs: { sealedge: loaded.loadMs, onnxruntime: measured.onnxruntimeLoadMs },
    memoryLevel: loaded.memory.level,
    residency,
    refusals,
    stillWorks,
    durationMs: performance.now() - began,
  };
}

async function withoutKey(stranger: Device, verifierUrl: string, file: string) {
  await stranger.enrol(verifierUrl);
  return attacks.fileWithoutKey(stranger, file);
}

/** Fetches the key under the present terms, loads, which settles the counter, and ends. */
async function runOnce(
  device: Device,
  { model, version, file }: { model: string; version: number; file: string },
): Promise<void> {
  const fetched = await device.fetchKey(model, version);
  if (fetched.code !== 0) throw new Error(`no key: ${JSON.stringify(fetched.output)}`);
  const process = device.run(file);
  await process.hear();
  await process.stop();
}
