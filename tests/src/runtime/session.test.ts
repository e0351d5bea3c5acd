import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ModelError, UsageError } from '../../../src/errors.js';
import { runtimeInfo } from '../../../src/native.js';
import { InferenceSession } from '../../../src/runtime/session.js';
import { Tensor } from '../../../src/runtime/tensor.js';
import type { UnsupportedOperator } from '../../../src/types.js';
import { bytes, int, message } from '../../vectors/tiny_onnx.js';

const motor = join(import.meta.dirname, '..', '..', '..', 'examples', 'motor', 'motor.onnx');

/** A window of samples that differs with `seed`. */
function windowOf(seed: number): Float32Array<ArrayBuffer> {
  return Float32Array.from(
    { length: 2048 },
    (_, i) => Math.sin(i * (0.01 + seed / 100)) + ((i * 7919 + seed) % 13) / 13,
  );
}

function feedsOf(seed: number): { vibration: Tensor } {
  return { vibration: new Tensor('float32', windowOf(seed), [1, 1, 2048]) };
}

function floats(tensor: Tensor | undefined): number[] {
  return Array.from((tensor?.data ?? []) as Float32Array);
}

function dataOf(results: Record<string, Tensor>): number[] {
  return floats(results.probabilities);
}

async function refusal(
  attempt: () => unknown,
): Promise<{ name: string; code: string; message: string; fields: object }> {
  try {
    await attempt();
  } catch (error) {
    return error as { name: string; code: string; message: string; fields: object };
  }
  throw new Error('accepted');
}

let session: InferenceSession;
beforeAll(async () => {
  session = await InferenceSession.create(motor);
});
afterAll(() => session.release());

describe('InferenceSession', () => {
  it('has the names and metadata that onnxruntime gives', async () => {
    const theirs = await ort.InferenceSession.create(motor);
    expect(session.inputNames).toEqual(theirs.inputNames);
    expect(session.outputNames).toEqual(theirs.outputNames);
    expect(session.inputMetadata).toEqual(theirs.inputMetadata);
    expect(session.outputMetadata).toEqual(theirs.outputMetadata);
    await theirs.release();
  });

  it('computes what onnxruntime computes, from its tensors too', async () => {
    const theirs = await ort.InferenceSession.create(motor);
    for (let seed = 0; seed < 5; seed++) {
      const tensor = new ort.Tensor('float32', windowOf(seed), [1, 1, 2048]);
      const expected = (await theirs.run({ vibration: tensor })).probabilities?.data as Float32Array;
      const got = dataOf(await session.run({ vibration: tensor }));
      for (const [i, value] of expected.entries()) expect(got[i]).toBeCloseTo(value, 4);
    }
    await theirs.release();
  });

  it('loads from a path, from bytes, and from an ArrayBuffer', async () => {
    const file = readFileSync(motor);
    const expected = dataOf(session.runSync(feedsOf(1)));
    for (const source of [file, new Uint8Array(file), new Uint8Array(file).buffer]) {
      const other = await InferenceSession.create(source);
      expect(dataOf(await other.run(feedsOf(1)))).toEqual(expected);
      await other.release();
    }
  });

  it('gives the same result synchronously, on one thread and on many', async () => {
    const single = await InferenceSession.create(motor, { intraOpNumThreads: 1 });
    for (let seed = 0; seed < 5; seed++) {
      const expected = dataOf(await session.run(feedsOf(seed)));
      expect(dataOf(session.runSync(feedsOf(seed)))).toEqual(expected);
      expect(dataOf(single.runSync(feedsOf(seed)))).toEqual(expected);
    }
    await single.release();
  });

  it('keeps many runs at once apart', async () => {
    const expected = Array.from({ length: 40 }, (_, seed) => dataOf(session.runSync(feedsOf(seed))));
    const got = await Promise.all(expected.map((_, seed) => session.run(feedsOf(seed)).then(dataOf)));
    expect(got).toEqual(expected);
  });

  it('takes batches, free dimensions being free', async () => {
    const both = new Float32Array(4096);
    both.set(windowOf(1), 0);
    both.set(windowOf(2), 2048);
    const { probabilities } = await session.run({ vibration: new Tensor('float32', both, [2, 1, 2048]) });
    expect(probabilities?.dims).toEqual([2, 5]);
    const rows = floats(probabilities);
    const singles = [...dataOf(session.runSync(feedsOf(1))), ...dataOf(session.runSync(feedsOf(2)))];
    for (const [i, value] of singles.entries()) expect(rows[i]).toBeCloseTo(value, 5);
  });

  it('reads its inputs before it returns', async () => {
    const expected = dataOf(session.runSync(feedsOf(3)));
    const data = windowOf(3);
    const running = session.run({ vibration: new Tensor('float32', data, [1, 1, 2048]) });
    data.fill(0);
    structuredClone(data, { transfer: [data.buffer] });
    expect(dataOf(await running)).toEqual(expected);
  });

  it('fetches what is asked for, into the tensor given', async () => {
    expect(Object.keys(await session.run(feedsOf(1), ['probabilities']))).toEqual(['probabilities']);
    const target = new Tensor('float32', new Float32Array(5), [1, 5]);
    const results = await session.run(feedsOf(1), { probabilities: target });
    expect(results.probabilities).toBe(target);
    expect(dataOf(results)).toEqual(dataOf(session.runSync(feedsOf(1))));
    const small = new Tensor('float32', new Float32Array(4), [1, 4]);
    expect(await refusal(() => session.run(feedsOf(1), { probabilities: small }))).toMatchObject({
      code: 'ERR_SHAPE_MISMATCH',
      message: 'output probabilities: expected a tensor of float32 [N, 5], got float32 [1, 4]',
    });
  });

  it('says where a plain model is', () => {
    expect(session.memory).toMatchObject({ level: 'ordinary', secretBytes: 0 });
    expect(session.memory.constantBytes).toBeGreaterThan(100_000);
  });
});

