// The list of orders: a search, a filter with counts, and the orders by due date in sections, 50
// at first. It stays in the page behind the other screens, so Back finds it as it was left.

import { h, setText } from './dom.js';
import { filterOrders, searchOrders } from './filter.js';
import type { Filter } from './filter.js';
import { createFilterBar } from './filterbar.js';
import { icon } from './icon.js';
import { keyed } from './keyed.js';
import type { Orders } from './orders.js';
import type { RowActions } from './row.js';
import { createSection, sectionsOf } from './section.js';
import type { SectionItem } from './section.js';

const page = 50;

export interface List {
  readonly element: HTMLElement;
  update(): void;
  /** Shows which order is open beside the list. */
  select(id: string | undefined): void;
  /** Puts the keyboard on an order's row, or on the list if it is not there. */
  focus(id: string | undefined): void;
  /** Says whether orders are being fetched, for a list that has none to show. */
  setFetching(fetching: boolean): void;
}

export function createList(orders: Orders, actions: RowActions): List {
  let filter: Filter = 'open';
  let search = '';
  let limit = page;
  let selected: string | undefined;
  let fetching = true;
  /** There was no order yet. The first ones come in pages, and are shown once all are there. */
  let isNew: boolean | undefined;

  const searchInput = h('input', {
    type: 'search',
    class: 'search-input',
    placeholder: 'Search',
    'aria-label': 'Search orders',
    dir: 'auto',
    autocomplete: 'off',
    'data-testid': 'search',
    on: {
      input: () => {
        search = searchInput.value;
        show();
      },
    },
  });
  const filterBar = createFilterBar((chosen) => {
    filter = chosen;
    show();
  });

  const sections = h('div');
  const showSections = keyed<SectionItem>(
    sections,
    (item) => item.section.title,
    (item) => createSection(item, actions),
  );
  const empty = h('p', { class: 'empty', role: 'status' });
  const skeleton = h('div', { class: 'skeleton', 'aria-hidden': 'true' });
  for (let row = 0; row < 8; row += 1) skeleton.append(h('div', {}, h('i'), h('b'), h('b')));
  const more = h('button', {
    type: 'button',
    class: 'button more',
    'data-testid': 'show-more',
    on: {
      click: () => {
        const seen = links().length;
        limit += page;
        update();
        links()[seen]?.focus();
      },
    },
  });
  const scroller = h(
    'div',
    { class: 'list-scroller', tabindex: -1, 'data-testid': 'list', on: { keydown: walk } },
    h('div', { class: 'search' }, icon('search'), searchInput),
    sections,
    skeleton,
    empty,
    more,
  );
  const element = h('section', { class: 'pane list', 'aria-label': 'Work orders' });
  const heading = h('h1', { class: 'visually-hidden' }, 'Work orders');
  element.append(heading, filterBar.element, scroller);

  /** Shows another choice from its top. */
  function show(): void {
    limit = page;
    scroller.scrollTop = 0;
    update();
  }

  function update(): void {
    const all = orders.all();
    isNew ??= all && all.length === 0;
    const waits = all === undefined || (isNew === true && fetching);
    if (!waits && all.length > 0) isNew = false;
    const found = waits ? [] : searchOrders(all, search);
    filterBar.update(filter, waits ? undefined : found);
    const matching = filterOrders(found, filter);
    const now = new Date();
    const past = filter === 'done' || filter === 'all' ? 'Earlier' : 'Overdue';
    const place = focusedPlace();
    showSections(
      sectionsOf(matching.slice(0, limit), past, now).map((section) => ({
        section,
        selected,
        now,
      })),
    );
    if (place !== undefined) restoreFocus(place);

    skeleton.hidden = !waits;
    setText(empty, waits || matching.length > 0 ? '' : emptyWords());
    const hidden = matching.length - limit;
    more.hidden = hidden <= 0;
    setText(more, `Show ${Math.min(page, hidden)} more of ${hidden}`);
  }

  function emptyWords(): string {
    if (orders.all()?.length === 0) {
      return 'No orders on this device yet. They come once the server can be reached.';
    }
    if (search.trim() !== '') return 'No order matches this search.';
    return filter === 'in-progress' ? 'No order is in progress.' : 'No orders here.';
  }

  function links(): HTMLElement[] {
    return [...sections.querySelectorAll<HTMLElement>('.row-link')];
  }

  /** The arrow keys walk from row to row, on the same control of each. */
  function walk(event: KeyboardEvent): void {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    const place = step === 0 ? undefined : focusedPlace();
    if (place === undefined) return;
    event.preventDefault();
    const rows = [...sections.querySelectorAll<HTMLElement>('.row')];
    rows[place.index + step]?.querySelector<HTMLElement>(place.control)?.focus();
  }

  /** Which control of which row has the focus: a row that leaves the list hands it to the next. */
  function focusedPlace(): Place | undefined {
    const focused = document.activeElement;
    const row = focused?.closest<HTMLElement>('.row');
    if (!focused || !row || !sections.contains(row)) return undefined;
    const index = [...sections.querySelectorAll('.row')].indexOf(row);
    return { focused, id: row.dataset['id'] ?? '', index, control: `.${focused.classList[0]}` };
  }

  function restoreFocus(place: Place): void {
    if (document.activeElement === place.focused) return;
    const rows = [...sections.querySelectorAll<HTMLElement>('.row')];
    const same = rows.find((row) => row.dataset['id'] === place.id);
    const next = same ?? rows[Math.min(place.index, rows.length - 1)];
    (next?.querySelector<HTMLElement>(place.control) ?? scroller).focus({ preventScroll: true });
  }

  return {
    element,
    update,
    select(id) {
      selected = id;
      update();
    },
    focus(id) {
      const rows = sections.querySelectorAll<HTMLElement>('.row');
      const row = [...rows].find((candidate) => candidate.dataset['id'] === id);
      (row?.querySelector<HTMLElement>('.row-link') ?? scroller).focus({ preventScroll: true });
    },
    setFetching(value) {
      fetching = value;
      update();
    },
  };
}

interface Place {
  focused: Element;
  id: string;
  index: number;
  control: string;
}
