// The routes under /api: the collections, batches, the sign-in, the health check, and the
// description of all of it.

import cors from '@fastify/cors';
import swagger from '@fastify/swagger';
import { json, problem } from './answer.mjs';
import { answerMembers } from './batch.mjs';
import { collectionRoutes } from './collection.mjs';
import { createHandlers, receiveRequests } from './exchange.mjs';
import { notes } from './notes.mjs';
import * as description from './openapi.mjs';
import { orders } from './orders.mjs';
import { signIn } from './sign-in.mjs';

/** @import { FastifyInstance } from 'fastify' */
/** @import { Database } from './database.mjs' */
/** @import { RequestLog } from './log.mjs' */
/** @import { Switches } from './switches.mjs' */

const collections = [orders, notes];

/**
 * @param {FastifyInstance} api
 * @param {object} parts
 * @param {Database} parts.database
 * @param {RequestLog} parts.log
 * @param {Switches} parts.switches
 * @param {string} [parts.origin] Whose pages may call the API, beside its own; '*' for all.
 * @param {() => number} parts.now
 */
export async function apiRoutes(api, parts) {
  const { database, switches, origin, now } = parts;

  receiveRequests(api, parts);
  const handlers = createHandlers(api, parts);
  const { reading, gathering } = handlers;

  if (origin) {
    await api.register(cors, {
      origin,
      methods: ['GET', 'POST', 'PUT', 'DELETE'],
      exposedHeaders: ['ETag', 'Retry-After', 'Date', 'Location'],
    });
  }

  await api.register(swagger, description.document);
  for (const { schema, inputSchema } of collections) {
    api.addSchema(schema);
    api.addSchema(inputSchema);
  }
  api.addSchema(description.problemSchema);

  const nowhere = reading(async ({ method, url }) =>
    problem(404, `There is no ${method} ${url}. See /api/openapi.json.`),
  );
  // A route, for a not-found handler would be passed over where pages are served.
  const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
  api.route({ method: methods, url: '/*', schema: { hide: true }, handler: nowhere });

  const open = { open: true };
  api.get('/openapi.json', { schema: { hide: true }, config: open }, async () => api.swagger());

  const health = reading(async () =>
    switches.health === 200
      ? json(200, { status: 'ok' })
      : problem(switches.health, 'The switch for an API that is not healthy is on.'),
  );
  api.get('/health', { schema: description.health, config: open }, health);

  const enter = reading(async ({ body }) => json(200, await signIn(database, body, now())));
  api.post('/sign-in', { schema: description.signIn, config: open }, enter);

  for (const collection of collections) {
    collectionRoutes(api, collection, { database, handlers, now });
  }

  const batch = gathering(async ({ body, headers }) =>
    json(200, { responses: await answerMembers(api, body.requests, headers.authorization) }),
  );
  // Several changes of up to 1 MiB each.
  const bodyLimit = 4 * 1024 * 1024;
  api.post('/batch', { schema: description.batch, bodyLimit }, batch);
}
