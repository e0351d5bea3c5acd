/** Operator routes need `Authorization: Bearer <token>`; the token lives in a file that only the operator reads. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { UsageError } from '../../src/errors.js';
import { readPrivateFile } from './private_file.js';

const TOKEN_MIN_CHARS = 32;

export async function readOperatorToken(path: string): Promise<string> {
  const token = (await readPrivateFile(path, 'operator token')).trim();
  if (!/^[\x21-\x7e]+$/.test(token) || token.length < TOKEN_MIN_CHARS)
    throw new UsageError(
      'ERR_OPTION_INVALID',
      `operator token ${path} must be at least ${TOKEN_MIN_CHARS} printable characters without spaces`,
    );
  return token;
}

/** Compares digests, so that neither the time taken nor its length tells anything about the token. */
export function operatorTokenChecker(token: string): (request: FastifyRequest) => boolean {
  const expected = sha256(token);
  return (request) => {
    const header = request.headers.authorization ?? '';
    const given = /^Bearer ([\x21-\x7e]+)$/i.exec(header)?.[1] ?? '';
    return timingSafeEqual(sha256(given), expected);
  };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}

/** Addresses that no other machine can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