describe('InferenceSession refuses', () => {
  it('feeds that do not fit', async () => {
    const flat = new Tensor('float32', windowOf(1), [2048]);
    for (const run of [session.run.bind(session), session.runSync.bind(session)]) {
      expect(await refusal(() => run({}))).toMatchObject({
        name: 'ModelError',
        code: 'ERR_INPUT_INVALID',
        message: 'input vibration: expected a tensor, got none',
      });
      expect(await refusal(() => run({ vibration: flat }))).toMatchObject({
        code: 'ERR_SHAPE_MISMATCH',
        message: 'input vibration: expected [N, 1, 2048], got [2048]',
      });
      expect(await refusal(() => run(feedsOf(1), ['logits']))).toMatchObject({
        name: 'UsageError',
        code: 'ERR_OPTION_INVALID',
        message: 'fetches: expected probabilities, got logits',
      });
    }
  });

  it('models that are missing, empty or not models', async () => {
    expect(await refusal(() => InferenceSession.create('/nonexistent/model.onnx'))).toMatchObject({
      name: 'UsageError',
      code: 'ERR_FILE_UNREADABLE',
    });
    for (const source of [new Uint8Array(0), new Uint8Array(100).fill(0xff), readFileSync(motor).subarray(0, 5000)]) {
      expect(await refusal(() => InferenceSession.create(source))).toMatchObject({ code: 'ERR_MODEL_INVALID' });
    }
    expect(await refusal(() => InferenceSession.create(7 as never))).toMatchObject({
      code: 'ERR_OPTION_INVALID',
      message: 'model: expected a path or bytes, got 7',
    });
  });

  it('unsupported operators, all of them at once', async () => {
    const node = (type: string, domain: string, from: string, to: string) =>
      message(1, bytes(1, from), bytes(2, to), bytes(4, type), bytes(7, domain));
    const value = (field: number, name: string) =>
      message(field, bytes(1, name), message(2, message(1, int(1, 1), message(2, message(1, int(1, 4))))));
    const graph = message(
      7,
      node('Zeppelin', '', 'x', 'a'),
      node('Relu', '', 'a', 'b'),
      node('Airship', 'com.example', 'b', 'c'),
      node('Zeppelin', '', 'c', 'y'),
      bytes(2, 'unsupported'),
      value(11, 'x'),
      value(12, 'y'),
    );
    const model = Buffer.concat([
      int(1, 8),
      graph,
      message(8, int(2, 17)),
      message(8, bytes(1, 'com.example'), int(2, 1)),
    ]);
    const error = await refusal(() => InferenceSession.create(model));
    expect(error).toBeInstanceOf(ModelError);
    expect(error).toMatchObject({ code: 'ERR_OP_UNSUPPORTED' });
    const { operators } = error.fields as { operators: UnsupportedOperator[] };
    expect(operators.map(({ opType, domain, count }) => [opType, domain, count])).toEqual([
      ['Zeppelin', 'ai.onnx', 2],
      ['Airship', 'com.example', 1],
    ]);
    expect(error.message).toBe('operators this engine lacks: Zeppelin, com.example.Airship');
  });

  it('options it does not know or that do not fit', async () => {
    const cases: [object, string][] = [
      [
        { executionProviders: ['cpu'] },
        'options: expected key, backend, policy, intraOpNumThreads, limits, got executionProviders',
      ],
      [{ backend: 'tensorflow' }, 'backend: expected native or onnxruntime, got tensorflow'],
      [{ intraOpNumThreads: 1.5 }, 'intraOpNumThreads: expected a whole number from 0, got 1.5'],
      [{ intraOpNumThreads: -1 }, 'intraOpNumThreads: expected a whole number from 0, got -1'],
    ];
    for (const [options, text] of cases) {
      expect(await refusal(() => InferenceSession.create(motor, options))).toMatchObject({
        name: 'UsageError',
        code: 'ERR_OPTION_INVALID',
        message: text,
      });
    }
  });

  it('runs after release, which may come while runs are under way', async () => {
    const own = await InferenceSession.create(motor);
    const expected = dataOf(own.runSync(feedsOf(1)));
    const running = Array.from({ length: 20 }, () => own.run(feedsOf(1)));
    const released = own.release();
    expect(own.release()).toBe(released);
    expect(await refusal(() => own.run(feedsOf(1)))).toMatchObject({ name: 'UsageError', code: 'ERR_MODEL_CLOSED' });
    expect(() => own.runSync(feedsOf(1))).toThrow(UsageError);
    expect(() => own.memory).toThrow('the session was released');
    for (const outcome of await Promise.allSettled(running)) {
      if (outcome.status === 'fulfilled') expect(dataOf(outcome.value)).toEqual(expected);
      else expect(outcome.reason).toMatchObject({ code: 'ERR_MODEL_CLOSED' });
    }
    await released;
  });
});

