/** `sealedge keygen`: a publisher's signing key. */
import type { Command } from 'commander';
import { publisherKeyId } from '../container/dsse.js';
import { refuseExisting, writeOutputFile } from '../container/output_file.js';
import { generatePublisherKey, parsePublisherPublicKey, publisherSpki } from '../container/publisher_key.js';
import { humanTable } from './human.js';
import { createOutput } from './output.js';

interface KeygenOptions {
  output: string;
  public?: string;
  force?: boolean;
  json?: boolean;
}

export function registerKeygen(program: Command): void {
  program
    .command('keygen')
    .description('make a signing key (ECDSA P-256) for the publisher of models')
    .requiredOption('-o, --output <file>', 'private key, PKCS #8 PEM, mode 0600')
    .option('--public <file>', 'public key, PEM (default: the output with .pub.pem)')
    .option('--force', 'replace existing files')
    .action(keygen);
}

async function keygen(options: KeygenOptions): Promise<void> {
  const publicPath = options.public ?? `${options.output.replace(/\.pem$/, '')}.pub.pem`;
  const overwrite = options.force === true;
  if (!overwrite) await refuseExisting(publicPath);
  const pair = generatePublisherKey();
  await writeOutputFile(options.output, { mode: 0o600, overwrite }, (file) => file.writeFile(pair.privateKeyPem));
  await writeOutputFile(publicPath, { mode: 0o644, overwrite }, (file) => file.writeFile(pair.publicKeyPem));
  const publisher = publisherKeyId(publisherSpki(parsePublisherPublicKey(pair.publicKeyPem))).toString('hex');
  const rows = [
    ['private key', options.output],
    ['public key', publicPath],
    ['publisher', publisher],
  ] as const;
  createOutput(options.json === true).result(humanTable(rows), {
    privateKey: options.output,
    publicKey: publicPath,
    publisher,
  });
}
