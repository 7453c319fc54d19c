// A note on an order, as the demo's API has it.

import type { Stored } from 'holdfast';

export interface Note {
  orderId: string;
  text: string;
  /** RFC 3339. */
  createdAt: string;
}

export type NoteRow = Stored<Note>;
