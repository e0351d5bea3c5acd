/** Runs of a loaded model, timed. */
import type { Feeds, InferenceSession, Results } from '../index.js';
import { elementValues } from '../runtime/float16.js';

export interface Latency {
  median: number;
  min: number;
  max: number;
}

/** The first run counts too: an application sees it as well. */
export async function measure(
  session: InferenceSession,
  feeds: Feeds,
  repeat: number,
  sync = false,
): Promise<{ results: Results; latencyUs: Latency }> {
  const latencies: number[] = [];
  let results: Results = {};
  for (let i = 0; i < repeat; i++) {
    const begin = performance.now();
    results = sync ? session.runSync(feeds) : await session.run(feeds);
    latencies.push((performance.now() - begin) * 1_000);
  }
  latencies.sort((a, b) => a - b);
  const at = (index: number) => latencies[index] ?? Number.NaN;
  return { results, latencyUs: { median: at(latencies.length >> 1), min: at(0), max: at(latencies.length - 1) } };
}

export function plainOutputs(
  results: Results,
): Record<string, { type: string; dims: readonly number[]; data: unknown[] }> {
  return Object.fromEntries(
    Object.entries(results).map(([name, { type, dims, data }]) => [
      name,
      { type, dims, data: elementValues(type, data) },
    ]),
  );
}
