// The filters above the list, each with the number of orders that it would show.

import { h, setAttribute, setText } from './dom.js';
import { filterLabels, filterOrders, filters } from './filter.js';
import type { Filter } from './filter.js';
import type { OrderRow } from './order.js';

export interface FilterBar {
  readonly element: HTMLElement;
  /** `orders` are those that the filters choose from, undefined while nobody knows them. */
  update(chosen: Filter, orders: readonly OrderRow[] | undefined): void;
}

export function createFilterBar(choose: (filter: Filter) => void): FilterBar {
  const element = h('div', { class: 'filters', role: 'group', 'aria-label': 'Show' });
  const parts = filters.map((name) => {
    const count = h('span', { class: 'count' });
    const button = h('button', {
      type: 'button',
      class: 'filter',
      'data-testid': `filter-${name}`,
      on: { click: () => choose(name) },
    });
    button.append(filterLabels[name], count);
    element.append(button);
    return { name, button, count };
  });

  return {
    element,
    update(chosen, orders) {
      for (const { name, button, count } of parts) {
        setAttribute(button, 'aria-pressed', String(name === chosen));
        setText(count, orders === undefined ? '' : String(filterOrders(orders, name).length));
      }
    },
  };
}