describe('the onnxruntime backend', () => {
  it('needs a policy that names it', async () => {
    expect(await refusal(() => InferenceSession.create(motor, { backend: 'onnxruntime' }))).toMatchObject({
      name: 'ModelError',
      code: 'ERR_BACKEND_NOT_ALLOWED',
      message: 'backend onnxruntime: the policy allows native',
    });
    const none = { policy: { allowBackends: [] } };
    expect(await refusal(() => InferenceSession.create(motor, none))).toMatchObject({
      code: 'ERR_BACKEND_NOT_ALLOWED',
    });
  });

  it('computes the same, and says that weights are in ordinary memory', async () => {
    const policy = { allowBackends: ['native', 'onnxruntime'] } as const;
    const other = await InferenceSession.create(motor, { backend: 'onnxruntime', policy });
    expect(other.inputMetadata).toEqual(session.inputMetadata);
    expect(other.memory).toMatchObject({ level: 'ordinary', secretBytes: 0 });
    const expected = dataOf(session.runSync(feedsOf(2)));
    const got = dataOf(await other.run(feedsOf(2)));
    for (const [i, value] of expected.entries()) expect(got[i]).toBeCloseTo(value, 4);
    expect(() => other.runSync(feedsOf(2))).toThrow('runSync: the onnxruntime backend has only run');
    await other.release();
  });
});

