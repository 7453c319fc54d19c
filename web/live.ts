// What an app watches: a value, as the status, and live queries, which are asked again when what
// they are read from changed.

import type { Clock } from './clock.js';
import { HoldfastError } from './errors.js';
import { parseJson, sameJson } from './json.js';
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

/** What is watched: a list, a record, a count, SQL. */
export interface Subject {
  /** What it is read from: 'task', or of it only 'task/a'. Without this, it may be anything. */
  reads?: readonly string[];
  /** Answers with JSON text. */
  ask(): Promise<string>;
  /** Tells the app, if the text is another than before. */
  show(text: string): void;
}

export interface Live {
  /**
   * Asks now, and again whenever something changed that the subject is read from. Returns a way to
   * stop it, as aborting `signal` does, after which nothing of it is left.
   */
  watch(subject: Subject, signal?: AbortSignal): () => void;
  /** These collections and records changed; without a list, all may have. */
  changed(names?: readonly string[]): void;
  stop(): void;
}

interface Watch {
  subject: Subject;
  refresh(): void;
  stop(): void;
}

// The rest after an answer before it is asked for again. It grows while changes go on, so that a
// burst of a thousand is shown a few times only, and is short again after one without a change.
const shortestRestMs = 4;
const longestRestMs = 100;

/** What asking again cannot help. */
const hopeless: readonly string[] = ['bad-query', 'too-slow', 'unknown-collection'];

export function liveQueries(clock: Clock, report: Report): Live {
  const watches = new Set<Watch>();

  function watch(subject: Subject, signal?: AbortSignal): () => void {
    if (signal?.aborted) return () => {};
    let shown: string | undefined;
    let state: 'idle' | 'asking' | 'resting' = 'idle';
    let stale = false;
    let restMs = shortestRestMs;
    let wake = (): void => {};

    async function ask(): Promise<void> {
      state = 'asking';
      stale = false;
      try {
        const text = await subject.ask();
        if (watches.has(self) && text !== shown) subject.show((shown = text));
      } catch (error) {
        const code = error instanceof HoldfastError ? error.code : '';
        if (watches.has(self) && code !== 'closed') report(error);
        if (hopeless.includes(code)) stop();
      }
      if (!watches.has(self)) return;
      state = 'resting';
      wake = clock.after(restMs, () => {
        restMs = stale ? Math.min(2 * restMs, longestRestMs) : shortestRestMs;
        state = 'idle';
        if (stale) void ask();
      });
    }

    function refresh(): void {
      if (state === 'idle') void ask();
      else stale = true;
    }

    function stop(): void {
      watches.delete(self);
      wake();
      signal?.removeEventListener('abort', stop);
    }

    const self: Watch = { subject, refresh, stop };
    watches.add(self);
    signal?.addEventListener('abort', stop);
    refresh();
    return stop;
  }

  return {
    watch,
    changed(names) {
      for (const { subject, refresh } of watches)
        if (!names || (subject.reads?.some(read => touched(read, names)) ?? true)) refresh();
    },
    stop() {
      for (const watch of watches) watch.stop();
    },
  };
}

/** Whether one of these changes can be seen in what is read, a collection or a record. */
function touched(read: string, names: readonly string[]): boolean {
  return names.some(
    name => name === read || name.startsWith(`${read}/`) || read.startsWith(`${name}/`),
  );
}

/**
 * What a list shows of the JSON text of its rows: of what is equal to what was shown before, the
 * same objects. `of` finds the rows in the answer, `id` tells them apart.
 */
export function steady<R>(
  of: (answer: unknown) => R[],
  id: (row: R) => string,
  present: (row: R) => object,
): (text: string) => object[] {
  let kept = new Map<string, { row: R; shown: object }>();
  return text => {
    const before = kept;
    kept = new Map();
    return of(parseJson(text)).map(row => {
      const key = id(row);
      const same = before.get(key);
      const entry = same && sameJson(same.row, row) ? same : { row, shown: present(row) };
      kept.set(key, entry);
      return entry.shown;
    });
  };
}

/** The listener, whose errors are reported and go no further. */
export function guarded<T>(listener: (value: T) => void, report: Report): (value: T) => void {
  return value => {
    try {
      listener(value);
    } catch (error) {
      report(error);
    }
  };
}
