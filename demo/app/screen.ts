// What stands beside the list, or over it on a phone: an order, a form, or a word on why neither.

import { createDetail } from './detail.js';
import type { DetailOptions } from './detail.js';
import { h } from './dom.js';
import { createForm } from './form.js';
import type { Notes } from './notes.js';
import type { Order } from './order.js';
import type { Orders } from './orders.js';
import type { Route, Router } from './route.js';

export interface Screen {
  readonly element: HTMLElement;
  /** What the keyboard and the screen reader begin with. */
  readonly heading: HTMLElement;
  /** The page's title, in front of the app's name. */
  title(): string;
  /** False: this screen no longer fits what is on the device, and another has to be made. */
  update(): boolean;
  leave(): void;
}

export interface ScreenOptions extends DetailOptions {
  orders: Orders;
  notes: Notes;
  router: Router;
}

export function createScreen(route: Route, options: ScreenOptions): Screen {
  switch (route.screen) {
    case 'list':
      return words('Choose an order.', () => true);
    case 'create':
      return createScreenForNew(options);
    case 'detail':
    case 'edit':
      return createScreenOf(route, options);
    default:
      return route satisfies never;
  }
}

function createScreenForNew({ router, actions }: ScreenOptions): Screen {
  const form = createForm({
    heading: 'New order',
    name: 'new',
    order: newOrder(),
    cancel: () => router.leaveTo({ screen: 'list' }),
    asksNote: true,
    save: async (changes, note) => {
      const id = await actions.create({ ...newOrder(), ...changes }, note);
      router.replace({ screen: 'detail', id });
    },
  });
  return { ...form, title: () => 'New order', update: () => true, leave: () => {} };
}

function createScreenOf(
  { screen, id }: Extract<Route, { id: string }>,
  options: ScreenOptions,
): Screen {
  const { orders, notes, router, actions } = options;
  const order = orders.get(id);
  if (order === undefined) {
    const text = orders.all() === undefined ? '' : 'This order is not on this device.';
    const isMissing = (): boolean => orders.all() !== undefined && orders.get(id) === undefined;
    return words(text, () => text !== '' && isMissing());
  }

  if (screen === 'edit') {
    const form = createForm({
      heading: 'Edit order',
      name: id,
      order,
      cancel: () => router.leaveTo({ screen: 'detail', id }),
      save: async (changes) => {
        if (Object.keys(changes).length > 0) await actions.change(id, changes);
        router.leaveTo({ screen: 'detail', id });
      },
    });
    return { ...form, title: () => 'Edit order', update: () => true, leave: () => {} };
  }

  const detail = createDetail({ order, notes: notes.on(id) }, options);
  return {
    ...detail,
    title: () => orders.get(id)?.title ?? '',
    update() {
      const latest = orders.get(id);
      if (latest !== undefined) detail.update({ order: latest, notes: notes.on(id) });
      return latest !== undefined;
    },
  };
}

function words(text: string, update: () => boolean): Screen {
  const heading = h('p', { tabindex: -1 }, text);
  const element = h('div', { class: 'nothing' }, heading);
  return { element, heading, title: () => '', update, leave: () => {} };
}

/** What a new order starts as: due at the next full hour. */
function newOrder(): Order {
  const due = new Date();
  due.setHours(due.getHours() + 1, 0, 0, 0);
  return {
    title: '',
    description: '',
    customer: '',
    address: '',
    city: '',
    status: 'open',
    priority: 3,
    dueAt: due.toISOString(),
    assignee: '',
    notes: '',
    checklist: [],
  };
}
