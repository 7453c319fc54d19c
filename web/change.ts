// A write as the app calls it, checked, and as it crosses to the core.

import { HoldfastError } from './errors.js';
import { checkId } from './ids.js';
import { isPlainObject } from './json.js';
import type { Change } from './protocol.js';
import { creation, update } from './record.js';

/** A change that has no id of its own yet. */
export type Unnamed = Omit<Change, 'id'>;

/** The most that one call may name. */
const maxAfter = 1_000;

/** @throws {HoldfastError} 'bad-body', 'bad-id', 'too-large' or 'bad-option' */
export function created(
  collection: string,
  body: unknown,
  options: unknown,
  newId: () => string,
): Unnamed {
  const { after } = callOptions('create', options, ['after']);
  const { id, change } = creation(collection, body, newId);
  return { kind: 'create', collection, record: id, change, ...named(after) };
}

/** @throws {HoldfastError} 'bad-body', 'bad-id', 'too-large' or 'bad-option' */
export function updated(
  collection: string,
  record: string,
  changes: unknown,
  options: unknown,
): Unnamed {
  const { remove, after } = callOptions('update', options, ['remove', 'after']);
  checkId(record);
  const change = update(collection, changes, remove);
  return { kind: 'update', collection, record, change, ...named(after) };
}

/** @throws {HoldfastError} 'bad-id' or 'bad-option' */
export function deleted(
  collection: string,
  record: string,
  options: unknown,
  known: readonly ('cascade' | 'after')[],
): Unnamed {
  const { cascade, after } = callOptions('delete', options, known);
  checkId(record);
  const goesAlong = flagOf(cascade, 'cascade') ? { cascade: true } : {};
  return { kind: 'delete', collection, record, change: '', ...goesAlong, ...named(after) };
}

/**
 * The options of a call, none of them unknown: a slip in a name must not pass for a choice.
 *
 * @throws {HoldfastError} 'bad-option'
 */
export function callOptions<K extends string>(
  call: string,
  options: unknown,
  known: readonly K[],
): { [key in K]?: unknown } {
  if (options === undefined) return {};
  if (!isPlainObject(options)) throw badOption(`The options of ${call} must be an object.`);
  const unknown = Object.keys(options).find(key => !(known as readonly string[]).includes(key));
  if (unknown !== undefined)
    throw badOption(`'${unknown}' is not an option of ${call}. There are: ${known.join(', ')}.`);
  return options as { [key in K]?: unknown };
}

/** @throws {HoldfastError} 'bad-option' */
export function flagOf(value: unknown, name: string): boolean {
  if (value === undefined || typeof value === 'boolean') return value === true;
  throw badOption(`The option ${name} must be true or false.`);
}

function named(after: unknown): { after?: string[] } {
  if (after === undefined) return {};
  if (!Array.isArray(after) || after.length > maxAfter)
    throw badOption(
      `The option after must be an array of at most ${maxAfter.toLocaleString('en')} ids of ` +
        'mutations, as in $sync.mutation.',
    );
  after.forEach(checkId);
  return after.length > 0 ? { after: [...(after as string[])] } : {};
}

function badOption(flaw: string): HoldfastError {
  return new HoldfastError('bad-option', `${flaw} Nothing was recorded.`);
}
