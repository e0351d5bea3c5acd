/** How a run is stopped, and where its results go. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InferenceSession } from '../../../src/runtime/session.js';
import { Tensor } from '../../../src/runtime/tensor.js';

const root = join(import.meta.dirname, '..', '..', '..');
const motor = join(root, 'examples', 'motor', 'motor.onnx');

let session: InferenceSession;
beforeAll(async () => {
  session = await InferenceSession.create(motor);
});
afterAll(() => session.release());

function windows(count: number): { vibration: Tensor } {
  const samples = Float32Array.from({ length: 2048 * count }, (_, i) => Math.sin(i * 0.03) + ((i * 7919) % 13) / 13);
  return { vibration: new Tensor('float32', samples, [count, 1, 2048]) };
}

describe('a signal', () => {
  it('that is aborted already keeps the run from starting', async () => {
    await expect(session.run(windows(1), undefined, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    });
    const reason = new Error('enough');
    await expect(session.run(windows(1), undefined, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it('that is aborted meanwhile ends the run with its reason, and only that run', async () => {
    const controller = new AbortController();
    const long = session.run(windows(256), undefined, { signal: controller.signal });
    const other = session.run(windows(1));
    const reason = new Error('no longer wanted');
    controller.abort(reason);
    await expect(long).rejects.toBe(reason);
    expect((await other).probabilities?.dims).toEqual([1, 5]);
    expect((await session.run(windows(1))).probabilities?.data).toEqual((await other).probabilities?.data);
  });

  it('that is aborted afterwards changes nothing, and nothing listens to it any more', async () => {
    const controller = new AbortController();
    const { probabilities } = await session.run(windows(1), undefined, { signal: controller.signal });
    controller.abort();
    expect(probabilities?.dims).toEqual([1, 5]);
  });

  it('ends runs that wait for a thread too', async () => {
    const controller = new AbortController();
    const many = windows(128);
    const waiting = Array.from({ length: 32 }, () =>
      session.run(many, undefined, { signal: controller.signal }).then(
        () => 'ran',
        (error: Error) => error.name,
      ),
    );
    controller.abort();
    expect((await Promise.all(waiting)).filter((outcome) => outcome === 'AbortError').length).toBeGreaterThan(16);
  });

  it('has to be one', async () => {
    for (const options of [{ signal: {} as AbortSignal }, { timeout: 5 } as object]) {
      await expect(session.run(windows(1), undefined, options)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
    }
  });
});

describe('a tensor to be filled', () => {
  const expected = () => session.runSync(windows(1)).probabilities?.data;

  it('is what the result holds, from run and from runSync', async () => {
    for (const run of [session.run.bind(session), session.runSync.bind(session)]) {
      const target = new Tensor('float32', new Float32Array(5), [1, 5]);
      const results = await run(windows(1), { probabilities: target });
      expect(results.probabilities).toBe(target);
      expect(target.data).toEqual(expected());
    }
  });

  it('may be a view of a larger array, whose other elements stay', async () => {
    const whole = new Float32Array(9).fill(7);
    const target = new Tensor('float32', whole.subarray(2, 7), [1, 5]);
    session.runSync(windows(1), { probabilities: target });
    expect([...whole]).toEqual([7, 7, ...(expected() as Float32Array), 7, 7]);
  });

  it('is refused before anything is computed when its type or a known dimension does not fit', async () => {
    const wrong = [
      new Tensor('float64', new Float64Array(5), [1, 5]),
      new Tensor('float32', new Float32Array(4), [1, 4]),
      new Tensor('float32', new Float32Array(5), [5]),
    ];
    for (const target of wrong) {
      expect(() => session.runSync(windows(1), { probabilities: target })).toThrow(
        `output probabilities: expected a tensor of float32 [N, 5], got ${target.type} [${target.dims.join(', ')}]`,
      );
      await expect(session.run(windows(1), { probabilities: target })).rejects.toMatchObject({
        code: 'ERR_SHAPE_MISMATCH',
      });
    }
    expect(() => session.runSync(windows(1), { probabilities: new Float32Array(5) as never })).toThrow(
      'expected a Tensor or null',
    );
  });

  it('is refused afterwards when only the run could tell', async () => {
    const target = new Tensor('float32', new Float32Array(10), [2, 5]);
    await expect(session.run(windows(1), { probabilities: target })).rejects.toMatchObject({
      message: 'output probabilities: expected a tensor of float32 [1, 5], got float32 [2, 5]',
    });
    expect([...(target.data as Float32Array)]).toEqual(Array(10).fill(0));
  });
});

describe('inputs', () => {
  it('may be views of larger arrays', async () => {
    const { vibration } = windows(1);
    const whole = new Float32Array(3000);
    whole.set(vibration.data as Float32Array, 500);
    const view = { vibration: new Tensor('float32', whole.subarray(500, 2548), [1, 1, 2048]) };
    const expected = session.runSync({ vibration }).probabilities?.data;
    expect(session.runSync(view).probabilities?.data).toEqual(expected);
    expect((await session.run(view)).probabilities?.data).toEqual(expected);
  });
});

describe('a session that nobody released', () => {
  it('is collected with its memory: the collector knows what it holds', () => {
    // Without --expose-gc: only memory pressure makes the collector run here.
    const script = `
      const { register } = await import('${import.meta.resolve('tsx/esm/api')}');
      register();
      const { InferenceSession } = await import('${pathToFileURL(join(root, 'src', 'index.ts'))}');
      let collected = 0;
      const registry = new FinalizationRegistry(() => { collected += 1; });
      for (let i = 0; i < 3000 && collected === 0; i += 1) {
        registry.register(await InferenceSession.create(${JSON.stringify(motor)}));
        if (i % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      console.log(collected > 0 ? 'collected' : 'kept');`;
    const node = ['--input-type=module', '--max-semi-space-size=64', '--eval', script];
    expect(execFileSync(process.execPath, node, { cwd: root, encoding: 'utf8' })).toBe('collected\n');
  });
});

describe('memory of activations', () => {
  it('is reported as planned for one run, and as the most that was taken at once', async () => {
    const fresh = await InferenceSession.create(motor);
    await fresh.run(windows(1));
    const one = fresh.memory;
    expect(one.arenaBytes).toBeGreaterThan(10_000);
    expect(one.peakArenaBytes).toBe(one.arenaBytes);
    await fresh.run(windows(8));
    const other = fresh.memory;
    expect(other.arenaBytes).toBeGreaterThan(one.arenaBytes);
    // The frame of the first shapes is kept for the next run with them.
    expect(other.peakArenaBytes).toBe(one.arenaBytes + other.arenaBytes);
    await fresh.release();
  });
});
