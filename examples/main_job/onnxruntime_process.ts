/**
 * onnxruntime on the plain model, as a process of its own: what an application without sealedge does. Prints {"event": "loaded"}, then
 * answers each line {"input": [...], "repeat": n} with outputs and latency.
 */
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { summarise } from './latency.js';

const [path = ''] = process.argv.slice(2);
const began = performance.now();
const session = await InferenceSession.create(readFileSync(path), { intraOpNumThreads: 1, interOpNumThreads: 1 });
const say = (message: unknown): boolean => process.stdout.write(`${JSON.stringify(message)}\n`);
say({ event: 'loaded', loadMs: performance.now() - began });

const [inputName = ''] = session.inputNames;
const [outputName = ''] = session.outputNames;
for await (const line of createInterface({ input: process.stdin })) {
  const { input, repeat } = JSON.parse(line) as { input: number[]; repeat: number };
  const feeds = { [inputName]: new Tensor('float32', Float32Array.from(input), [1, 1, input.length]) };
  const times: number[] = [];
  let outputs: number[] = [];
  for (let i = 0; i < repeat; i += 1) {
    const start = performance.now();
    const results = await session.run(feeds);
    times.push((performance.now() - start) * 1000);
    outputs = Array.from(results[outputName]?.data as Float32Array);
  }
  say({ event: 'result', outputs, latencyUs: summarise(times) });
}
