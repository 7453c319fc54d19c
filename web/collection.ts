// One collection, as the app sees it.

import { created, deleted, updated, type Unnamed } from './change.js';
import { checkId } from './ids.js';
import { checkJson, isPlainObject, parseJson } from './json.js';
import { HoldfastError } from './errors.js';
import type { LiveQueries } from './live.js';
import type { Comparison, Query, Read, Row } from './protocol.js';
import { presented } from './record.js';
import type { Collection, Stored } from './surface.js';

export interface CollectionHost {
  write(change: Unnamed): Promise<Row | null>;
  /** Answers with JSON text. */
  read(read: Read): Promise<string>;
  live: LiveQueries;
  newId(): string;
}

export function collection<T extends object>(name: string, host: CollectionHost): Collection<T> {
  const stored = (row: Row): Stored<T> => presented(row) as Stored<T>;

  // A write answers with its record, or with null if another tab deleted that before a call which
  // had to be repeated was answered: then what was written is all there is to say.
  return {
    async create(body, options) {
      const written = created(name, body, options, host.newId);
      const row = await host.write(written);
      return stored(row ?? { body: parseJson(written.change) as Row['body'] });
    },
    async update(id, changes, options) {
      const written = updated(name, id, changes, options);
      const row = await host.write(written);
      return stored(row ?? { body: { ...(parseJson(written.change) as { set: object }).set, id } });
    },
    async delete(id, options) {
      await host.write(deleted(name, id, options, ['cascade', 'after']));
    },
    async get(id) {
      checkId(id);
      const row = parseJson(await host.read({ type: 'get', collection: name, id })) as Row | null;
      return row ? stored(row) : undefined;
    },
    async list(query = {}) {
      const read: Read = { type: 'list', collection: name, query: copied(query) };
      return (parseJson(await host.read(read)) as Row[]).map(stored);
    },
    subscribe(query, listener) {
      return host.live.subscribe(name, copied(query), rows => listener(rows as Stored<T>[]));
    },
  };
}

/** What every comparison is called, so that the compiler knows of each. */
const comparisons = { eq: 1, ne: 1, lt: 1, lte: 1, gt: 1, gte: 1, in: 1 } satisfies Record<
  keyof Comparison,
  1
>;

/**
 * The query as plain JSON, which can be sent to a worker whatever the app's own is made of. Refuses
 * what can be seen to be wrong from here; the rest is the core's to refuse.
 *
 * @throws {HoldfastError} 'bad-query'
 */
function copied(query: Query): Query {
  if (!isPlainObject(query)) throw badQuery('A query must be an object { where, orderBy, limit }');
  const unknown = Object.keys(query).find(key => !['where', 'orderBy', 'limit'].includes(key));
  if (unknown !== undefined)
    throw badQuery(`'${unknown}' is no part of a query; there are where, orderBy and limit`);
  const { where, orderBy, limit } = query;
  if (limit !== undefined && !isLimit(limit))
    throw badQuery('limit must be a whole number, 0 or more');
  const fields: unknown[] = Array.isArray(orderBy) ? orderBy : [orderBy ?? ''];
  if (fields.some(field => typeof field !== 'string'))
    throw badQuery("orderBy must be the name of a field, '-' before it to descend, or an array");
  if (where !== undefined) checkWhere(where);
  return JSON.parse(JSON.stringify(query)) as Query;
}

function checkWhere(where: unknown): void {
  if (!isPlainObject(where)) throw badQuery('where must be an object of fields');
  checkJson(where, 'where', 'bad-query');
  for (const [field, condition] of Object.entries(where)) {
    if (!isPlainObject(condition)) continue;
    const strange = Object.keys(condition).find(key => !Object.hasOwn(comparisons, key));
    if (strange !== undefined)
      throw badQuery(
        `where.${field}.${strange} is no comparison; there are ` +
          `${Object.keys(comparisons).join(', ')}`,
      );
  }
}

export function isLimit(limit: unknown): limit is number {
  return Number.isSafeInteger(limit) && (limit as number) >= 0;
}

function badQuery(flaw: string): HoldfastError {
  return new HoldfastError('bad-query', `${flaw}. Nothing was read.`);
}
