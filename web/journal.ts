// The journal: writes that no leader answered in time, kept in IndexedDB, which needs no leader. A
// page adds to it, and from then on answers for the write; whoever leads next takes it in, in its
// order, and removes what is in the database. Taking an entry in twice does no harm: it has its
// client's number.

import { openDB, type DBSchema, type IDBPDatabase } from 'idb';

import type { Transact, Write } from './protocol.js';

export interface Journal {
  /** Resolves once they are on disk. All of them or none. */
  add(calls: readonly (Write | Transact)[]): Promise<void>;
  /** In the order in which they were added. */
  entries(): Promise<[key: number, call: Write | Transact][]>;
  remove(keys: readonly number[]): Promise<void>;
  close(): void;
}

interface Schema extends DBSchema {
  calls: { key: number; value: Write | Transact };
}

/** Of the database `name`; nothing is opened before it is used. */
export function openJournal(name: string): Journal {
  let opening: Promise<IDBPDatabase<Schema>> | undefined;

  function open(): Promise<IDBPDatabase<Schema>> {
    opening ??= openDB<Schema>(`holdfast:${name}`, 1, {
      upgrade: db => void db.createObjectStore('calls', { autoIncrement: true }),
      blocking: close, // The app deletes it.
      terminated: () => (opening = undefined),
    }).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  }

  async function change(
    work: (calls: { add(call: Write | Transact): unknown; delete(key: number): unknown }) => void,
  ): Promise<void> {
    // Not `relaxed`, the default: an app was told that its write survives a power cut.
    const change = (await open()).transaction('calls', 'readwrite', { durability: 'strict' });
    const parts: unknown[] = [];
    work({
      add: call => parts.push(change.store.add(call)),
      delete: key => parts.push(change.store.delete(key)),
    });
    await Promise.all([...parts, change.done]);
  }

  function close(): void {
    void opening?.then(
      db => db.close(),
      () => {},
    );
    opening = undefined;
  }

  return {
    add: calls => change(store => calls.forEach(call => store.add(call))),
    async entries() {
      const { store } = (await open()).transaction('calls');
      const [keys, calls] = await Promise.all([store.getAllKeys(), store.getAll()]);
      return calls.map((call, i) => [keys[i] as number, call]);
    },
    remove: keys => change(store => keys.forEach(key => store.delete(key))),
    close,
  };
}
