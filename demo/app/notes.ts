// The notes of an order: saved when the field is left, and when the page is put away.

import type { Actions } from './actions.js';
import { h } from './dom.js';
import type { View } from './keyed.js';
import type { OrderRow } from './order.js';

export interface Notes extends View<OrderRow> {
  /** Saves what is written. The page that shows these notes calls it before it goes away. */
  leave(): void;
}

export function createNotes(first: OrderRow, actions: Actions): Notes {
  let order = first;
  /** What the field showed when it was last filled in or saved. */
  let known = order.notes;
  const field = h('textarea', {
    id: 'notes',
    class: 'input notes',
    dir: 'auto',
    lang: '',
    rows: 3,
    placeholder: 'What the next person should know',
    'data-testid': 'notes',
    on: { change: leave },
  });
  const element = h(
    'section',
    { class: 'block' },
    h('h2', {}, h('label', { for: 'notes' }, 'Notes')),
    field,
  );

  function leave(): void {
    if (field.value === known) return;
    known = field.value;
    void actions.setNotes(order, known);
  }

  /** Never takes away what is being written. */
  function update(latest: OrderRow): void {
    order = latest;
    if (field.value !== known || known === order.notes) return;
    known = order.notes;
    field.value = known;
  }

  field.value = known;
  return { element, update, leave };
}