describe('runtimeInfo', () => {
  it('is of no test build here', () => expect(runtimeInfo().testHooks).toBe(false));
});

// y = Add(a, b) over float [n]
const value = (field: number, name: string) =>
  message(field, bytes(1, name), message(2, message(1, int(1, 1), message(2, message(1, bytes(2, 'n'))))));
const add = Buffer.concat([
  int(1, 8),
  message(
    7,
    message(1, bytes(1, 'a'), bytes(1, 'b'), bytes(2, 'y'), bytes(4, 'Add')),
    value(11, 'a'),
    value(11, 'b'),
    value(12, 'y'),
  ),
  message(8, int(2, 17)),
]);

describe('a large tensor to be filled by run', () => {
  const elements = 1 << 18;
  const feeds = {
    a: new Tensor(
      'float32',
      new Float32Array(elements).map((_, i) => i),
      [elements],
    ),
    b: new Tensor('float32', new Float32Array(elements).fill(0.5), [elements]),
  };

  it('takes the result, a view of a larger array too, and leaves no other copy to the garbage collector', async () => {
    const adding = await InferenceSession.create(add);
    const whole = new Float32Array(elements + 2).fill(7);
    const target = new Tensor('float32', whole.subarray(1, elements + 1), [elements]);
    await adding.run(feeds, { y: target });
    const before = process.memoryUsage().external;
    const runs = 40;
    for (let i = 0; i < runs; i += 1) await adding.run(feeds, { y: target });
    expect(process.memoryUsage().external - before).toBeLessThan((runs / 4) * elements * 4);
    expect([whole[0], whole[1], whole[2], whole[elements], whole[elements + 1]]).toEqual([
      7,
      0.5,
      1.5,
      elements - 0.5,
      7,
    ]);
    await adding.release();
  });

  it('is refused when its buffer was transferred during the run', async () => {
    const adding = await InferenceSession.create(add);
    const data = new Float32Array(elements);
    const running = adding.run(feeds, { y: new Tensor('float32', data, [elements]) });
    structuredClone(data, { transfer: [data.buffer] });
    await expect(running).rejects.toMatchObject({
      code: 'ERR_INPUT_INVALID',
      message: 'output y: the buffer of the tensor to be filled was transferred or shrunk during the run',
    });
    await adding.release();
  });
});

describe('inputs whose getters take other inputs away', () => {
  it.each(['run', 'runSync'] as const)('%s never computes on memory that is gone', async (method) => {
    const adding = await InferenceSession.create(add);
    const elements = 4096;
    let refused = 0;
    // The getter strikes at its first, second, ... reading: some are ours, some the addon's.
    for (let strike = 1; strike <= 40; ++strike) {
      const a = new Float32Array(elements).fill(1);
      let readings = 0;
      const dims = Object.defineProperty([elements], 0, {
        enumerable: true,
        get: () => {
          if (++readings === strike) structuredClone(a.buffer, { transfer: [a.buffer] });
          return elements;
        },
      });
      const feeds = {
        a: { type: 'float32', dims: [elements], data: a },
        b: { type: 'float32', dims, data: new Float32Array(elements) },
      } as const;
      try {
        const { y } = await adding[method](feeds);
        expect(a.length).toBe(elements);
        expect(y?.data[elements - 1]).toBe(1);
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_INPUT_INVALID' });
        expect(a.length).toBe(0);
        ++refused;
      }
    }
    expect(refused).toBeGreaterThan(0);
    await adding.release();
  });
});
