// The list's sections: what is overdue, today's, tomorrow's, and so on.

import { h } from './dom.js';
import { daysUntil } from './due.js';
import { keyed } from './keyed.js';
import type { View } from './keyed.js';
import type { OrderRow } from './order.js';
import { createRow } from './row.js';
import type { RowActions, RowItem } from './row.js';

export interface Section {
  title: string;
  orders: OrderRow[];
}

/**
 * Puts orders that are sorted by due date into sections, in the same order; none is empty. `past`
 * is what the days before today are called: among orders that are done, nothing is overdue.
 */
export function sectionsOf(orders: readonly OrderRow[], past: string, now: Date): Section[] {
  const sections: Section[] = [];
  for (const order of orders) {
    const title = sectionTitle(order, past, now);
    const last = sections.at(-1);
    if (last?.title === title) last.orders.push(order);
    else sections.push({ title, orders: [order] });
  }
  return sections;
}

function sectionTitle(order: OrderRow, past: string, now: Date): string {
  if (order.dueAt === null) return 'No date';
  const days = daysUntil(new Date(order.dueAt), now);
  if (days < 0) return past;
  if (days === 0) return 'Today';
  if (days === 1) return 'Tomorrow';
  return days < 7 ? 'Next 7 days' : 'Later';
}

/** What a section shows besides its orders. */
export interface SectionItem {
  section: Section;
  selected: string | undefined;
  now: Date;
}

let sectionsMade = 0;

export function createSection(first: SectionItem, actions: RowActions): View<SectionItem> {
  sectionsMade += 1;
  const id = `section-${sectionsMade}`;
  const rows = h('ul');
  const showRows = keyed<OrderRow>(
    rows,
    (order) => order.id,
    (order) => {
      const row = createRow(itemOf(order), actions);
      return { element: row.element, update: (latest) => row.update(itemOf(latest)) };
    },
  );
  const title = h('h2', { class: 'section-title', id }, first.section.title);
  const element = h('section', { class: 'section', 'aria-labelledby': id }, title, rows);
  let present = first;

  function itemOf(order: OrderRow): RowItem {
    return { order, selected: present.selected === order.id, now: present.now };
  }

  function update(item: SectionItem): void {
    present = item;
    showRows(item.section.orders);
  }

  update(first);
  return { element, update };
}
