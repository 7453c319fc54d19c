// One collection, as the app sees it.

import { checkId } from './ids.js';
import { checkJson, isPlainObject, parseJson } from './json.js';
import { HoldfastError } from './errors.js';
import type { LiveQueries } from './live.js';
import type { Comparison, Kind, Query, Read, Row } from './protocol.js';
import { creation, presented, update } from './record.js';
import type { Collection, Stored } from './surface.js';

export interface CollectionHost {
  write(kind: Kind, collection: string, record: string, change: string): Promise<Row | null>;
  /** Answers with JSON text. */
  read(read: Read): Promise<string>;
  live: LiveQueries;
  newId(): string;
}

export function collection<T extends object>(name: string, host: CollectionHost): Collection<T> {
  const stored = (row: Row): Stored<T> => presented(row) as Stored<T>;

  return {
    async create(body) {
      const { id, change } = creation(name, body, host.newId);
      return stored((await host.write('create', name, id, change)) as Row);
    },
    async update(id, changes, options) {
      checkId(id);
      const change = update(name, id, changes, options?.remove);
      return stored((await host.write('update', name, id, change)) as Row);
    },
    async delete(id) {
      checkId(id);
      await host.write('delete', name, id, '');
    },
    async get(id) {
      checkId(id);
      const row = parseJson(await host.read({ type: 'get', collection: name, id })) as Row | null;
      return row ? stored(row) : undefined;
    },
    async list(query = {}) {
      checkQuery(query);
      return (parseJson(await host.read({ type: 'list', collection: name, query })) as Row[]).map(
        stored,
      );
    },
    subscribe(query, listener) {
      checkQuery(query);
      // A copy: the app may go on to change its own.
      return host.live.subscribe(name, structuredClone(query), rows =>
        listener(rows as Stored<T>[]),
      );
    },
  };
}

/** What every comparison is called, so that the compiler knows of each. */
const comparisons = { eq: 1, ne: 1, lt: 1, lte: 1, gt: 1, gte: 1, in: 1 } satisfies Record<
  keyof Comparison,
  1
>;

/**
 * Refuses what can be seen from here; the rest is the core's to refuse. @throws {HoldfastError}
 * 'bad-query'
 */
function checkQuery(query: Query): void {
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
  if (where === undefined) return;
  if (!isPlainObject(where)) throw badQuery('where must be an object of fields');
  checkJson(where, 'where', 'bad-query');
  for (const [field, condition] of Object.entries(where)) {
    if (!isPlainObject(condition)) continue;
    const strange = Object.keys(condition).find(key => !(key in comparisons));
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
