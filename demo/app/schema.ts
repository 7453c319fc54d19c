// The collections of the demo, by the names that Holdfast knows them under.

import type { Note, NoteRow } from './note.js';
import type { Order } from './order.js';

export type Schema = { order: Order; note: Note };

/** What the screens need of a note's order to name it, and the other way round. */
export interface Names {
  /** What an order was called, also after it was deleted, as long as this page has seen it. */
  titleOf(order: string): string | undefined;
  noteOf(id: string): NoteRow | undefined;
}
