// Writes that are recorded together or not at all. They are gathered here, each checked as it is
// called, and cross to the core as one call.

import { created, deleted, updated, type Unnamed } from './change.js';
import { HoldfastError } from './errors.js';
import { parseJson } from './json.js';
import type { Change } from './protocol.js';
import type { Schema, Transaction, TransactionCollection } from './surface.js';

const maxWrites = 1_000;
/** Letters of JSON, of all writes together. */
const maxTotal = 16 << 20;

/**
 * Calls the app's function and returns what it returned and what it wrote.
 *
 * @throws {HoldfastError} 'bad-option' for a function that returns a promise; what a write was
 * refused with, even if the function caught that. Or whatever the function throws.
 */
export function gathered<S extends Schema, R>(
  collections: readonly string[],
  write: (tx: Transaction<S>) => R,
  newId: () => string,
): { value: R; writes: Change[] } {
  if (typeof write !== 'function')
    throw new HoldfastError(
      'bad-option',
      'transaction takes a function that writes. Nothing was recorded.',
    );
  const writes: Change[] = [];
  let total = 0;
  let over = false;
  let flaw: { error: unknown } | undefined;

  /** Takes in a write, or keeps why it cannot be one. */
  function add(make: () => Unnamed): Unnamed {
    try {
      if (over) throw isOver();
      const change = make();
      total += change.change.length;
      if (writes.length >= maxWrites || total > maxTotal) throw tooLarge();
      writes.push({ id: newId(), ...change });
      return change;
    } catch (error) {
      flaw ??= { error };
      throw error;
    }
  }

  function member(name: string): TransactionCollection<object> {
    return Object.freeze({
      create(body: object, options: unknown) {
        const { change } = add(() => created(name, body, options, newId));
        return parseJson(change) as { id: string };
      },
      update: (id: string, changes: object, options: unknown) =>
        void add(() => updated(name, id, changes, options)),
      delete: (id: string, options: unknown) =>
        void add(() => deleted(name, id, options, ['after'])),
    });
  }

  const tx = Object.freeze(Object.fromEntries(collections.map(name => [name, member(name)])));
  let value: R;
  try {
    value = write(tx as object as Transaction<S>);
  } finally {
    over = true;
  }
  if (isPromise(value)) {
    value.then(undefined, () => {}); // It fails of what it writes from now on: that is told here.
    throw new HoldfastError(
      'bad-option',
      'The function of a transaction returned a promise, and it has to write at once. Nothing ' +
        'was recorded. Await what it needs before the transaction.',
    );
  }
  if (flaw) throw flaw.error;
  return { value, writes };
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

function isOver(): HoldfastError {
  return new HoldfastError(
    'closed',
    'This transaction is over, for its function has returned. Nothing was recorded by this call.',
  );
}

function tooLarge(): HoldfastError {
  return new HoldfastError(
    'too-large',
    `A transaction holds at most ${maxWrites.toLocaleString('en')} writes, of 16 MiB as JSON. ` +
      'Nothing was recorded: make several of it.',
  );
}
