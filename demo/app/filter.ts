// Which orders the list shows: those of one status, or all, and of these those that match a search.

import { statusLabels } from './order.js';
import type { OrderRow, OrderStatus } from './order.js';

export type Filter = OrderStatus | 'all';

export const filters: readonly Filter[] = ['open', 'in-progress', 'done', 'all'];

export const filterLabels: Record<Filter, string> = { ...statusLabels, all: 'All' };

/** By due date as given; what is done, latest first, for it is looked for from today backwards. */
export function filterOrders(orders: readonly OrderRow[], filter: Filter): OrderRow[] {
  if (filter === 'all') return [...orders];
  const found = orders.filter((order) => order.status === filter);
  if (filter !== 'done') return found;
  const isDated = (order: OrderRow): boolean => order.dueAt !== null;
  return [...found.filter(isDated).reverse(), ...found.filter((order) => !isDated(order))];
}

/** The orders that hold every word of `search`, in whatever case and with or without accents. */
export function searchOrders(orders: readonly OrderRow[], search: string): readonly OrderRow[] {
  const words = plain(search).split(/\s+/u).filter(Boolean);
  if (words.length === 0) return orders;
  return orders.filter((order) => {
    const { title, customer, address, city, assignee, description } = order;
    const text = plain([title, customer, address, city, assignee, description].join('\n'));
    return words.every((word) => text.includes(word));
  });
}

// The accents of Latin, Greek and Cyrillic, and the vowel signs of Arabic.
const accents = /[\u0300-\u036f\u064b-\u065f\u0670]/gu;

function plain(text: string): string {
  return text.normalize('NFKD').replace(accents, '').toLowerCase();
}
