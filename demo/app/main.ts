// The demo: a technician's work orders, on the device first. Puts everything together.
//
// Tests find what they need by data-testid:
//
//   chip             the button in the header; data-state sent | pending | failed | offline,
//                    data-pending and data-failed the counts, data-reachable true | false
//   list             what scrolls; search, show-more and filter-open, filter-in-progress,
//                    filter-done, filter-all (aria-pressed) choose what it holds
//   order-row        one order: data-id, data-status; in it done-toggle (a checkbox) and mark
//   mark             only while there is something to mark: data-status pending | failed,
//                    data-blocked while it waits for what was refused
//   new-order        opens the form: title-input, field-… by id, first-note, save, cancel
//   detail           the open order, data-id: detail-title, standing, done-toggle and start-toggle
//                    (buttons), edit, delete → confirm-delete, step-toggle, handover
//   notes            those on the open order: note (data-id, data-status) with mark and delete-note
//                    → confirm-delete-note; note-input, add-note
//   outbox-sheet     opened by the chip: outbox-entry with why, and dead-letter, both with data-id
//                    and data-record; send-now, close-outbox
//   dead-letter      holds; retry, discard → confirm-discard for what was never made, edit-letter →
//                    letter-form with its fields by data-field, send-letter, cancel-letter
//   signed-out       the banner, with sign-in
//   switch-offline, switch-failing, failing-how, switch-refuse, expire   the demo's switches
//   toast            what has just happened, with Undo
//
// <html data-opened> stands once the database is open.

import { openHoldfast } from 'holdfast';
import type { Holdfast } from 'holdfast';
import { createActions } from './actions.js';
import { createBanner } from './banner.js';
import { createAnnouncer, createChip } from './chip.js';
import { h } from './dom.js';
import { icon } from './icon.js';
import { createList } from './list.js';
import { createNotes } from './notes.js';
import type { OrderRow } from './order.js';
import { createOrders } from './orders.js';
import { createOutbox } from './outbox.js';
import type { Outbox } from './outbox.js';
import { createRouter, hrefOf } from './route.js';
import type { Route } from './route.js';
import type { Schema } from './schema.js';
import { createScreen } from './screen.js';
import { createSession } from './session.js';
import { keepShell } from './shell.js';
import { createSwitches } from './switches.js';
import { createToast } from './toast.js';
import { openingErrorWords } from './words.js';

const user = 'ada';
const session = createSession(user);
// Two windows side by side are to show the same soon.
const often = { intervalMs: 5_000 };
const opening: Promise<Holdfast<Schema>> = openHoldfast<Schema>({
  name: `field-service/${user}`,
  baseUrl: '/api',
  collections: {
    order: {
      path: '/orders',
      indexes: ['dueAt', ['status', 'dueAt']],
      pull: often,
    },
    note: {
      path: '/notes',
      indexes: ['createdAt'],
      references: { orderId: 'order' },
      pull: often,
    },
  },
  headers: session.headers,
  // A person at the desk does not want to wait for what a day in the field hardly notices.
  backoff: { baseMs: 500, capMs: 15_000 },
});
// Who awaits it hears why it cannot be opened; nobody may be.
opening.catch(() => {});

const toast = createToast();
const orders = createOrders();
const notes = createNotes();
const names = { titleOf: orders.titleOf, noteOf: notes.get };
const actions = createActions(opening, notes, toast);
const list = createList(orders, actions);
const router = createRouter(follow);
const switches = createSwitches(openOrder, toast);
let outbox: Outbox | undefined;

const screenOptions = {
  orders,
  notes,
  names,
  router,
  actions,
  openOutbox: () => outbox?.open(),
  close: () => router.leaveTo({ screen: 'list' }),
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
const bannerPlace = h('div', { class: 'banner-place' });
const panes = h('main', { class: 'panes' }, list.element, pane);
document.body.append(
  h('header', { class: 'bar' }, back, brand, chipPlace, newOrder),
  bannerPlace,
  panes,
  switches.element,
  toast.element,
);

show();
orders.subscribe(() => {
  list.update();
  if (!screen.update()) change();
  setTitle();
  switches.update();
});
notes.subscribe(() => void screen.update());
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

function start(holdfast: Holdfast<Schema>): void {
  outbox = createOutbox(holdfast, { orders, notes, names });
  const chip = createChip(holdfast.status, outbox.open);
  chipPlace.append(chip);
  bannerPlace.append(createBanner(holdfast, session, () => chip.focus()));
  document.body.append(outbox.element, createAnnouncer(holdfast.status));
  orders.watch(holdfast.collection('order'));
  notes.watch(holdfast.collection('note'));
  // That there is nothing is only known when the server has been asked.
  void holdfast
    .pull()
    .catch(() => {})
    .finally(() => list.setFetching(false));

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
  switches.update();
}

function openOrder(): OrderRow | undefined {
  const { route } = router;
  return 'id' in route ? orders.get(route.id) : undefined;
}

function setTitle(): void {
  const title = screen.title();
  document.title = title === '' ? 'Fieldbook' : `${title} – Fieldbook`;
}
