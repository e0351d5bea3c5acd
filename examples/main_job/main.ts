/**
 * `npm start`: a model's way from the publisher's disk to an answer on an attested device, then the attacker's tries. Every party is
 * a process of its own: software TPMs, the verifier service, the device, onnxruntime for comparison, the residency scanner.
 */
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { COMMAND_LINES, readCommandLine } from '../../scripts/command_line.mjs';
import { ScannerUnavailable, scannerPrefix } from '../../tools/residency/scanner_privilege.js';
import * as attacks from './attacks.js';
import { Device } from './device.js';
import { compareLatency, inspectResidency, startOnnxruntime } from './measure.js';
import { answerOf, readWindow } from './motor.js';
import { Operator } from './operator.js';
import { Publisher, type SealedModel } from './publisher.js';
import { RecordingProxy } from './recording_proxy.js';
import { type Report, renderReport } from './report.js';
import { Workshop } from './workshop.js';

const options = readCommandLine('start', () => parseArgs(COMMAND_LINES.start.syntax).values);
const began = performance.now();
const say = (line: string): void => {
  process.stderr.write(`${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s  ${line}\n`);
};

const workshop = new Workshop(options.keep);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void workshop.close().finally(() => process.exit(128 + (signal === 'SIGINT' ? 2 : 15))));
}
try {
  // Said now, and in one sentence, rather than when all is set up and the scanner cannot attach.
  scannerPrefix();
  const report = await play();
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `${renderReport(report)}\n`);
  if (!promiseKept(report)) process.exitCode = 1;
} catch (cause) {
  if (!(cause instanceof ScannerUnavailable)) throw cause;
  process.stderr.write(`npm start: ${cause.message}\n`);
  process.exitCode = 1;
} finally {
  await workshop.close();
}

/** A refusal that does not come throws where it is tried; what is only measured is judged here. */
function promiseKept({ answer, residency }: Report): boolean {
  const { hits, unexplained, controlHits } = residency;
  return answer.label === answer.expected && hits === 0 && unexplained === 0 && controlHits > 0;
}

async function play(): Promise<Report> {
  say('making a device with a TPM, a publisher with a key, an operator with a verifier');
  const publisher = new Publisher(workshop);
  const operator = new Operator(workshop);
  const [first, version1] = await Promise.all([
    Device.manufacture(workshop, 'device'),
    publisher.makeKey().then(() => publisher.seal(1)),
    operator.startVerifier(),
  ]);
  const proxy = workshop.adopt(await RecordingProxy.start(operator.url));
  // Needed later: made while the first device goes its way.
  const stranger = workshop.meanwhile(Device.manufacture(workshop, 'second-device', first));
  const comparison = workshop.meanwhile(startOnnxruntime(workshop));

  say('operator: trusting the TPM maker, approving the state the device was shipped in, offering the key');
  // In this order: a key is offered to a fleet, and a fleet is there once it has a policy.
  await operator.approveStateOf(first.tpm, await first.referenceValues());
  await operator.offer(version1);
  const enrolledStranger = workshop.meanwhile(stranger.then((device) => device.enrol(operator.url)));
  say('device: enrolling');
  const { deviceId } = await first.enrol(proxy.url);
  say(`device ${deviceId}: attesting, fetching the key`);
  await first.attest();
  await first.mustFetchKey(version1);

  say('device: unsealing, loading, running');
  const device = first.run(version1.file);
  const loaded = await device.hear();
  const measured = await compareLatency(device, await comparison, readWindow('outer_race'));
  const answer = answerOf(measured.outputs.sealedge);
  say(`the answer: ${answer.label} (${(100 * answer.probability).toFixed(1)} %)`);
  say('scanner: looking through the memory of the device process and of the onnxruntime process');
  const residency = await inspectResidency({ device, pid: loaded.pid }, (await comparison).process, version1);
  await device.stop();

  say('attacker: altered file, file without key, unexpected measurement, replayed evidence');
  const version2 = workshop.meanwhile(sealAndOffer(publisher, operator, 2));
  const second = await stranger;
  await enrolledStranger;
  const refusals = await inTurn(
    () => attacks.flippedBit(first, version1.file, workshop),
    () => attacks.fileWithoutKey(second, version1.file),
    () => attacks.unexpectedUnseal(first, version1.file),
    () => attacks.unexpectedRelease(first, version1.model, operator),
    () => attacks.replayedEvidence(proxy, operator),
  );
  say('device: rebooting into the approved state, running version 2 once');
  await first.reboot();
  const newer = await version2;
  await runOnce(first, newer);
  say('attacker: older version, other device, stock tools');
  const [rollback, otherDevice] = await Promise.all([
    attacks.olderVersion(first, version1.keyId, workshop),
    attacks.otherDevice(first, second, newer.keyId, workshop),
  ]);
  const [stillWorks] = await Promise.all([
    attacks.unlockedCounter(first, newer.keyId, workshop),
    operator.unsealOncePerBoot(),
  ]);
  say('device: running under the new policy, unseal once per boot');
  await runOnce(first, newer);
  refusals.push(rollback, otherDevice, await attacks.lockedCounter(first, newer.keyId, workshop));

  return {
    device: deviceId,
    answer: { expected: 'outer_race', ...answer },
    agreement: { maxAbsoluteDifference: measured.maxAbsoluteDifference },
    latencyUs: measured.latencyUs,
    loadMs: { sealedge: loaded.timing.loadMs, onnxruntime: (await comparison).loadMs },
    unsealMs: loaded.timing.unsealMs,
    memoryLevel: loaded.memory.level,
    residency,
    refusals,
    stillWorks: [stillWorks],
    durationMs: performance.now() - began,
  };
}

async function sealAndOffer(publisher: Publisher, operator: Operator, version: number): Promise<SealedModel> {
  const sealed = await publisher.seal(version);
  await operator.offer(sealed);
  return sealed;
}

async function inTurn<T>(...steps: (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = [];
  for (const step of steps) results.push(await step());
  return results;
}

/** Fetches the key under the present terms, loads, which settles the counter, and ends. */
async function runOnce(device: Device, sealed: SealedModel): Promise<void> {
  await device.mustFetchKey(sealed);
  const process = device.run(sealed.file);
  await process.hear();
  await process.stop();
}
