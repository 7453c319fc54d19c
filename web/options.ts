// What an app hands to openHoldfast, checked and completed. An option that is not known is an
// error: a slip in a name must not pass for a choice.

import { HoldfastError } from './errors.js';
import { isPlainObject, maxBody } from './json.js';
import { directoryName } from './leader.js';
import type { Config } from './protocol.js';
import type { Start } from './rpc.js';
import type { Options, Schema } from './surface.js';

export interface Settings {
  name: string;
  config: Config;
  api: Start['api'];
  storage: 'opfs' | 'memory';
  headers: (() => Record<string, string> | Promise<Record<string, string>>) | undefined;
  check: ((response: Response) => boolean | Promise<boolean>) | undefined;
  workerUrl: string | URL | undefined;
  wasmUrl: string | URL | undefined;
  createWorker: (() => Worker) | undefined;
}

const identifier = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
const longestTimeout = 2 ** 31 - 1;

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
  return {
    name: nameOf(all.name),
    config: {
      collections: collectionsOf(all.collections),
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

function collectionsOf(value: unknown): Config['collections'] {
  if (!isPlainObject(value) || Object.keys(value).length === 0)
    throw bad('collections must be an object with a member for each collection, as { task: {} }.');
  const collections: Config['collections'] = {};
  for (const [name, options] of Object.entries(value)) {
    if (!identifier.test(name))
      throw bad(
        `collections: '${name}' cannot be a name. Use 1 to 64 letters, digits and _, no digit ` +
          'first.',
      );
    const { path, indexes } = members(options ?? {}, `collections.${name}`, ['path', 'indexes']);
    collections[name] = {
      path: pathOf(path, `collections.${name}.path`, `/${name}s`),
      indexes: indexesOf(indexes, `collections.${name}.indexes`),
    };
  }
  return collections;
}

function indexesOf(value: unknown, name: string): string[][] {
  if (value === undefined) return [];
  if (!Array.isArray(value))
    throw bad(`${name} must be an array, as ['createdAt', ['done', '-createdAt']].`);
  return value.map((index: unknown) => {
    const fields: unknown[] = Array.isArray(index) ? index : [index];
    const field = fields.find(
      field => typeof field !== 'string' || !identifier.test(field.replace(/^-/, '')),
    );
    if (fields.length === 0 || field !== undefined)
      throw bad(
        `${name}: ${JSON.stringify(field ?? index)} is no field. Use its name, with '-' before ` +
          'it to descend.',
      );
    return fields as string[];
  });
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

function functionOf<F>(value: unknown, name: string): F | undefined {
  if (value !== undefined && typeof value !== 'function') throw bad(`${name} must be a function.`);
  return value as F | undefined;
}

function urlOf(value: unknown, name: string): string | URL | undefined {
  if (value !== undefined && typeof value !== 'string' && !(value instanceof URL))
    throw bad(`${name} must be a URL.`);
  return value;
}
