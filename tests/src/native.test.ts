import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import * as errors from '../../src/errors.js';
import { Tensor } from '../../src/index.js';
import { native, runtimeInfo, secretFromBytes, secretMemoryReport } from '../../src/native.js';
import { oneNodeModel } from '../property/operators/one_node_model.js';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');

/** The union types of errors.ts are gone at run time: the codes are read from its text. */
function codesOf(errorClass: string): string[] {
  const text = readFileSync(join(root, 'src', 'errors.ts'), 'utf8');
  const union = new RegExp(`type ${errorClass}Code =([^;]+);`).exec(text)?.[1] ?? '';
  return [...union.matchAll(/'(ERR_[A-Z0-9_]+)'/g)].map((match) => match[1] ?? '');
}

describe('native errors', () => {
  it('all have a class and a code of errors.ts', () => {
    const table = native().errorTable();
    expect(table.length).toBeGreaterThan(30);
    for (const [errorClass, code] of table) {
      expect(errors).toHaveProperty(errorClass);
      expect(codesOf(errorClass), `${errorClass} ${code}`).toContain(code);
    }
  });

  it('arrive as those classes, with fields', () => {
    const wrong = () => secretFromBytes('not bytes' as never);
    expect(wrong).toThrow(errors.UsageError);
    expect(wrong).toThrow('bytes: expected an ArrayBuffer or a view of one');
    try {
      wrong();
    } catch (error) {
      expect(error).toMatchObject({ name: 'UsageError', code: 'ERR_OPTION_INVALID', fields: { option: 'bytes' } });
    }
  });

  it('an addon that is not built is named, with what to run', async () => {
    const script = `import { native } from ${JSON.stringify(join(root, 'src', 'native.ts'))};
      try { native(); } catch (error) { console.log(error.name, error.code, error.message); }`;
    const { stdout } = await run(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      cwd: root,
      env: { ...process.env, SEALEDGE_NATIVE_BUILD: '/nonexistent' },
    });
    expect(stdout.trim()).toBe(
      'UsageError ERR_NATIVE_MISSING the native addon is not at /nonexistent/sealedge.node: run `npm run build`',
    );
  });
});

describe('secret handles', () => {
  it('show their size and nothing else', () => {
    const secret = secretFromBytes(Buffer.from('sixteen byte key'));
    expect(secret.byteLength).toBe(16);
    expect(Object.keys(secret)).toEqual(['byteLength']);
    expect(JSON.stringify(secret)).toBe('{"byteLength":16}');
    expect(secret.closed).toBe(false);
    secret.close();
    secret.close();
    expect(secret.closed).toBe(true);
  });

  it('are made from any view, at its offset', () => {
    const bytes = new Uint8Array([1, 2, 3, 4]);
    for (const view of [bytes.subarray(1, 3), new Uint16Array([1]), new DataView(bytes.buffer, 2)]) {
      expect(secretFromBytes(view as Uint8Array).byteLength).toBe(2);
    }
    expect(secretFromBytes(new Uint8Array(0)).byteLength).toBe(0);
  });

  it('live in registered secret memory', () => {
    const secret = secretFromBytes(new Uint8Array(100_000));
    const report = secretMemoryReport();
    expect(['secretmem', 'locked']).toContain(report.level);
    expect(report.regions.some(({ purpose, sizeBytes }) => purpose === 'secret' && sizeBytes >= 100_000)).toBe(true);
    secret.close();
    expect(secretMemoryReport().regions.some(({ purpose }) => purpose === 'secret')).toBe(false);
  });
});

