// The demo: a technician's work orders, on the device first. Puts everything together.
//
// Tests find what they need by data-testid:
//
//   chip             the button in the header; data-state sent | pending | failed | offline,
//                    data-pending and data-failed the counts, data-reachable true | false
//   list             what scrolls; search, show-more and filter-open, filter-in-progress,
//                    filter-done, filter-all (aria-pressed) choose what it holds
//   order-row        one order: data-id, data-status; in it done-toggle (a checkbox) and mark
//   mark             only while there is something to mark: data-status pending | failed
//   new-order        opens the form: title-input, field-… by id, save, cancel
//   detail           the open order, data-id: detail-title, standing, done-toggle and start-toggle
//                    (buttons), edit, delete → confirm-delete, step-toggle, notes
//   outbox-sheet     opened by the chip: outbox-entry, dead-letter (data-id, data-record) with
//                    retry and discard; send-now, close-outbox
//   switch-offline, switch-failing, failing-how   the demo's switches
//   toast            what has just happened, with Undo
//
// <html data-opened> stands once the database is open.

import { openHoldfast } from 'holdfast';
import type { Holdfast } from 'holdfast';
import { createActions } from './actions.js';
import { createAnnouncer, createChip } from './chip.js';
import { h } from './dom.js';
import { icon } from './icon.js';
import { createList } from './list.js';
import type { Order } from './order.js';
import { createOrders } from './orders.js';
import { createOutbox } from './outbox.js';
import type { Outbox } from './outbox.js';
import { keepPulling } from './pull.js';
import { createRouter, hrefOf } from './route.js';
import type { Route } from './route.js';
import { createScreen } from './screen.js';
import { keepShell } from './shell.js';
import { createSwitches } from './switches.js';
import { createToast } from './toast.js';
import { openingErrorWords } from './words.js';

const opening: Promise<Holdfast<{ order: Order }>> = openHoldfast<{ order: Order }>({
  name: 'field-service/ada',
  baseUrl: '/api',
  collections: { order: { path: '/orders', indexes: ['dueAt', ['status', 'dueAt']] } },
  // A person at the desk does not want to wait for what a day in the field hardly notices.
  backoff: { baseMs: 500, capMs: 15_000 },
});
const collection = opening.then((holdfast) => holdfast.collection('order'));
// Who awaits it hears why it cannot be opened; nobody may be.
collection.catch(() => {});

const toast = createToast();
const orders = createOrders();
const actions = createActions(collection, toast);
const list = createList(orders, actions);
const switches = createSwitches();
const router = createRouter(follow);
let outbox: Outbox | undefined;

const screenOptions = {
  orders,
  router,
  actions,
  openOutbox: () => outbox?.open(),
  close: () => router.leaveTo({ screen: 'list' }),
  create: async (order: Order) => (await (await collection).create(order)).id,
  change: async (id: string, changes: Partial<Order>) => {
    await (await collection).update(id, changes);
  },
};
let screen = createScreen(router.route, screenOptions);

const chipPlace = h('div', { class: 'chip-place' });
const back = h(
  'a',
  {
    class: 'back',
    href: hrefOf({ screen: 'list' }),
    on: {
      click: (event) => {
        event.preventDefault();
        router.leaveTo({ screen: 'list' });
      },
    },
  },
  icon('back'),
  'Orders',
);
const brand = h('p', { class: 'brand' }, h('img', { src: 'icons/icon.svg', alt: '' }), 'Fieldbook');
const newOrder = h(
  'a',
  { class: 'new-order', href: hrefOf({ screen: 'create' }), 'data-testid': 'new-order' },
  icon('plus'),
  h('span', {}, 'New order'),
);
const pane = h('section', { class: 'pane screen', 'aria-label': 'Order' }, screen.element);
const panes = h('main', { class: 'panes' }, list.element, pane);
document.body.append(
  h('header', { class: 'bar' }, back, brand, chipPlace, newOrder),
  panes,
  switches.element,
  toast.element,
);

show();
orders.subscribe(() => {
  list.update();
  if (!screen.update()) change();
  setTitle();
});
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'hidden') screen.leave();
  else list.update();
});
void switches.refresh();
if ('serviceWorker' in navigator) void keepShell(toast).catch(() => {});

try {
  start(await opening);
} catch (error) {
  const why = h('p', {}, openingErrorWords(error));
  pane.replaceChildren(h('div', { class: 'nothing', role: 'alert' }, why));
  document.body.dataset['screen'] = 'failure';
}

function start(holdfast: Holdfast<{ order: Order }>): void {
  outbox = createOutbox(holdfast, orders);
  chipPlace.append(createChip(holdfast.status, outbox.open));
  document.body.append(outbox.element, createAnnouncer(holdfast.status));
  orders.watch(holdfast.collection('order'));
  keepPulling(holdfast, list.setFetching);

  let reachable: boolean | undefined;
  holdfast.status.subscribe((status) => {
    // The number on the installed app's icon, where there is one.
    void navigator.setAppBadge?.(status.pending + status.failed).catch(() => {});
    if (status.reachable !== reachable) void switches.refresh();
    ({ reachable } = status);
  });
  document.documentElement.dataset['opened'] = '';
}

/** Goes where the address says. */
function follow(before: Route): void {
  screen.leave();
  change();
  show();
  if (router.route.screen === 'list') list.focus('id' in before ? before.id : undefined);
  else screen.heading.focus();
}

function change(): void {
  screen = createScreen(router.route, screenOptions);
  pane.replaceChildren(screen.element);
  pane.scrollTop = 0;
}

function show(): void {
  const { route } = router;
  document.body.dataset['screen'] = route.screen;
  list.select('id' in route ? route.id : undefined);
  setTitle();
}

function setTitle(): void {
  const title = screen.title();
  document.title = title === '' ? 'Fieldbook' : `${title} – Fieldbook`;
}
