// One collection, as the app sees it.

import { callOptions, created, deleted, updated, type Unnamed } from './change.js';
import { checkId } from './ids.js';
import { checkJson, isPlainObject, parseJson } from './json.js';
import { HoldfastError } from './errors.js';
import { guarded, steady, type Live, type Report } from './live.js';
import type { Comparison, Query, Read, Row } from './protocol.js';
import { presented } from './record.js';
import type { Collection, Stored, Watching } from './surface.js';

export interface CollectionHost {
  write(change: Unnamed): Promise<Row | null>;
  /** Answers with JSON text. */
  read(read: Read): Promise<string>;
  live: Live;
  report: Report;
  newId(): string;
}

export function collection<T extends object>(name: string, host: CollectionHost): Collection<T> {
  const stored = (row: Row): Stored<T> => presented(row) as Stored<T>;
  const found = (text: string): Stored<T> | undefined => {
    const row = parseJson(text) as Row | null;
    return row ? stored(row) : undefined;
  };

  /**
   * Calls `listener` with what `shown` makes of each answer that is another than before. It is read
   * from what is called so: the collection, or a record.
   */
  function watch<V>(
    from: string,
    read: Read,
    shown: (text: string) => V,
    listener: (value: V) => void,
    options: unknown,
  ): () => void {
    const { signal } = callOptions('subscribe', options, ['signal']);
    const tell = guarded(listener, host.report);
    const subject = {
      reads: [from],
      ask: () => host.read(read),
      show: (text: string) => tell(shown(text)),
    };
    return host.live.watch(subject, signal as AbortSignal | undefined);
  }

  function subscribe(
    what: Query | string,
    listener: ((rows: Stored<T>[]) => void) & ((record: Stored<T> | undefined) => void),
    options?: Watching,
  ): () => void {
    if (typeof what === 'string') {
      checkId(what);
      const read: Read = { type: 'get', collection: name, id: what };
      return watch(`${name}/${what}`, read, found, listener, options);
    }
    const shown = steady(
      answer => answer as Row[],
      row => String(row.body.id),
      presented,
    ) as (text: string) => Stored<T>[];
    const read: Read = { type: 'list', collection: name, query: copied(what) };
    return watch<Stored<T>[]>(name, read, shown, listener, options);
  }

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
      return found(await host.read({ type: 'get', collection: name, id }));
    },
    async list(query = {}) {
      const read: Read = { type: 'list', collection: name, query: copied(query) };
      return (parseJson(await host.read(read)) as Row[]).map(stored);
    },
    async count(query = {}) {
      const read: Read = { type: 'count', collection: name, query: copied(query) };
      return Number(await host.read(read));
    },
    subscribe,
    subscribeCount(query, listener, options) {
      const read: Read = { type: 'count', collection: name, query: copied(query) };
      return watch(name, read, Number, listener, options);
    },
  };
}

/** What every comparison is called, so that the compiler knows of each. */
const comparisons = {
  eq: 1,
  ne: 1,
  lt: 1,
  lte: 1,
  gt: 1,
  gte: 1,
  in: 1,
  like: 1,
  prefix: 1,
  isNull: 1,
} satisfies Record<keyof Comparison, 1>;
const parts = { where: 1, orderBy: 1, limit: 1, offset: 1, after: 1 } satisfies Record<
  keyof Query,
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
  const unknown = Object.keys(query).find(key => !Object.hasOwn(parts, key));
  if (unknown !== undefined)
    throw badQuery(
      `'${unknown}' is no part of a query; there are ${Object.keys(parts).join(', ')}`,
    );
  const { where, orderBy, limit, offset, after } = query;
  for (const [name, count] of Object.entries({ limit, offset }))
    if (count !== undefined && !isLimit(count))
      throw badQuery(`${name} must be a whole number, 0 or more`);
  const fields: unknown[] = Array.isArray(orderBy) ? orderBy : [orderBy ?? ''];
  if (fields.some(field => typeof field !== 'string'))
    throw badQuery("orderBy must be the name of a field, '-' before it to descend, or an array");
  if (where !== undefined) {
    checkJson(where, 'where', 'bad-query');
    checkWhere(where, 'where');
  }
  if (after !== undefined) checkJson(after, 'after', 'bad-query');
  return JSON.parse(JSON.stringify(query)) as Query;
}

function checkWhere(where: unknown, place: string): void {
  if (!isPlainObject(where)) throw badQuery(`${place} must be an object of fields`);
  for (const [field, condition] of Object.entries(where)) {
    const path = `${place}.${field}`;
    if (field === 'not') checkWhere(condition, path);
    else if (field === 'and' || field === 'or') {
      if (!Array.isArray(condition)) throw badQuery(`${path} must be an array of objects`);
      condition.forEach((part, i) => checkWhere(part, `${path}[${i}]`));
    } else if (isPlainObject(condition)) {
      const strange = Object.keys(condition).find(key => !Object.hasOwn(comparisons, key));
      if (strange !== undefined)
        throw badQuery(
          `${path}.${strange} is no comparison; there are ${Object.keys(comparisons).join(', ')}`,
        );
    }
  }
}

export function isLimit(limit: unknown): limit is number {
  return Number.isSafeInteger(limit) && (limit as number) >= 0;
}

function badQuery(flaw: string): HoldfastError {
  return new HoldfastError('bad-query', `${flaw}. Nothing was read.`);
}
