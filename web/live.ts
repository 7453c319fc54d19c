// What an app watches: a value, as the status, and live queries, which are asked again when their
// collection changed.

import { HoldfastError } from './errors.js';
import { parseJson, sameJson } from './json.js';
import type { Query, Row } from './protocol.js';
import { presented } from './record.js';
import type { Readable } from './surface.js';

/** Says that a function of the app threw. */
export type Report = (error: unknown) => void;

export interface Writable<T> extends Readable<T> {
  set(value: T): void;
}

/**
 * A value that can be watched. A listener that throws is reported, and the others are called all
 * the same.
 */
export function watchable<T>(value: T, report: Report): Writable<T> {
  const listeners = new Set<{ call(value: T): void }>();
  return {
    get: () => value,
    subscribe(listener) {
      const entry = { call: guarded(listener, report) };
      listeners.add(entry);
      entry.call(value);
      return () => void listeners.delete(entry);
    },
    set(next) {
      if (sameJson(value, next)) return;
      value = next;
      for (const listener of [...listeners]) if (listeners.has(listener)) listener.call(value);
    },
  };
}

export interface LiveQueries {
  /**
   * Calls `listener` with the rows now, and again whenever they are others. A row that did not
   * change is the same object as before. Returns a way to stop it, after which the listener is
   * never called.
   */
  subscribe(collection: string, query: Query, listener: (rows: object[]) => void): () => void;
  /** These collections changed; without a list, any may have. */
  changed(collections?: readonly string[]): void;
  stop(): void;
}

interface Live {
  collection: string;
  /** Asks anew; while it is being asked, once more afterwards, however often this is called. */
  refresh(): void;
}

/** `list` answers a query with the JSON text of its rows. */
export function liveQueries(
  list: (collection: string, query: Query) => Promise<string>,
  report: Report,
): LiveQueries {
  const queries = new Set<Live>();

  function subscribe(
    collection: string,
    query: Query,
    listener: (rows: object[]) => void,
  ): () => void {
    const show = guarded(listener, report);
    let text: string | undefined;
    let rows = new Map<string, { row: Row; shown: object }>();
    let state: 'idle' | 'asking' | 'asking, stale' = 'idle';

    async function ask(): Promise<void> {
      do {
        state = 'asking';
        try {
          const answer = await list(collection, query);
          if (queries.has(live) && answer !== text) display((text = answer));
        } catch (error) {
          const over = error instanceof HoldfastError && error.code === 'closed';
          if (queries.has(live) && !over) report(error);
        }
      } while ((state as string) === 'asking, stale' && queries.has(live));
      state = 'idle';
    }

    function display(answer: string): void {
      const before = rows;
      rows = new Map();
      for (const row of parseJson(answer) as Row[]) {
        const id = String(row.body.id);
        const same = before.get(id);
        rows.set(id, same && sameJson(same.row, row) ? same : { row, shown: presented(row) });
      }
      show(Array.from(rows.values(), ({ shown }) => shown));
    }

    const live: Live = {
      collection,
      refresh() {
        if (state === 'idle') void ask();
        else state = 'asking, stale';
      },
    };
    queries.add(live);
    live.refresh();
    return () => void queries.delete(live);
  }

  return {
    subscribe,
    changed(collections) {
      for (const live of queries)
        if (!collections || collections.includes(live.collection)) live.refresh();
    },
    stop: () => queries.clear(),
  };
}

function guarded<T>(listener: (value: T) => void, report: Report): (value: T) => void {
  return value => {
    try {
      listener(value);
    } catch (error) {
      report(error);
    }
  };
}
