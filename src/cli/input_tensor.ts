/** Reads the inputs of a model from files: numbers as text (.csv), NumPy arrays (.npy), raw little-endian elements (.bin). */
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { UsageError } from '../errors.js';
import { Tensor, type TensorType, type ValueMetadata } from '../index.js';
import { dataTypeOf } from '../runtime/data_types.js';
import { float16Bits, hasFloat16Array } from '../runtime/float16.js';
import { systemReason } from '../system_error.js';
import { type NpyArray, parseNpy } from './npy.js';

/** A file given as input, read and parsed as far as it can be without knowing the model. */
interface InputFile {
  /** As given: `file`, or `name=file` where a model has several inputs. */
  input: string;
  name: string | undefined;
  path: string;
  content: { numbers: number[] } | { array: NpyArray } | { bytes: Buffer };
}

export async function readInputTensor(
  inputs: readonly string[],
  metadata: readonly ValueMetadata[],
): Promise<Record<string, Tensor>> {
  return feedsOf(await readInputFiles(inputs), metadata);
}

/**
 * Everything that can be said before the model is loaded: where a boot allows one unseal, neither a mistyped path nor a damaged file
 * must use it up.
 */
export async function readInputFiles(inputs: readonly string[]): Promise<InputFile[]> {
  const files: InputFile[] = [];
  for (const input of inputs) {
    const [, name, path = ''] = /^(?:([^=]+)=)?(.+)$/s.exec(input) ?? [];
    if (files.some((other) => other.name === name))
      throw new UsageError('ERR_OPTION_INVALID', `input ${input}: expected each input once, by name`);
    files.push({ input, name, path, content: await readContent(path) });
  }
  return files;
}

async function readContent(path: string): Promise<InputFile['content']> {
  const extension = extname(path).toLowerCase();
  if (!EXTENSIONS.includes(extension))
    throw wrong(`input file ${path}`, '.csv, .npy or .bin', extname(path) || 'no extension');
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new UsageError('ERR_FILE_UNREADABLE', `cannot read ${path}: ${systemReason(cause)}`, { cause });
  }
  if (extension === '.csv') return { numbers: parseCsv(bytes.toString('utf8'), path) };
  return extension === '.npy' ? { array: parseNpy(bytes, path) } : { bytes };
}

export function feedsOf(files: readonly InputFile[], metadata: readonly ValueMetadata[]): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const file of files) {
    const target =
      file.name === undefined && metadata.length === 1 ? metadata[0] : metadata.find((one) => one.name === file.name);
    if (target === undefined) {
      const names = metadata.map((one) => one.name).join(', ');
      throw new UsageError('ERR_OPTION_INVALID', `input ${file.input}: expected <name>=<file> with a name of ${names}`);
    }
    feeds[target.name] = tensorOf(file, target);
  }
  const missing = metadata.find((one) => feeds[one.name] === undefined);
  if (missing !== undefined) throw new UsageError('ERR_OPTION_INVALID', `input ${missing.name} is missing`);
  return feeds;
}

function tensorOf({ path, content }: InputFile, { name, type, shape }: ValueMetadata): Tensor {
  if ('array' in content) {
    if (content.array.type !== type) throw wrong(`${path} for input ${name}`, type, content.array.type);
    return new Tensor(type, elements(type, content.array.data, path), content.array.dims);
  }
  if ('numbers' in content)
    return new Tensor(type, fromNumbers(type, content.numbers), fitShape(shape, content.numbers.length, path));
  const data = elements(type, content.bytes, path);
  return new Tensor(type, data, fitShape(shape, data.length, path));
}

const EXTENSIONS = ['.csv', '.npy', '.bin'];

/** Numbers separated by commas, semicolons or white space. Lines that start with # are comments. */
function parseCsv(text: string, path: string): number[] {
  const values: number[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.startsWith('#')) continue;
    for (const word of line.split(/[,;\s]+/)) {
      if (word === '') continue;
      const value = Number(word);
      if (Number.isNaN(value) && word.toLowerCase() !== 'nan')
        throw wrong(`${path} line ${index + 1}`, 'numbers', word.slice(0, 40));
      values.push(value);
    }
  }
  return values;
}

function fromNumbers(type: TensorType, values: readonly number[]) {
  const row = dataTypeOf(type);
  if (row === undefined) throw wrong('input type', 'a numeric one', type);
  const data = new row.array(values.length);
  const big = data instanceof BigInt64Array || data instanceof BigUint64Array;
  const bits = type === 'float16' && !hasFloat16Array;
  values.forEach((value, i) => {
    data[i] = big ? BigInt(Math.trunc(value)) : bits ? float16Bits(value) : value;
  });
  return data;
}

/** Little-endian elements as the host has them: x86-64 and arm64 are both little-endian. */
function elements(type: TensorType, bytes: Uint8Array, path: string) {
  const row = dataTypeOf(type);
  if (row === undefined) throw wrong('input type', 'a numeric one', type);
  const size = row.array.BYTES_PER_ELEMENT;
  if (bytes.length % size !== 0) throw wrong(path, `a multiple of ${size} bytes`, String(bytes.length));
  // Copied: the elements have to be aligned.
  return new row.array(new Uint8Array(bytes).buffer);
}

/** One free dimension takes what is left; with several, all but the first become one. */
function fitShape(shape: readonly (number | string)[], count: number, path: string): number[] {
  const free = shape.findIndex((dim) => typeof dim !== 'number' || dim < 0);
  const dims = shape.map((dim) => (typeof dim === 'number' && dim >= 0 ? dim : 1));
  const fixed = dims.reduce((product, dim) => product * dim, 1);
  if (free >= 0 && fixed > 0 && count % fixed === 0) dims[free] = count / fixed;
  const expected = dims.reduce((product, dim) => product * dim, 1);
  if (expected !== count) throw wrong(path, `${fixed} values`, String(count));
  return dims;
}

function wrong(what: string, expected: string, got: string): UsageError {
  return new UsageError('ERR_OPTION_INVALID', `${what}: expected ${expected}, got ${got}`, {
    fields: { expected, got },
  });
}
