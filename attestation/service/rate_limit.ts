/**
 * How often one address may ask for what costs the verifier memory or work and asks nothing of the caller: a challenge is a row, an
 * enrolment is certificate chains and a row. Counted in the store, so that two verifiers on one database share the limit (design decision 18).
 */
import { isIPv6 } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ServiceContext } from './context.js';
import { operatorRefusal } from './http_errors.js';

const WINDOW_MS = 60_000;
export const DEFAULT_REQUESTS_PER_MINUTE = 600;

/** An `onRequest` hook: before a body is read. */
export function rateLimit({ store, now, requestsPerMinute }: ServiceContext, what: string) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (requestsPerMinute === 0) return;
    const at = now();
    const windowStart = at - (at % WINDOW_MS);
    const count = await store.countRequest(`${what} ${network(request.ip)}`, windowStart);
    if (count <= requestsPerMinute) return;
    reply.header('retry-after', Math.ceil((windowStart + WINDOW_MS - at) / 1_000));
    throw operatorRefusal(429, 'rate-limited', 'too many requests from this address');
  };
}

/** Whoever has one IPv6 address has 2^64 of them. */
function network(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  // "::" stands for as many zero groups as are missing.
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length);
  const all = [...groups, ...Array.from({ length: Math.max(missing, 0) }, () => '0'), ...(tail ? tail.split(':') : [])];
  return `${all.slice(0, 4).join(':')}::/64`;
}