describe('what a caller gives', () => {
  const dims = [4];
  const x = () => ({ name: 'x0', type: 1, dims, data: new Float32Array([-1, 2, -3, 4]) });
  const target = () => ({ index: 0, data: new Float32Array(4) });
  const throwing = (object: object, name: string) =>
    Object.defineProperty({ ...object }, name, {
      get: () => {
        throw new Error('cannot be read');
      },
    }) as never;
  const relu = () =>
    native().createSession(
      {
        bytes: oneNodeModel({
          opType: 'Relu',
          opset: 17,
          inputs: [new Tensor('float32', [0, 0, 0, 0], dims)],
          outputTypes: ['float32'],
        }),
      },
      undefined,
      1,
      {},
    );

  it('may fail to be read: what its getters throw arrives', async () => {
    const session = await relu();
    for (const name of Object.keys(x())) {
      expect(() => native().runSessionSync(session, [throwing(x(), name)], [0]), name).toThrow('cannot be read');
      expect(() => native().runSession(session, [throwing(x(), name)], [0]), name).toThrow('cannot be read');
    }
    for (const name of Object.keys(target())) {
      for (const inputs of [[], [x()]]) {
        expect(() => native().runSessionSync(session, inputs, [throwing(target(), name)]), name).toThrow(
          'cannot be read',
        );
      }
    }
    const unreadable = Object.defineProperty(
      [...dims],
      0,
      Object.getOwnPropertyDescriptor(throwing({}, '0'), '0') ?? {},
    );
    expect(() => native().runSessionSync(session, [{ ...x(), dims: unreadable }], [0])).toThrow('cannot be read');
    expect(() => native().createSession(throwing({}, 'path'), undefined, 1, {})).toThrow('cannot be read');
    expect(() => native().createSession(throwing({}, 'bytes'), undefined, 1, {})).toThrow('cannot be read');
    expect(() => native().createSession({ bytes: new Uint8Array() }, undefined, 1, throwing({}, 'maxNodes'))).toThrow(
      'cannot be read',
    );
    await native().releaseSession(session);
  });

  it('is what the addon expects, or refused', async () => {
    const session = await relu();
    for (const dim of [3.5, -1, Number.NaN, '4']) {
      const inputs = [{ ...x(), dims: [dim as number] }];
      expect(() => native().runSessionSync(session, inputs, [0]), String(dim)).toThrow('expected whole numbers from 0');
    }
    for (const index of [-1, 2 ** 32, Number.NaN]) {
      expect(() => native().runSessionSync(session, [x()], [index]), String(index)).toThrow('out of range');
    }
    expect(() => native().runSession(session, [x()], [target()] as never)).toThrow('expected an index, got an object');
    const placed = target();
    const results = native().runSessionSync(session, [x()], [0, placed]);
    expect([...placed.data]).toEqual([0, 2, 0, 4]);
    expect(results.map(({ data }) => data === null)).toEqual([false, true]);
    await native().releaseSession(session);
  });

  it('may change while it is read', async () => {
    const session = await relu();
    const outputs: object[] = [
      {
        data: new Float32Array(4),
        get index() {
          for (let i = 0; i < 100_000; ++i) outputs.push(target());
          return 0;
        },
      },
    ];
    expect(native().runSessionSync(session, [x()], outputs as never)).toHaveLength(1);
    const inputs = [x(), x()];
    Object.defineProperty(inputs, 0, {
      get: () => {
        inputs.length = 1;
        return x();
      },
    });
    expect(() => native().runSessionSync(session, inputs, [0])).toThrow('input: expected an object');
    // Younger than the library that the compiler is told of.
    const Resizable = ArrayBuffer as unknown as new (bytes: number, options: { maxByteLength: number }) => ArrayBuffer;
    const resizable = new Resizable(16, { maxByteLength: 32 });
    const shrinking = {
      ...x(),
      get dims() {
        (resizable as unknown as { resize(bytes: number): void }).resize(4);
        return dims;
      },
    };
    const placed = { index: 0, data: new Float32Array(resizable) };
    expect(() => native().runSessionSync(session, [shrinking], [placed])).toThrow('expected 16 bytes, got 4');
    const detached = x();
    const detaching = {
      data: new Float32Array(4),
      get index() {
        structuredClone(detached.data.buffer, { transfer: [detached.data.buffer] });
        return 0;
      },
    };
    expect(() => native().runSessionSync(session, [detached], [detaching])).toThrow('has the wrong size');
    await native().releaseSession(session);
  });
});

describe('runtimeInfo', () => {
  it('names the active ISA and the private libcrypto', () => {
    const info = runtimeInfo();
    expect(['scalar', 'avx2', 'avx512', 'vnni', 'neon', 'dotprod']).toContain(info.isa);
    expect(info.threads).toBeGreaterThan(0);
    expect(info.libcrypto).toMatch(/^OpenSSL 3\./);
  });
});

describe('the environment of the addon', () => {
  const load =
    "import('./src/native.ts').then((m) => m.runtimeInfo()).then((i) => console.log(i.isa), (e) => console.log(e.code, e.message))";
  const said = async (env: Record<string, string>) =>
    (
      await run(process.execPath, ['--import', 'tsx', '-e', load], { cwd: root, env: { ...process.env, ...env } })
    ).stdout.trim();
  const other = process.arch === 'arm64' ? 'avx2' : 'neon';

  it.each([
    [{ SEALEDGE_ISA: 'scalar' }, /^scalar$/],
    [{ SEALEDGE_ISA: '', SEALEDGE_MEMORY: '' }, /^[a-z0-9]+$/],
    [{ SEALEDGE_ISA: 'sse9' }, /^ERR_OPTION_INVALID SEALEDGE_ISA: expected scalar, .*, got sse9$/],
    [{ SEALEDGE_ISA: other }, new RegExp(`^ERR_OPTION_INVALID SEALEDGE_ISA: .* has no ${other}; it has `)],
    [{ SEALEDGE_MEMORY: 'lokced' }, /^ERR_OPTION_INVALID SEALEDGE_MEMORY: expected secretmem, locked, got lokced$/],
  ])('%j', async (env, expected) => {
    expect(await said(env)).toMatch(expected);
  });
});
