/** `sealedge inspect`: what a sealed file says of itself, and whether that is true. */
import type { Command } from 'commander';
import { publisherKeyId } from '../container/dsse.js';
import { inspectSealedFile } from '../container/inspect.js';
import { parseKeyFile } from '../container/key_file.js';
import type { Manifest } from '../container/manifest.js';
import { parsePublisherPublicKey } from '../container/publisher_key.js';
import { checkSealedModel } from '../container/unseal.js';
import { parseFile } from './files.js';
import { count, humanBytes, humanTable, progressPrinter } from './human.js';
import { createOutput } from './output.js';

interface InspectFlags {
  publisher?: string;
  key?: string;
  json?: boolean;
}

export function registerInspect(program: Command): void {
  program
    .command('inspect')
    .description('show what is known of a sealed file without its key; verify signature and digests')
    .argument('<file>', 'sealed file')
    .option('--publisher <file>', 'public key that must have signed it')
    .option('--key <file>', 'content key: also verify everything inside, natively')
    .action(inspect);
}

async function inspect(path: string, flags: InspectFlags): Promise<void> {
  const output = createOutput(flags.json === true);
  const publisher =
    flags.publisher === undefined ? undefined : await parseFile(flags.publisher, parsePublisherPublicKey);
  const manifest = await inspectSealedFile(path, {
    onProgress: progressPrinter('reading', output.progress),
    ...(publisher === undefined ? {} : { publisher }),
  });
  const checked =
    flags.key === undefined ? undefined : await checkSealedModel(path, await parseFile(flags.key, parseKeyFile));
  const weights = manifest.segments.filter((segment) => segment.kind === 'weights');
  const trust =
    publisher === undefined
      ? 'verifies; who signed was not checked: give --publisher'
      : 'verifies, by the publisher given';
  const rows = [
    ['model', `${manifest.model.name}, version ${manifest.model.version}`],
    ['description', manifest.model.description],
    ['created', manifest.created],
    ['publisher', publisherKeyId(manifest.publisherSpki).toString('hex')],
    ['signature', trust],
    ['key id', manifest.keyId.toString('hex')],
    ['suite', `${manifest.suite} (HKDF-SHA-256, AES-256-GCM, ECDSA P-256)`],
    ['graph', humanBytes(manifest.segments[0]?.length ?? 0)],
    [
      'weights',
      `${humanBytes(weights.reduce((sum, { length }) => sum + length, 0))} in ${count(weights.length, 'segment')}`,
    ],
    ['file', `${humanBytes(manifest.totalLength)}, every byte as it was signed`],
    ['inside', checked && `${count(checked.tensors, 'tensor')}, every tag and digest verifies`],
  ] as const;
  output.result(humanTable(rows), toJson(manifest, publisher !== undefined, checked?.tensors));
}

function toJson(manifest: Manifest, publisherChecked: boolean, tensors: number | undefined) {
  return {
    model: manifest.model,
    created: manifest.created ?? null,
    publisher: {
      keyId: publisherKeyId(manifest.publisherSpki).toString('hex'),
      spki: manifest.publisherSpki.toString('base64'),
      checked: publisherChecked,
    },
    signature: 'valid',
    keyId: manifest.keyId.toString('hex'),
    suite: manifest.suite,
    totalLength: manifest.totalLength,
    dataOffset: manifest.dataOffset,
    segments: manifest.segments.map((segment) => ({
      kind: segment.kind,
      id: segment.id.toString('hex'),
      offset: segment.offset,
      length: segment.length,
      tag: segment.tag.toString('hex'),
      sha256: segment.sha256.toString('hex'),
    })),
    ...(tensors === undefined ? {} : { verifiedTensors: tensors }),
  };
}
