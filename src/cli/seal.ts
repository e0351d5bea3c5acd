/** `sealedge seal`: from an ONNX model to a sealed file and its content key. */
import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { publisherKeyId } from '../container/dsse.js';
import { parsePublisherPrivateKey } from '../container/publisher_key.js';
import { type SealResult, sealModel } from '../container/seal.js';
import { parseFile } from './files.js';
import { count, humanBytes, humanTable, progressPrinter } from './human.js';
import { integerOption } from './options.js';
import { createOutput } from './output.js';

interface SealFlags {
  output: string;
  keyOut: string;
  sign: string;
  name: string;
  version: number;
  description?: string;
  created: boolean;
  threads?: number;
  force?: boolean;
  json?: boolean;
}

export function registerSeal(program: Command): void {
  program
    .command('seal')
    .description('encrypt and sign an ONNX model')
    .argument('<model>', 'ONNX file; external data is found in its folder')
    .requiredOption('-o, --output <file>', 'sealed file')
    .requiredOption('--key-out <file>', 'content key, for the key store of the verifier; mode 0600')
    .requiredOption('--sign <file>', 'private key of the publisher, see `sealedge keygen`')
    .requiredOption('--name <name>', 'name of the model; for all to see, as the next three')
    .requiredOption('--version <n>', 'version, an integer that grows', integerOption(1))
    .option('--description <text>', 'description')
    .option('--no-created', 'do not name the time of sealing')
    .option('--threads <n>', 'threads (default: one per CPU)', integerOption(1, 1024))
    .option('--force', 'replace existing files')
    .action(seal);
}

async function seal(model: string, flags: SealFlags): Promise<void> {
  const output = createOutput(flags.json === true);
  const publisherKey = await parseFile(flags.sign, parsePublisherPrivateKey);
  const started = performance.now();
  const result = await sealModel(model, flags.output, {
    publisherKey,
    name: flags.name,
    version: flags.version,
    keyPath: flags.keyOut,
    overwrite: flags.force === true,
    onProgress: progressPrinter('sealing', output.progress),
    ...(flags.description === undefined ? {} : { description: flags.description }),
    ...(flags.created ? { created: new Date() } : {}),
    ...(flags.threads === undefined ? {} : { threads: flags.threads }),
  });
  const milliseconds = performance.now() - started;
  if (result.facts.unsupported !== '') {
    output.progress(`warning: the native engine cannot run this model: ${result.facts.unsupported}`);
  }
  const { size } = await stat(model);
  print(flags, result, size, milliseconds, output.result);
}

function print(
  flags: SealFlags,
  { manifest, facts }: SealResult,
  modelBytes: number,
  milliseconds: number,
  result: (human: string, data: unknown) => void,
): void {
  const keyId = manifest.keyId.toString('hex');
  const publisher = publisherKeyId(manifest.publisherSpki).toString('hex');
  const seconds = milliseconds / 1000;
  const rate = humanBytes(manifest.totalLength / seconds);
  const rows = [
    ['sealed', `${flags.output} (${humanBytes(manifest.totalLength)}, ${count(manifest.segments.length, 'segment')})`],
    ['model', `${manifest.model.name}, version ${manifest.model.version}`],
    ['tensors', `${facts.tensors}, of them ${facts.sealedTensors} in segments of their own or in groups`],
    ['publisher', publisher],
    ['key', `${flags.keyOut} (key id ${keyId}): keep it secret`],
    ['time', `${seconds.toFixed(2)} s (${rate}/s)`],
  ] as const;
  result(humanTable(rows), {
    sealed: flags.output,
    model: manifest.model,
    publisher,
    keyId,
    key: flags.keyOut,
    segments: manifest.segments.length,
    tensors: facts.tensors,
    sealedTensors: facts.sealedTensors,
    modelBytes,
    sealedBytes: manifest.totalLength,
    milliseconds: Math.round(milliseconds),
    unsupported: facts.unsupported === '' ? null : facts.unsupported,
  });
}
