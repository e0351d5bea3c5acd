import type { FastifyInstance } from 'fastify';
import type { ServiceContext } from '../context.js';
import { answers, exactly } from '../schemas.js';

/** Says whether this process can do its work now: it asks the store. */
export function registerHealthRoute(app: FastifyInstance, { store }: ServiceContext): void {
  app.get(
    '/v1/health',
    {
      schema: {
        summary: 'Whether the service and its store answer',
        tags: ['service'],
        response: answers(200, exactly({ status: { type: 'string', const: 'ok' } })),
      },
    },
    async () => {
      await store.ping();
      return { status: 'ok' };
    },
  );
}
