// One order in the list: a box to tick it off, what and where it is, when it is due, its mark.

import type { Actions } from './actions.js';
import { h, setAttribute, setText, written } from './dom.js';
import { shortDue } from './due.js';
import { priorityIcon } from './icon.js';
import type { View } from './keyed.js';
import { createMark } from './mark.js';
import { priorityLabels } from './order.js';
import type { OrderRow, Priority } from './order.js';
import { hrefOf } from './route.js';

export type RowActions = Pick<Actions, 'setStatus'>;

/** What a row shows besides its order. */
export interface RowItem {
  order: OrderRow;
  selected: boolean;
  now: Date;
}

export function createRow(first: RowItem, actions: RowActions): View<RowItem> {
  let { order } = first;
  const tick = h('input', {
    type: 'checkbox',
    class: 'tick',
    'data-testid': 'done-toggle',
    on: { change: () => void setDone(tick.checked) },
  });
  const title = written('span', { class: 'row-title' });
  const place = written('span', { class: 'row-place' });
  const link = h('a', { class: 'row-link' }, title, place);
  const due = h('time', { class: 'row-due' });
  const priority = h('span', { role: 'img' });
  const mark = createMark();
  const end = h('span', { class: 'row-end' }, due, h('span', {}, mark.element, priority));
  const element = h(
    'li',
    { class: 'row', 'data-testid': 'order-row', 'data-id': order.id },
    h('label', { class: 'tick-area' }, tick),
    link,
    end,
  );
  let shownPriority: Priority | undefined;

  function update(item: RowItem): void {
    ({ order } = item);
    const done = order.status === 'done';
    setAttribute(element, 'data-status', order.status);
    tick.checked = done;
    setAttribute(tick, 'aria-label', `Done: ${order.title}`);
    setAttribute(link, 'href', hrefOf({ screen: 'detail', id: order.id }));
    setAttribute(link, 'aria-current', item.selected ? 'true' : undefined);
    setText(title, order.title);
    setText(place, [order.customer, order.city].filter(Boolean).join(' · '));
    setText(due, order.dueAt === null ? '' : shortDue(new Date(order.dueAt), item.now));
    setAttribute(due, 'datetime', order.dueAt ?? undefined);
    mark.update(order.$sync);
    if (shownPriority === order.priority) return;
    shownPriority = order.priority;
    // Most orders are normal: only what presses is worth a sign.
    priority.hidden = order.priority > 2;
    const label = `${priorityLabels[order.priority]} priority`;
    setAttribute(priority, 'aria-label', label);
    setAttribute(priority, 'title', label);
    priority.replaceChildren(priorityIcon(order.priority));
  }

  async function setDone(done: boolean): Promise<void> {
    if (await actions.setStatus(order, done ? 'done' : 'open')) return;
    tick.checked = order.status === 'done';
  }

  update(first);
  return { element, update };
}
