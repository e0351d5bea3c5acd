/** The NumPy array format, versions 1.0 to 3.0, little-endian, C order. */
import { UsageError } from '../errors.js';
import type { TensorType } from '../index.js';

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
const HEADER = /^\{'descr': '([<|][a-z]\d+)', 'fortran_order': (False|True), 'shape': \(([\d, ]*)\), \}\s*$/;

const TYPES: Readonly<Record<string, TensorType>> = {
  '<f4': 'float32',
  '<f8': 'float64',
  '<f2': 'float16',
  '|u1': 'uint8',
  '|i1': 'int8',
  '<u2': 'uint16',
  '<i2': 'int16',
  '<u4': 'uint32',
  '<i4': 'int32',
  '<u8': 'uint64',
  '<i8': 'int64',
  '|b1': 'bool',
};

export interface NpyArray {
  type: TensorType;
  dims: number[];
  /** Elements, not aligned. */
  data: Uint8Array;
}

/** @throws UsageError `ERR_OPTION_INVALID` */
export function parseNpy(bytes: Buffer, path: string): NpyArray {
  if (bytes.length < 12 || !bytes.subarray(0, 6).equals(MAGIC)) throw wrong(path, 'a NumPy array', 'something else');
  const major = bytes[6] as number;
  if (major < 1 || major > 3) throw wrong(`${path} version`, '1 to 3', String(major));
  const start = major === 1 ? 10 : 12;
  const length = major === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8);
  const [, descr = '', fortran, shape = ''] =
    HEADER.exec(bytes.subarray(start, start + length).toString('latin1')) ?? [];
  const type = TYPES[descr];
  if (type === undefined)
    throw wrong(`${path} descr`, Object.keys(TYPES).join(', '), descr || 'a header that does not parse');
  if (fortran === 'True') throw wrong(`${path} order`, 'C', 'Fortran');
  const dims = shape.split(',').flatMap((dim) => (dim.trim() === '' ? [] : [Number(dim)]));
  const data = bytes.subarray(start + length);
  const expected = dims.reduce((product, dim) => product * dim, 1) * Number(descr.slice(2));
  if (data.length !== expected) throw wrong(path, `${expected} bytes of elements`, String(data.length));
  return { type, dims, data };
}

function wrong(what: string, expected: string, got: string): UsageError {
  return new UsageError('ERR_OPTION_INVALID', `${what}: expected ${expected}, got ${got}`);
}
