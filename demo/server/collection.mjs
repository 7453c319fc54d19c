// The routes of one collection, the same for each: a page of changes, one record, and what
// creates, replaces and deletes it.

import { createHash, randomUUID } from 'node:crypto';
import { json, problem } from './answer.mjs';
import { describeCollection } from './openapi.mjs';

/** @import { FastifyInstance, FastifyRequest } from 'fastify' */
/** @import { Answer } from './answer.mjs' */
/** @import { Database, Queryable } from './database.mjs' */
/** @import { Handlers } from './exchange.mjs' */
/** @import { Outcome } from './idempotency.mjs' */
/** @import { Records, Stored } from './records.mjs' */

/**
 * @typedef {object} Collection
 * @property {string} noun What one of its records is called.
 * @property {string} path Below /api.
 * @property {{ $id: string }} schema Of a record as it is answered.
 * @property {{ $id: string }} inputSchema Of a record as a request brings it.
 * @property {Records} records
 * @property {(input: object, known: any) => any} complete The record of a validated request.
 * @property {(tx: Queryable, record: any) => Promise<Answer | undefined>} refuseRecord Why a valid
 *   record cannot be stored, if it cannot.
 * @property {(tx: Queryable, id: string) => Promise<Answer | undefined>} refuseRemoval Why a
 *   record cannot be deleted, if it cannot.
 */

/**
 * @param {FastifyInstance} api
 * @param {Collection} collection
 * @param {{ database: Database, handlers: Handlers, now: () => number }} parts
 */
export function collectionRoutes(api, collection, { database, handlers, now }) {
  const { noun, path, records, complete } = collection;
  const { reading, writing } = handlers;
  const description = describeCollection(collection);
  const timestamp = () => new Date(now()).toISOString();

  const list = reading(async ({ query }) => {
    const answer = json(200, await records.changes(database, Number(query.since), query.limit));
    const tag = createHash('sha256').update(answer.body).digest('base64url');
    return { ...answer, headers: { ...answer.headers, etag: `"${tag}"` } };
  });
  api.get(path, { schema: description.list, preValidation: readLimit }, list);

  const get = reading(async ({ params: { id } }) => {
    const found = await records.find(database, id);
    return found ? stored(200, found) : absent(noun, id);
  });
  api.get(`${path}/:id`, { schema: description.get }, get);

  const create = writing(async (tx, { body }) => {
    const at = timestamp();
    const record = complete(body, { id: randomUUID(), createdAt: at, updatedAt: at });
    const refused = await collection.refuseRecord(tx, record);
    if (refused) return unchanged(refused);
    const added = await records.add(tx, record);
    if (!added) return unchanged(idTaken(noun, record.id));
    return applied(stored(201, added, { location: `/api${path}/${record.id}` }));
  });
  api.post(path, { schema: description.create }, create);

  const replace = writing(async (tx, { params: { id }, headers, body }) => {
    if (body.id !== undefined && body.id !== id) return unchanged(otherId());
    const current = await records.find(tx, id);
    if (!current) return unchanged(absent(noun, id));
    if (!namesTag(headers['if-match'], tagOf(current))) return unchanged(outdated(noun, current));
    // Of two changes the later stays, and whoever sent the earlier one gets to see it.
    const stamp = body.updatedAt ?? timestamp();
    if (Date.parse(stamp) < Date.parse(current.record.updatedAt)) {
      return unchanged(stored(200, current));
    }
    const { createdAt } = current.record;
    const record = complete(body, { id, createdAt, updatedAt: stamp });
    const refused = await collection.refuseRecord(tx, record);
    if (refused) return unchanged(refused);
    return applied(stored(200, await records.replace(tx, record)));
  });
  api.put(`${path}/:id`, { schema: description.replace }, replace);

  const remove = writing(async (tx, { params: { id }, headers }) => {
    const current = await records.find(tx, id);
    if (!current) return unchanged(absent(noun, id));
    if (!namesTag(headers['if-match'], tagOf(current))) return unchanged(outdated(noun, current));
    const refused = await collection.refuseRemoval(tx, id);
    if (refused) return unchanged(refused);
    await records.remove(tx, id);
    return applied({ status: 204, headers: {}, body: '' });
  });
  api.delete(`${path}/:id`, { schema: description.remove }, remove);
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

/** @param {Stored} stored */
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
 * @param {Stored} found
 * @param {Record<string, string>} [headers]
 */
const stored = (status, found, headers = {}) =>
  json(status, found.record, { etag: tagOf(found), ...headers });

/**
 * @param {string} noun
 * @param {string} id
 */
const absent = (noun, id) =>
  problem(404, `There is no ${noun} ${id}: it was deleted, or it never was.`, {
    type: `urn:problem-type:no-such-${noun}`,
    title: `No such ${noun}`,
  });

/**
 * @param {string} noun
 * @param {string} id
 */
const idTaken = (noun, id) =>
  problem(409, `The id ${id} was used before. Create the ${noun} under a new id.`, {
    type: 'urn:problem-type:id-taken',
    title: 'Id is taken',
  });

const otherId = () => problem(422, 'The id in the body must be the one in the path.');

/**
 * @param {string} noun
 * @param {Stored} current
 */
const outdated = (noun, current) =>
  problem(
    412,
    `The ${noun} was changed in the meantime. Read it again and repeat the change.`,
    {},
    { etag: tagOf(current) },
  );
