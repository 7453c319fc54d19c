// What an app hands to openHoldfast, checked and completed. An option that is not known is an
// error: a slip in a name must not pass for a choice.

import { HoldfastError } from './errors.js';
import { isPlainObject, maxBody } from './json.js';
import { directoryName } from './leader.js';
import type { CollectionConfig, Config, FieldType, PullConfig } from './protocol.js';
import type { Start } from './rpc.js';
import type { Options, Schema } from './surface.js';

export interface Settings {
  name: string;
  config: Config;
  api: Start['api'];
  storage: 'opfs' | 'memory';
  headers: (() => Record<string, string> | Promise<Record<string, string>>) | undefined;
  /** By collection: what tells the server's id out of the answer to a create. */
  serverId: Map<string, (answer: unknown) => string | number>;
  /** By collection: what makes a page out of the answer to a pull. */
  map: Map<string, (answer: unknown) => unknown>;
  /** The collections that can be pulled, */
  pulls: string[];
  /** and how often one is while a page is visible; 0: none is. */
  watchedMs: number;
  check: ((response: Response) => boolean | Promise<boolean>) | undefined;
  workerUrl: string | URL | undefined;
  wasmUrl: string | URL | undefined;
  createWorker: (() => Worker) | undefined;
}

const identifier = /^(?!__proto__$)[A-Za-z_][A-Za-z0-9_]{0,63}$/;
const longestTimeout = 2 ** 31 - 1;
const day = 86_400_000;

/**
 * @throws {HoldfastError} 'bad-option', naming the option. `place` is the page's URL, where there
 * is one.
 */
export function readOptions(options: Options<Schema>, place: string | undefined): Settings {
  const all = members(options, 'the options', [
    'name',
    'baseUrl',
    'collections',
    'health',
    'headers',
    'ordering',
    'concurrency',
    'maxAttempts',
    'backoff',
    'keyLifetimeMs',
    'batch',
    'timeoutMs',
    'storage',
    'workerUrl',
    'wasmUrl',
    'createWorker',
  ]);
  const health = typeof all.health === 'string' ? { path: all.health } : all.health;
  const { path, timeoutMs, check } = members(health ?? {}, 'health', [
    'path',
    'timeoutMs',
    'check',
  ]);
  const backoff = members(all.backoff ?? {}, 'backoff', ['baseMs', 'capMs']);
  const backoffBaseMs = integer(backoff.baseMs, 'backoff.baseMs', 1_000, 1, longestTimeout);
  const { collections, serverId, map, pulls } = collectionsOf(all.collections);
  return {
    name: nameOf(all.name),
    config: {
      collections,
      ordering: oneOf(all.ordering, 'ordering', ['lanes', 'strict']),
      concurrency: integer(all.concurrency, 'concurrency', 4, 1, 64),
      maxAttempts: integer(all.maxAttempts, 'maxAttempts', 5, 1, 1_000),
      backoffBaseMs,
      backoffCapMs: integer(
        backoff.capMs,
        'backoff.capMs',
        Math.max(300_000, backoffBaseMs),
        backoffBaseMs,
        longestTimeout,
      ),
      probeFreshMs: 30_000,
      keyLifetimeMs: integer(all.keyLifetimeMs, 'keyLifetimeMs', day, 0, 366 * day),
      ...(all.batch === undefined ? {} : { batch: batchOf(all.batch) }),
      maxOutbox: 1_000_000,
      maxBody,
    },
    api: {
      baseUrl: baseUrlOf(all.baseUrl, place),
      timeoutMs: integer(all.timeoutMs, 'timeoutMs', 30_000, 1, longestTimeout),
      healthPath: pathOf(path, 'health.path', '/health'),
      healthTimeoutMs: integer(timeoutMs, 'health.timeoutMs', 5_000, 1, longestTimeout),
    },
    storage: oneOf(all.storage, 'storage', ['opfs', 'memory']),
    headers: functionOf<NonNullable<Settings['headers']>>(all.headers, 'headers'),
    check: functionOf<NonNullable<Settings['check']>>(check, 'health.check'),
    serverId,
    map,
    pulls,
    watchedMs: shortestInterval(collections),
    workerUrl: urlOf(all.workerUrl, 'workerUrl'),
    wasmUrl: urlOf(all.wasmUrl, 'wasmUrl'),
    createWorker: functionOf<() => Worker>(all.createWorker, 'createWorker'),
  };
}

