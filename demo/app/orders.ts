// The orders on this device, as the screens read them. One live query brings them all: a
// technician's few hundred fit in memory, and search, counts and filters then answer at once.

import type { Collection } from 'holdfast';
import type { Order, OrderRow } from './order.js';

export interface Orders {
  /** By due date, those without one last. Undefined until the first answer. */
  all(): readonly OrderRow[] | undefined;
  get(id: string): OrderRow | undefined;
  /** What an order was called, also after it was deleted, as long as this page has seen it. */
  titleOf(id: string): string | undefined;
  /** Calls `listener` after every change. */
  subscribe(listener: () => void): void;
  /** Begins to read, once the database is open. */
  watch(collection: Collection<Order>): void;
}

export function createOrders(): Orders {
  let rows: readonly OrderRow[] | undefined;
  let byId = new Map<string, OrderRow>();
  const titles = new Map<string, string>();
  const listeners: (() => void)[] = [];

  function take(found: readonly OrderRow[]): void {
    // SQLite sorts null first; what has no date is what can wait.
    const dated = found.filter((row) => row.dueAt !== null);
    rows = [...dated, ...found.filter((row) => row.dueAt === null)];
    byId = new Map(rows.map((row) => [row.id, row]));
    for (const row of rows) titles.set(row.id, row.title);
    for (const listener of listeners) listener();
  }

  return {
    all: () => rows,
    get: (id) => byId.get(id),
    titleOf: (id) => titles.get(id),
    subscribe: (listener) => {
      listeners.push(listener);
    },
    watch: (collection) => void collection.subscribe({ orderBy: 'dueAt' }, take),
  };
}
