// What an order hands over to the next person: saved when the field is left, and when the page is
// put away.

import type { Actions } from './actions.js';
import { h } from './dom.js';
import type { View } from './keyed.js';
import type { OrderRow } from './order.js';

export interface Handover extends View<OrderRow> {
  /** Saves what is written. The page that shows it calls this before it goes away. */
  leave(): void;
}

export function createHandover(first: OrderRow, actions: Actions): Handover {
  let order = first;
  /** What the field showed when it was last filled in or saved. */
  let known = order.notes;
  const field = h('textarea', {
    id: 'handover',
    class: 'input in-block',
    dir: 'auto',
    lang: '',
    rows: 3,
    placeholder: 'What the next person should know',
    'data-testid': 'handover',
    on: { change: leave },
  });
  const element = h(
    'section',
    { class: 'block' },
    h('h2', {}, h('label', { for: 'handover' }, 'Handover')),
    field,
  );

  function leave(): void {
    if (field.value === known) return;
    known = field.value;
    void actions.setHandover(order, known);
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