function bad(message: string): HoldfastError {
  return new HoldfastError('bad-option', `${message} Nothing was opened.`);
}

/** The members of an object of options, none of them unknown. */
function members<K extends string>(
  value: unknown,
  name: string,
  known: readonly K[],
): { [key in K]?: unknown } {
  if (!isPlainObject(value)) throw bad(`${name} must be an object.`);
  const unknown = Object.keys(value).find(key => !(known as readonly string[]).includes(key));
  if (unknown !== undefined)
    throw bad(
      `${name}: '${unknown}' is not an option of this version. There are: ${known.join(', ')}.`,
    );
  return value as { [key in K]?: unknown };
}

function nameOf(name: unknown): string {
  if (
    typeof name !== 'string' ||
    name === '' ||
    /\p{Surrogate}/u.test(name) ||
    directoryName(name).length > 255
  )
    throw bad('name must be text of 1 to 255 bytes, as it stands in a URL: it names the database.');
  return name;
}

function collectionsOf(value: unknown): {
  collections: Config['collections'];
  serverId: Settings['serverId'];
  map: Settings['map'];
  pulls: Settings['pulls'];
} {
  if (!isPlainObject(value) || Object.keys(value).length === 0)
    throw bad('collections must be an object with a member for each collection, as { task: {} }.');
  const collections: Config['collections'] = {};
  const serverId: Settings['serverId'] = new Map();
  const map: Settings['map'] = new Map();
  const pulls: Settings['pulls'] = [];
  for (const [name, options] of Object.entries(value)) {
    if (!identifier.test(name))
      throw bad(
        `collections: '${name}' cannot be a name. Use 1 to 64 letters, digits and _, no digit ` +
          'first.',
      );
    // Its view in SQL is called so, and SQL knows no case.
    if (/^(hf|sqlite)_/i.test(name) || sameWord(name, Object.keys(collections)))
      throw bad(
        `collections: '${name}' cannot be a name: SQL would take it for another table. Use one ` +
          'that does not begin with hf_ or sqlite_, and differs in more than its case.',
      );
    const place = `collections.${name}`;
    const all = members(options ?? {}, place, [
      'path',
      'indexes',
      'fields',
      'references',
      'coalesce',
      'serverId',
      'onUnknown',
      'pull',
      'retry',
      'reject',
      'isConflict',
      'signIn',
    ]);
    const tells = functionOf<(answer: unknown) => string | number>(
      all.serverId,
      `${place}.serverId`,
    );
    if (tells) serverId.set(name, tells);
    if (all.pull !== false) pulls.push(name);
    const pull = pullOf(all.pull, `${place}.pull`, to => map.set(name, to));
    collections[name] = {
      path: pathOf(all.path, `${place}.path`, `/${name}s`),
      indexes: indexesOf(all.indexes, `${place}.indexes`),
      fields: fieldsOf(all.fields, `${place}.fields`),
      references: referencesOf(all.references, `${place}.references`, Object.keys(value)),
      coalesce: booleanOf(all.coalesce, `${place}.coalesce`, true),
      serverIds: tells !== undefined,
      onUnknown: oneOf(all.onUnknown, `${place}.onUnknown`, ['safest', 'ask', 'resend']),
      ...(pull === undefined ? {} : { pull }),
      ...verdictsOf(all, place),
    };
  }
  return { collections, serverId, map, pulls };
}

/** How a collection is pulled; undefined: only when the app asks, as the collection's own path. */
function pullOf(
  value: unknown,
  name: string,
  maps: (map: (answer: unknown) => unknown) => void,
): PullConfig | undefined {
  if (value === undefined || value === false) return undefined;
  const known = ['path', 'limit', 'intervalMs', 'full', 'map'] as const;
  const all = members(value === true ? {} : value, name, known);
  const map = functionOf<(answer: unknown) => unknown>(all.map, `${name}.map`);
  const full = booleanOf(all.full, `${name}.full`, false);
  if (map) maps(map);
  return {
    itself: true,
    ...(all.path === undefined ? {} : { path: pullPathOf(all.path, `${name}.path`, full) }),
    limit: integer(all.limit, `${name}.limit`, 500, 1, 10_000),
    intervalMs: integer(all.intervalMs, `${name}.intervalMs`, 60_000, 0, longestTimeout),
    full,
    maps: map !== undefined,
  };
}

