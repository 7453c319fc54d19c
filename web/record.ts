// Records as the app has them: what it writes, checked and as JSON, and what it reads, with
// `$sync`.

import { HoldfastError } from './errors.js';
import { checkId } from './ids.js';
import { isPlainObject, toJson } from './json.js';
import type { RecordSync, Row } from './protocol.js';

/** Of all records that are as the server has them: one object, so that equal rows compare equal. */
const synced: RecordSync = Object.freeze({ status: 'synced', attempts: 0 });

/**
 * The body, with how it stands as `$sync`: not enumerable, so it is neither copied nor written
 * back.
 */
export function presented(row: Row): object {
  return Object.defineProperty(row.body, '$sync', {
    value: row.sync ? Object.freeze(row.sync) : synced,
    configurable: true,
  });
}

/**
 * The id and the JSON text of a new record. @throws {HoldfastError} 'bad-body', 'bad-id' or
 * 'too-large'
 */
export function creation(
  collection: string,
  body: unknown,
  newId: () => string,
): { id: string; change: string } {
  const id = isPlainObject(body) && body.id !== undefined ? body.id : newId();
  checkId(id);
  return { id, change: toJson(isPlainObject(body) ? { ...body, id } : body, collection) };
}

/** The JSON text of an update. @throws {HoldfastError} 'bad-body' or 'too-large' */
export function update(collection: string, changes: unknown, remove: unknown): string {
  const set = toJson(changes, collection);
  if (remove === undefined) return `{"set":${set}}`;
  if (!Array.isArray(remove) || remove.some(field => typeof field !== 'string' || field === 'id'))
    throw new HoldfastError(
      'bad-body',
      `The option remove must be an array of names of fields of ${collection}, and not 'id'. ` +
        'Nothing was recorded.',
    );
  return `{"set":${set},"remove":${JSON.stringify(remove)}}`;
}
