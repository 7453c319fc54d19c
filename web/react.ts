// `holdfast/react`: what a component shows, kept as it is. A server that renders opens nothing.

import { useEffect, useMemo, useState, useSyncExternalStore } from 'react';

import type { Query } from './protocol.js';
import type { Collection, Holdfast, Schema, Status, Stored } from './surface.js';

/**
 * The records that match, undefined until they were read once. A record that did not change is the
 * same object as before, so what is memoized by it is not rendered again. An equal query is the
 * same query: it may be written where it is used.
 */
export function useRecords<T extends object>(
  collection: Collection<T> | undefined,
  query: Query = {},
): Stored<T>[] | undefined {
  const text = JSON.stringify(query);
  return useLive<Stored<T>[]>(
    listener => collection?.subscribe(JSON.parse(text) as Query, listener),
    [collection, text],
  );
}

/** The record with this id; undefined until it was read, and when there is none. */
export function useRecord<T extends object>(
  collection: Collection<T> | undefined,
  id: string | undefined,
): Stored<T> | undefined {
  return useLive<Stored<T> | undefined>(
    listener => (id === undefined ? undefined : collection?.subscribe(id, listener)),
    [collection, id],
  );
}

/** How things stand: what the badge shows. Undefined until there is a Holdfast. */
export function useSyncStatus<S extends Schema>(hf: Holdfast<S> | undefined): Status | undefined {
  const read = (): Status | undefined => hf?.status.get();
  const subscribe = useMemo(
    () => (changed: () => void) => hf?.status.subscribe(changed) ?? (() => {}),
    [hf],
  );
  return useSyncExternalStore(subscribe, read, nothing);
}

interface Opened {
  holdfast: Promise<Holdfast<Schema>>;
  users: number;
}

/**
 * Opens a Holdfast with the first component that uses it under this name and closes it after the
 * last, so that StrictMode and hot reload leave one. Undefined until it is open. What `open`
 * rejects with is thrown where it is rendered, for an error boundary.
 */
export function useHoldfast<S extends Schema>(
  name: string,
  open: () => Promise<Holdfast<S>>,
): Holdfast<S> | undefined {
  const [state, setState] = useState<{ name: string; hf?: Holdfast<S>; error?: unknown }>();
  useEffect(() => {
    let isUsed = true;
    const entry = use(name, open as () => Promise<Holdfast<Schema>>);
    entry.holdfast.then(
      hf => void (isUsed && setState({ name, hf: hf as unknown as Holdfast<S> })),
      (error: unknown) => void (isUsed && setState({ name, error })),
    );
    return () => {
      isUsed = false;
      leave(name, entry);
    };
    // `open` is a new function with every rendering, and the same work.
  }, [name]);
  if (state?.name !== name) return undefined;
  if ('error' in state) throw state.error;
  return state.hf;
}

// By name, and kept where a module that is loaded anew by a hot reload finds it.
const key = Symbol.for('holdfast/react');

function opened(): Map<string, Opened> {
  const scope = globalThis as { [key]?: Map<string, Opened> };
  return (scope[key] ??= new Map());
}

function use(name: string, open: () => Promise<Holdfast<Schema>>): Opened {
  const entry = opened().get(name) ?? { holdfast: open(), users: 0 };
  opened().set(name, entry);
  ++entry.users;
  return entry;
}

// StrictMode takes a component away and puts it back in one turn: what is used again until then
// stays open. One that could not be opened is forgotten, so that another try opens anew.
function leave(name: string, entry: Opened): void {
  --entry.users;
  void Promise.resolve()
    .then(() => entry.holdfast)
    .then(
      async hf => {
        if (entry.users > 0 || opened().get(name) !== entry) return;
        opened().delete(name);
        await hf.close();
      },
      () => void (opened().get(name) === entry && opened().delete(name)),
    );
}

function useLive<R>(
  watch: (listener: (value: R) => void) => (() => void) | undefined,
  by: readonly unknown[],
): R | undefined {
  const store = useMemo(() => {
    let value: R | undefined;
    return {
      read: () => value,
      subscribe(changed: () => void) {
        const stop = watch(next => {
          value = next;
          changed();
        });
        return () => stop?.();
      },
    };
  }, by);
  return useSyncExternalStore(store.subscribe, store.read, nothing);
}

function nothing(): undefined {
  return undefined;
}
