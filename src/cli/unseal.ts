/** `sealedge unseal`: the publisher's way back to ONNX, and the proof that nothing was lost. */
import type { Command } from 'commander';
import { parseKeyFile } from '../container/key_file.js';
import { unsealModel } from '../container/unseal.js';
import { parseFile } from './files.js';
import { count, humanBytes, humanTable } from './human.js';
import { createOutput } from './output.js';

interface UnsealFlags {
  key: string;
  output: string;
  compare?: string;
  force?: boolean;
  json?: boolean;
}

export function registerUnseal(program: Command): void {
  program
    .command('unseal')
    .description('decrypt a sealed file to ONNX; for its publisher')
    .argument('<file>', 'sealed file')
    .requiredOption('--key <file>', 'content key from `sealedge seal --key-out`')
    .requiredOption('-o, --output <file>', 'ONNX file, mode 0600')
    .option('--compare <model>', 'compare every tensor and the graph with this model')
    .option('--force', 'replace an existing file')
    .action(unseal);
}

async function unseal(path: string, flags: UnsealFlags): Promise<void> {
  const key = await parseFile(flags.key, parseKeyFile);
  const result = await unsealModel(path, flags.output, key, {
    overwrite: flags.force === true,
    ...(flags.compare === undefined ? {} : { comparePath: flags.compare }),
  });
  const { compared } = result;
  const rows = [
    ['model', `${key.model.name}, version ${key.model.version}`],
    ['unsealed', `${flags.output} (${humanBytes(result.modelBytes)})`],
    ['tensors', `${result.tensors}, of them ${result.sealedTensors} from segments, every digest verifies`],
    [
      'compared',
      compared &&
        `graph and ${count(compared.tensors, 'tensor')} (${humanBytes(compared.tensorBytes)}) equal ${flags.compare}`,
    ],
  ] as const;
  createOutput(flags.json === true).result(humanTable(rows), { ...result, output: flags.output, model: key.model });
}
