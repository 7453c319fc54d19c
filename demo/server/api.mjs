// The routes under /api: the orders, the health check, and the description of both.

import { createHash, randomUUID } from 'node:crypto';
import cors from '@fastify/cors';
import swagger from '@fastify/swagger';
import { json, problem } from './answer.mjs';
import { createHandlers, receiveRequests } from './exchange.mjs';
import * as description from './openapi.mjs';
import { completeOrder, orderInputSchema, orderSchema } from './order.mjs';
import { addOrder, findOrder, listChanges, removeOrder, replaceOrder } from './orders.mjs';

/** @import { FastifyInstance, FastifyRequest } from 'fastify' */
/** @import { Answer } from './answer.mjs' */
/** @import { Database } from './database.mjs' */
/** @import { Outcome } from './idempotency.mjs' */
/** @import { RequestLog } from './log.mjs' */
/** @import { StoredOrder } from './orders.mjs' */
/** @import { Switches } from './switches.mjs' */

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
  const timestamp = () => new Date(now()).toISOString();

  receiveRequests(api, parts);
  const { reading, writing } = createHandlers(api, parts);

  if (origin) {
    await api.register(cors, {
      origin,
      methods: ['GET', 'POST', 'PUT', 'DELETE'],
      exposedHeaders: ['ETag', 'Retry-After', 'Date', 'Location'],
    });
  }

  await api.register(swagger, description.document);
  for (const schema of [orderSchema, orderInputSchema, description.problemSchema]) {
    api.addSchema(schema);
  }

  const nowhere = reading(async ({ method, url }) =>
    problem(404, `There is no ${method} ${url}. See /api/openapi.json.`),
  );
  // A route, for a not-found handler would be passed over where pages are served.
  const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
  api.route({ method: methods, url: '/*', schema: { hide: true }, handler: nowhere });

  api.get('/openapi.json', { schema: { hide: true } }, async () => api.swagger());

  const health = reading(async () =>
    switches.health === 200
      ? json(200, { status: 'ok' })
      : problem(switches.health, 'The switch for an API that is not healthy is on.'),
  );
  api.get('/health', { schema: description.health }, health);

  const list = reading(async ({ query }) => {
    const answer = json(200, await listChanges(database, Number(query.since), query.limit));
    const tag = createHash('sha256').update(answer.body).digest('base64url');
    return { ...answer, headers: { ...answer.headers, etag: `"${tag}"` } };
  });
  api.get('/orders', { schema: description.listOrders, preValidation: readLimit }, list);

  const get = reading(async ({ params: { id } }) => {
    const found = await findOrder(database, id);
    return found ? order(200, found) : noOrder(id);
  });
  api.get('/orders/:id', { schema: description.getOrder }, get);

  const create = writing(async (tx, { body }) => {
    const at = timestamp();
    const record = completeOrder(body, { id: randomUUID(), createdAt: at, updatedAt: at });
    const added = await addOrder(tx, record);
    if (!added) return unchanged(idTaken(record.id));
    return applied(order(201, added, { location: `/api/orders/${record.id}` }));
  });
  api.post('/orders', { schema: description.createOrder }, create);

  const replace = writing(async (tx, { params: { id }, headers, body }) => {
    if (body.id !== undefined && body.id !== id) return unchanged(otherId());
    const current = await findOrder(tx, id);
    if (!current) return unchanged(noOrder(id));
    if (!namesTag(headers['if-match'], tagOf(current))) return unchanged(outdated(current));
    // Of two changes the later stays, and whoever sent the earlier one gets to see it.
    const stamp = body.updatedAt ?? timestamp();
    if (Date.parse(stamp) < Date.parse(current.record.updatedAt)) {
      return unchanged(order(200, current));
    }
    const { createdAt } = current.record;
    const record = completeOrder(body, { id, createdAt, updatedAt: stamp });
    return applied(order(200, await replaceOrder(tx, record)));
  });
  api.put('/orders/:id', { schema: description.replaceOrder }, replace);

  const remove = writing(async (tx, { params: { id }, headers }) => {
    const current = await findOrder(tx, id);
    if (!current) return unchanged(noOrder(id));
    if (!namesTag(headers['if-match'], tagOf(current))) return unchanged(outdated(current));
    await removeOrder(tx, id);
    return applied({ status: 204, headers: {}, body: '' });
  });
  api.delete('/orders/:id', { schema: description.deleteOrder }, remove);
}

/**
 * A query has only text; its schema wants a number.
 *
 * @param {FastifyRequest} request
 */
async function readLimit({ query }) {
  const { limit } = /** @type {{ limit?: unknown }} */ (query);
  if (limit !== undefined) Object.assign(/** @type {object} */ (query), { limit: Number(limit) });
}

/**
 * @param {Answer} answer
 * @returns {Outcome}
 */
const applied = answer => ({ effect: 'applied', answer });

/**
 * @param {Answer} answer
 * @returns {Outcome}
 */
const unchanged = answer => ({ effect: 'none', answer });

/** @param {StoredOrder} stored */
const tagOf = ({ version }) => `"${version}"`;

/**
 * If-Match compares strongly: a weak tag names nothing (RFC 9110, section 13.1.1).
 *
 * @param {string | undefined} ifMatch
 * @param {string} tag
 */
function namesTag(ifMatch, tag) {
  if (ifMatch === undefined || ifMatch.trim() === '*') return true;
  return /** @type {string[]} */ (ifMatch.match(/(W\/)?"[^"]*"/g) ?? []).includes(tag);
}

/**
 * @param {number} status
 * @param {StoredOrder} stored
 * @param {Record<string, string>} [headers]
 */
const order = (status, stored, headers = {}) =>
  json(status, stored.record, { etag: tagOf(stored), ...headers });

/** @param {string} id */
const noOrder = id =>
  problem(404, `There is no order ${id}: it was deleted, or it never was.`, {
    type: 'urn:problem-type:no-such-order',
    title: 'No such order',
  });

/** @param {string} id */
const idTaken = id =>
  problem(409, `The id ${id} was used before. Create the order under a new id.`, {
    type: 'urn:problem-type:id-taken',
    title: 'Id is taken',
  });

const otherId = () => problem(422, 'The id in the body must be the one in the path.');

/** @param {StoredOrder} current */
const outdated = current =>
  problem(
    412,
    'The order was changed in the meantime. Read it again and repeat the change.',
    {},
    { etag: tagOf(current) },
  );