/** A path with a query, in which {cursor} and {limit} stand for what they are. */
function pullPathOf(value: unknown, name: string, full: boolean): string {
  const [path, query = '', ...rest] = typeof value === 'string' ? value.split('?') : [''];
  pathOf(path?.replace(/\{(cursor|limit)\}/g, 'x'), name, '');
  if (rest.length > 0 || !/^[^#\\\s]*$/.test(query))
    throw bad(`${name} must be a path and a query, as '/changes?since={cursor}&limit={limit}'.`);
  if (!full && !(value as string).includes('{cursor}'))
    throw bad(
      `${name} must say by {cursor} where a page goes on, as '/changes?since={cursor}'. Where ` +
        'the API has no such thing, full: true takes its whole list.',
    );
  return value as string;
}

function shortestInterval(collections: Config['collections']): number {
  const intervals = Object.values(collections)
    .map(({ pull }) => pull?.intervalMs ?? 0)
    .filter(ms => ms > 0);
  return intervals.length > 0 ? Math.min(...intervals) : 0;
}

/** The columns that a collection has in SQL, beside id and body. */
function fieldsOf(value: unknown, name: string): Record<string, FieldType> {
  if (value === undefined) return {};
  if (!isPlainObject(value))
    throw bad(`${name} must be an object of fields and types, as { done: 'boolean' }.`);
  const fields: Record<string, FieldType> = {};
  for (const [field, type] of Object.entries(value)) {
    if (!isPath(field) || sameWord(field, ['id', 'body', ...Object.keys(fields)]))
      throw bad(
        `${name}: '${field}' cannot be a column. Use the name of a field, or a path as ` +
          "'address.city'; not id or body, which are there, nor one name in two cases.",
      );
    fields[field] = oneOf(type ?? null, `${name}.${field}`, ['boolean', 'number', 'text', 'json']);
  }
  return fields;
}

function sameWord(name: string, others: readonly string[]): boolean {
  return others.some(other => other.toLowerCase() === name.toLowerCase());
}

/** Of each field that holds the id of a record, or an array of them, whose. */
function referencesOf(
  value: unknown,
  name: string,
  collections: readonly string[],
): Record<string, string> {
  if (value === undefined) return {};
  if (!isPlainObject(value))
    throw bad(`${name} must be an object of fields and collections, as { orderId: 'order' }.`);
  for (const [field, collection] of Object.entries(value)) {
    if (!identifier.test(field) || field === 'id')
      throw bad(
        `${name}: '${field}' cannot be a field that refers. Use 1 to 64 letters, digits and _, ` +
          "no digit first, and not 'id'.",
      );
    if (typeof collection !== 'string' || !collections.includes(collection))
      throw bad(
        `${name}.${field} must be the name of a collection. There are: ${collections.join(', ')}.`,
      );
  }
  return { ...(value as Record<string, string>) };
}

const verdicts = ['retry', 'reject', 'isConflict', 'signIn'] as const;

/** What the app says of statuses; of each once, for only one of them can hold. */
function verdictsOf(
  all: { [verdict in (typeof verdicts)[number]]?: unknown },
  place: string,
): Required<Pick<CollectionConfig, 'retry' | 'reject' | 'conflict' | 'signIn'>> {
  const said = new Map<number, string>();
  const [retry, reject, conflict, signIn] = verdicts.map(verdict => {
    const statuses = all[verdict] ?? [];
    const name = `${place}.${verdict}`;
    if (!Array.isArray(statuses)) throw bad(`${name} must be an array of statuses, as [423].`);
    for (const status of statuses as unknown[]) {
      if (typeof status !== 'number' || !Number.isInteger(status) || status < 400 || status > 599)
        throw bad(`${name}: ${JSON.stringify(status)} is no status from 400 to 599.`);
      const other = said.get(status);
      if (other && other !== verdict)
        throw bad(`${place}: ${status} stands in ${other} and in ${verdict}. Keep one of them.`);
      said.set(status, verdict);
    }
    return [...(statuses as number[])];
  }) as [number[], number[], number[], number[]];
  return { retry, reject, conflict, signIn };
}

function batchOf(value: unknown): NonNullable<Config['batch']> {
  const { path, max } = members(value, 'batch', ['path', 'max']);
  return {
    path: pathOf(path ?? '', 'batch.path', ''),
    max: integer(max, 'batch.max', 50, 2, 500),
  };
}

function indexesOf(value: unknown, name: string): string[][] {
  if (value === undefined) return [];
  if (!Array.isArray(value))
    throw bad(`${name} must be an array, as ['createdAt', ['done', '-createdAt']].`);
  return value.map((index: unknown) => {
    const fields: unknown[] = Array.isArray(index) ? index : [index];
    if (fields.some(field => isPlainObject(field) && 'unique' in field))
      throw bad(
        `${name}: no index can be unique. Two devices may each write the same while neither ` +
          'knows of the other, and refusing the second would lose its work: let the server ' +
          'refuse it, which makes it a dead letter that a person can correct.',
      );
    const field = fields.find(
      field => typeof field !== 'string' || !isPath(field.replace(/^-/, '')),
    );
    if (fields.length === 0 || field !== undefined)
      throw bad(
        `${name}: ${JSON.stringify(field ?? index)} is no field. Use its name, or a path as ` +
          "'address.city', with '-' before it to descend.",
      );
    return fields as string[];
  });
}

/** Whether it names a field, or one of an object in a field. */
function isPath(field: string): boolean {
  const parts = field.split('.');
  return parts.length <= 8 && parts.every(part => identifier.test(part));
}

/** A path that stays below the base URL and to which '/' and an id can be added. */
function pathOf(value: unknown, name: string, otherwise: string): string {
  if (value === undefined) return otherwise;
  if (typeof value !== 'string' || !/^(\/(?!(\.|%2e){1,2}(\/|$))[^/?#\\\s]+)+$/i.test(value))
    throw bad(
      `${name} must be a path below baseUrl, as '/tasks': with '/' first and not last, no query ` +
        "and no '..'.",
    );
  return value;
}

function baseUrlOf(value: unknown, place: string | undefined): string {
  let url: URL | undefined;
  try {
    if (typeof value === 'string' || value instanceof URL) url = new URL(value, place);
  } catch {
    // Told below.
  }
  if (!url) throw bad('baseUrl must be a URL; where there is no page, an absolute one.');
  const plain = url.search === '' && url.hash === '' && url.username === '' && url.password === '';
  if (!/^https?:$/.test(url.protocol) || !plain)
    throw bad('baseUrl must be an http or https URL without a query, a fragment or a password.');
  return url.href;
}

function oneOf<T extends string>(value: unknown, name: string, known: readonly [T, ...T[]]): T {
  if (value === undefined) return known[0];
  const found = known.find(one => one === value);
  if (found === undefined)
    throw bad(`${name} must be one of: ${known.map(one => `'${one}'`).join(', ')}.`);
  return found;
}

function integer(
  value: unknown,
  name: string,
  otherwise: number,
  least: number,
  most: number,
): number {
  if (value === undefined) return otherwise;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
    throw bad(`${name} must be a whole number from ${least} to ${most}.`);
  return value;
}

function booleanOf(value: unknown, name: string, otherwise: boolean): boolean {
  if (value === undefined) return otherwise;
  if (typeof value !== 'boolean') throw bad(`${name} must be true or false.`);
  return value;
}

function functionOf<F>(value: unknown, name: string): F | undefined {
  if (value !== undefined && typeof value !== 'function') throw bad(`${name} must be a function.`);
  return value as F | undefined;
}

function urlOf(value: unknown, name: string): string | URL | undefined {
  if (value !== undefined && typeof value !== 'string' && !(value instanceof URL))
    throw bad(`${name} must be a URL.`);
  return value;
}
