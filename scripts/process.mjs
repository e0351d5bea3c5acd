// Running other programs from the scripts: no shell, inherited output, one clear sentence on failure.
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Why a script cannot go on, for a person: printed without a stack. */
export class ScriptError extends Error {}

/** Everything the scripts say goes to stderr, so that `npm start --silent -- --json` prints JSON alone on stdout. */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/** The exit code of `command`, its output shown as it comes. 127 when there is no such program. */
export function run(command, args, { env = {}, cwd = root, stdio = 'inherit' } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio, env: { ...process.env, ...env } });
    // The terminal sends Ctrl-C to the whole group; the child ends first and tells us how.
    const ignore = () => {};
    process.on('SIGINT', ignore);
    const done = (code) => {
      process.off('SIGINT', ignore);
      resolve(code);
    };
    child.on('error', () => done(127));
    child.on('close', (code, signal) => done(code ?? (signal === 'SIGINT' ? 130 : 1)));
  });
}

/** The exit code and the collected output, for programs that run side by side. */
export function collect(command, args, { env = {}, cwd = root, stdin = 'ignore' } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio: [stdin, 'pipe', 'pipe'], env: { ...process.env, ...env } });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    child.on('error', (error) => resolve({ code: 127, output: error.message }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/** The exit code; `onLine` gets what the program says, line by line. */
export function eachLine(command, args, { env = {} }, onLine) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLine);
    child.on('error', () => resolve(127));
    child.on('close', (code) => resolve(code ?? 1));
  });
}

/** Standard output of a short command, or undefined when it is missing or fails. */
export function ask(command, args) {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  return result.status === 0 ? result.stdout : undefined;
}

/** A program of node_modules/.bin, by its JavaScript entry: works without PATH and without a shell. */
export function bin(name) {
  return `${root}node_modules/.bin/${name}`;
}
