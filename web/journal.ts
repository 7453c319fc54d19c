// The journal, in IndexedDB, which needs no leader: writes that no leader answered in time, and
// the steps that a service worker took over a copy of the database. Who adds to it answers for it;
// whoever leads next takes it in, the steps first, each kind in its order, and removes what is in
// the database. Taking a write in twice does no harm: it has its client's number.

import { openDB, type DBSchema, type IDBPDatabase } from 'idb';

import type { Event, Transact, Write } from './protocol.js';

/** What a core was given, and when. */
export interface JournalStep {
  events: Event[];
  now: number;
}

export interface Journal {
  /** Resolves once they are on disk. All of them or none. */
  add(calls: readonly (Write | Transact)[]): Promise<void>;
  /** In the order in which they were added. */
  entries(): Promise<[key: number, call: Write | Transact][]>;
  remove(keys: readonly number[]): Promise<void>;
  /** Resolves once it is on disk. */
  addStep(step: JournalStep): Promise<void>;
  steps(): Promise<[key: number, step: JournalStep][]>;
  removeSteps(keys: readonly number[]): Promise<void>;
  /** The fingerprint of the configuration that the last leader had. */
  config(): Promise<string | undefined>;
  setConfig(fingerprint: string): Promise<void>;
  close(): void;
}

interface Schema extends DBSchema {
  calls: { key: number; value: Write | Transact };
  steps: { key: number; value: JournalStep };
  facts: { key: string; value: string };
}

type Kept = 'calls' | 'steps';

/** Of the database `name`; nothing is opened before it is used. */
export function openJournal(name: string): Journal {
  let opening: Promise<IDBPDatabase<Schema>> | undefined;

  function open(): Promise<IDBPDatabase<Schema>> {
    opening ??= openDB<Schema>(`holdfast:${name}`, 1, {
      upgrade(db) {
        db.createObjectStore('calls', { autoIncrement: true });
        db.createObjectStore('steps', { autoIncrement: true });
        db.createObjectStore('facts');
      },
      blocking: close, // The app deletes it.
      terminated: () => (opening = undefined),
    }).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  }

  async function add<S extends Kept>(kind: S, items: readonly Schema[S]['value'][]): Promise<void> {
    // Not `relaxed`, the default: an app was told that its write survives a power cut.
    const change = (await open()).transaction(kind, 'readwrite', { durability: 'strict' });
    await Promise.all([...items.map(item => change.store.add(item)), change.done]);
  }

  async function all<S extends Kept>(kind: S): Promise<[number, Schema[S]['value']][]> {
    const { store } = (await open()).transaction(kind);
    const [keys, items] = await Promise.all([store.getAllKeys(), store.getAll()]);
    return items.map((item, i) => [keys[i] as number, item]);
  }

  async function remove(kind: Kept, keys: readonly number[]): Promise<void> {
    if (keys.length === 0) return;
    const change = (await open()).transaction(kind, 'readwrite');
    await Promise.all([...keys.map(key => change.store.delete(key)), change.done]);
  }

  function close(): void {
    void opening?.then(
      db => db.close(),
      () => {},
    );
    opening = undefined;
  }

  return {
    add: calls => add('calls', calls),
    entries: () => all('calls'),
    remove: keys => remove('calls', keys),
    addStep: step => add('steps', [step]),
    steps: () => all('steps'),
    removeSteps: keys => remove('steps', keys),
    config: async () => (await open()).get('facts', 'config'),
    setConfig: async fingerprint => void (await (await open()).put('facts', fingerprint, 'config')),
    close,
  };
}
