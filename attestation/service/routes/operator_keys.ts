/** The key store and who may have which key: the operator's half of release. */
import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { parseKeyFile } from '../../../src/container/key_file.js';
import { KeyError } from '../../../src/errors.js';
import { sealKeyRecord } from '../../key_release/key_store.js';
import type { ServiceContext } from '../context.js';
import { operatorRefusal } from '../http_errors.js';
import * as schemas from '../operator_schemas.js';
import { answers } from '../schemas.js';
import type { GrantSubject } from '../store/store.js';

interface KeyParams {
  keyId: string;
}

export function registerKeyRoutes(app: FastifyInstance, context: ServiceContext): void {
  registerKeyStoreRoutes(app, context);
  registerGrantRoutes(app, context);
}

function registerKeyStoreRoutes(app: FastifyInstance, { store, identity, now }: ServiceContext): void {
  app.get(
    '/keys',
    { schema: { summary: 'Keys in the store, without the keys', response: answers(200, schemas.KEYS) } },
    async () => ({ keys: await store.listKeys() }),
  );

  app.post<{ Body: { keyFile: string } }>(
    '/keys',
    {
      schema: {
        summary: 'Import the content key of a sealed model; at rest it is under the master key',
        body: schemas.NEW_KEY,
        response: answers(201, schemas.KEY),
      },
    },
    async (request, reply) => {
      const file = readKeyFile(request.body.keyFile);
      try {
        const keyId = file.keyId.toString('hex');
        const { name: model, version } = file.model;
        const publisher = createHash('sha256').update(file.publisherSpki).digest();
        const label = { keyId, model, version: BigInt(version), publisher };
        const record = sealKeyRecord(identity.masterKey, label, file.contentKey);
        const createdAt = now();
        const added = await store.addKey({ keyId, model, version, record, createdAt });
        if (!added.added)
          throw added.reason === 'exists'
            ? operatorRefusal(409, 'key-exists', `the store has a key for ${model} version ${version}, or this key`)
            : operatorRefusal(409, 'key-out-of-order', `the store has a newer version of ${model} than ${version}`);
        request.log.info({ keyId, model, version, generation: added.generation }, 'key imported');
        return reply.status(201).send({ keyId, model, version, generation: added.generation, createdAt });
      } finally {
        file.contentKey.fill(0);
      }
    },
  );
}

function registerGrantRoutes(app: FastifyInstance, { store, now }: ServiceContext): void {
  const schema = { params: schemas.KEY_PARAMS, response: answers(200, schemas.GRANTS) };
  const shown = async (keyId: string) => {
    const grants = await store.listGrants(keyId);
    return { keyId, grants: grants.map(({ subject, createdAt }) => ({ ...subject, createdAt })) };
  };
  const body = schemas.GRANT;

  app.get<{ Params: KeyParams }>(
    '/keys/:keyId/grants',
    { schema: { ...schema, summary: 'Who may have a key' } },
    async ({ params: { keyId } }) => shown(keyId),
  );

  app.post<{ Params: KeyParams; Body: Partial<Record<'fleet' | 'deviceId', string>> }>(
    '/keys/:keyId/grants',
    { schema: { ...schema, body, summary: 'Let a fleet, or one device, have a key once it attests' } },
    async (request) => {
      const { keyId } = request.params;
      const subject = readSubject(request.body);
      // A device may be named before it enrols; a fleet exists by its policy, and a name without one is a mistake.
      if ('fleet' in subject && (await store.getPolicy(subject.fleet)) === undefined)
        throw operatorRefusal(404, 'policy-unknown', `fleet ${subject.fleet} has no policy`);
      if (!(await store.grantKey(keyId, subject, now())))
        throw operatorRefusal(404, 'key-unknown', `the store has no key ${keyId}`);
      request.log.info({ keyId, ...subject }, 'key granted');
      return shown(keyId);
    },
  );

  app.delete<{ Params: KeyParams; Body: Partial<Record<'fleet' | 'deviceId', string>> }>(
    '/keys/:keyId/grants',
    { schema: { ...schema, body, summary: 'Withdraw a grant: no release or lease from now on' } },
    async (request) => {
      const { keyId } = request.params;
      const subject = readSubject(request.body);
      if (!(await store.withdrawKey(keyId, subject)))
        throw operatorRefusal(404, 'grant-unknown', `key ${keyId} is not granted so`);
      request.log.info({ keyId, ...subject }, 'grant withdrawn');
      return shown(keyId);
    },
  );
}

function readKeyFile(text: string) {
  try {
    return parseKeyFile(text);
  } catch (cause) {
    if (cause instanceof KeyError) throw operatorRefusal(400, 'key-file', cause.message);
    throw cause;
  }
}

function readSubject({ fleet, deviceId }: Partial<Record<'fleet' | 'deviceId', string>>): GrantSubject {
  if (fleet !== undefined && deviceId === undefined) return { fleet };
  if (deviceId !== undefined && fleet === undefined) return { deviceId };
  throw operatorRefusal(400, 'subject-invalid', 'name either a fleet or a device');
}
