// npm run bench: the trials of benchmarks/README.md.
import { parseArgs } from 'node:util';
import { COMMAND_LINES, readCommandLine } from '../scripts/command_line.mjs';
import { measureSealing, sealingTable } from './container/sealing.js';
import { behaviourTable, measureBehaviour } from './end_to_end/behaviour.js';
import { latencyTable, measureLatency } from './end_to_end/latency.js';
import { loadTable, measureLoad } from './end_to_end/load.js';
import { measureThreads, threadsTable } from './end_to_end/threads.js';
import { runKernelBenchmarks } from './kernels/run_kernels.js';
import { describeMachine } from './support/machine.js';
import { type BenchmarkModel, findModels } from './support/models.js';
import { loadOnnxruntime, type Onnxruntime } from './support/onnxruntime.js';

const TRIALS = ['latency', 'threads', 'load', 'behaviour', 'seal', 'kernels'] as const;
type Trial = (typeof TRIALS)[number];

interface Options {
  readonly trials: readonly Trial[];
  readonly model: string | undefined;
  readonly rounds: number;
  readonly json: boolean;
}

function parseOptions(): Options {
  const { values, positionals } = parseArgs(COMMAND_LINES.bench.syntax);
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds: expected a positive number, got ${values.rounds}`);
  const trials = positionals.map((name) => {
    const trial = TRIALS.find((known) => known === name);
    if (trial === undefined) throw new Error(`unknown trial ${name}: expected ${TRIALS.join(', ')}`);
    return trial;
  });
  return { trials: trials.length > 0 ? trials : TRIALS, model: values.model, rounds, json: values.json };
}

async function overModels<T>(
  models: readonly BenchmarkModel[],
  say: (line: string) => void,
  measure: (model: BenchmarkModel) => Promise<T>,
): Promise<T[]> {
  const results: T[] = [];
  for (const model of models) {
    say(`  ${model.name} ...`);
    try {
      results.push(await measure(model));
    } catch (error) {
      say(`  ${model.name} FAILED: ${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = 1;
    }
  }
  return results;
}

async function main(): Promise<void> {
  const options = readCommandLine('bench', parseOptions);
  // Progress goes to stderr, so that --json leaves stdout to the data.
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const print = (lines: readonly string[]): void => {
    if (!options.json) process.stdout.write(`${lines.join('\n')}\n`);
  };
  const onnxruntime: Onnxruntime | null = await loadOnnxruntime();
  const machine = describeMachine(onnxruntime?.version ?? null);
  const found = findModels();
  const models = found.models.filter(({ name }) => options.model === undefined || name === options.model);
  if (models.length === 0) {
    const names = found.models.map(({ name }) => name).join(', ');
    throw new Error(`--model: expected one of ${names}, got ${options.model}`);
  }
  print([
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGib} GiB; Node ${machine.node}; kernels ${machine.isa}; ` +
      `onnxruntime-node ${machine.onnxruntime ?? 'not installed'}; medians with quartiles`,
  ]);
  for (const path of found.missing) say(`skipped, not found: ${path} (set SEALEDGE_TEST_DATA)`);

  const report: Record<string, unknown> = { machine, missing: found.missing };
  for (const trial of options.trials) {
    say(`trial ${trial}`);
    if (trial === 'latency') {
      const results = await overModels(models, say, (model) => measureLatency(model, onnxruntime, options.rounds));
      report.latency = results;
      print([
        '',
        'Latency of one inference, 1 thread each (ratio above 1: sealedge is faster)',
        ...latencyTable(results),
      ]);
    } else if (trial === 'threads') {
      const results = await overModels(models, say, (model) => measureThreads(model, onnxruntime, options.rounds));
      report.threads = results.flat();
      print(['', 'What more threads bring (speed-up over 1 thread)', ...threadsTable(results.flat())]);
    } else if (trial === 'load') {
      const results = await overModels(models, say, (model) => measureLoad(model, onnxruntime, options.rounds));
      report.load = results;
      print(['', 'Time to a session', ...loadTable(results)]);
    } else if (trial === 'behaviour') {
      const results = await overModels(models, say, (model) => measureBehaviour(model, onnxruntime));
      report.behaviour = results;
      print(['', 'What a session does to the program around it', ...behaviourTable(results)]);
    } else if (trial === 'seal') {
      report.seal = await measureSealing();
      print(['', 'Sealing', ...sealingTable(report.seal as Awaited<ReturnType<typeof measureSealing>>)]);
    } else {
      const lines = runKernelBenchmarks();
      report.kernels = lines;
      print(['', 'Kernels', ...lines]);
    }
  }
  if (options.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
