// The notes on this device, as the screens read them: one live query brings them all.

import type { Collection } from 'holdfast';
import type { Note, NoteRow } from './note.js';

export interface Notes {
  /** Those on an order, the oldest first. */
  on(order: string): readonly NoteRow[];
  get(id: string): NoteRow | undefined;
  /** Calls `listener` after every change. */
  subscribe(listener: () => void): void;
  /** Begins to read, once the database is open. */
  watch(collection: Collection<Note>): void;
}

export function createNotes(): Notes {
  let byId = new Map<string, NoteRow>();
  let byOrder = new Map<string, NoteRow[]>();
  const listeners: (() => void)[] = [];

  function take(found: readonly NoteRow[]): void {
    byId = new Map(found.map((note) => [note.id, note]));
    byOrder = new Map();
    for (const note of found) {
      const others = byOrder.get(note.orderId);
      if (others === undefined) byOrder.set(note.orderId, [note]);
      else others.push(note);
    }
    for (const listener of listeners) listener();
  }

  return {
    on: (order) => byOrder.get(order) ?? [],
    get: (id) => byId.get(id),
    subscribe: (listener) => {
      listeners.push(listener);
    },
    watch: (collection) => void collection.subscribe({ orderBy: 'createdAt' }, take),
  };
}
