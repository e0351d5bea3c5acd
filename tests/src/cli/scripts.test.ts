// The commands as people run them: each file of scripts/ is a session, commands and what they print.
//   $ sealedge …      a command; its stdout and stderr follow. `[…]` stands for any text within a line.
//   ? 2               its exit code, when not 0; the last line of its output
//   > flip FILE N     changes one byte of a file; `> cut FILE N` cuts it to N bytes; `> append FILE` adds a byte;
//                   `> rename KEY` says that a key file is of a model called other
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runCommandLine } from '../../../src/cli/program.js';
import { matMulChain } from '../../vectors/tiny_onnx.js';

const scripts = new URL('scripts/', import.meta.url);
const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));

interface Step {
  command: string;
  expected: string[];
  exitCode: number;
}

function parse(text: string): Step[] {
  const steps: Step[] = [];
  for (const line of text.trimEnd().split('\n')) {
    const step = steps.at(-1);
    if (line.startsWith('$ ') || line.startsWith('> ')) steps.push({ command: line, expected: [], exitCode: 0 });
    else if (line.startsWith('? ') && step !== undefined) step.exitCode = Number(line.slice(2));
    else if (step !== undefined && line !== '' && !line.startsWith('#')) step.expected.push(line);
  }
  return steps;
}

/** In this process, whose folder is the session's. */
async function run(command: string): Promise<{ output: string; exitCode: number }> {
  const args = (command.match(/"[^"]*"|\S+/g) ?? []).slice(1).map((word) => word.replaceAll('"', ''));
  let output = '';
  const collect = (text: string | Uint8Array) => {
    output += text;
    return true;
  };
  const spies = [process.stdout, process.stderr].map((stream) => vi.spyOn(stream, 'write').mockImplementation(collect));
  try {
    return { exitCode: await runCommandLine(args), output };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

function damage(command: string): void {
  const [what, path = '', number] = command.split(' ');
  if (what === 'append') appendFileSync(path, 'x');
  if (what === 'rename') writeFileSync(path, readFileSync(path, 'utf8').replace(/"name": ?"[^"]*"/, '"name":"other"'));
  if (what === 'cut') truncateSync(path, Number(number));
  if (what === 'flip') {
    const bytes = readFileSync(path);
    bytes[Number(number)] = (bytes[Number(number)] ?? 0) ^ 1;
    writeFileSync(path, bytes);
  }
}

function pattern(line: string): RegExp {
  const escaped = line.split('[…]').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${escaped.join('.*')}$`);
}

test.each(readdirSync(scripts).filter((name) => name.endsWith('.txt')))('%s', async (name) => {
  const folder = mkdtempSync(join(tmpdir(), 'sealedge-cli-'));
  const before = process.cwd();
  onTestFinished(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });
  process.chdir(folder);
  const weight = Buffer.from(Float32Array.from({ length: 4096 }, (_, i) => i).buffer);
  writeFileSync('model.onnx', matMulChain([{ name: 'w', dims: [64, 64], data: weight }]));
  for (const { command, expected, exitCode } of parse(readFileSync(new URL(name, scripts), 'utf8'))) {
    if (command.startsWith('> ')) {
      damage(command.slice(2));
      continue;
    }
    const result = await run(command.slice(2));
    const lines = result.output.split('\n').filter((line) => line !== '');
    expect(lines, command).toEqual(expected.map((line) => expect.stringMatching(pattern(line))));
    expect(result.exitCode, command).toBe(exitCode);
  }
});

test('as a process: exit code, error on stderr', () => {
  const tsx = import.meta.resolve('tsx');
  const run = spawnSync(process.execPath, ['--import', tsx, main, 'inspect', 'absent'], { encoding: 'utf8' });
  expect(run.stdout).toBe('');
  expect(run.stderr).toMatch(/^error: cannot read absent: /);
  expect(run.status).toBe(2);
});
