// The outbox sheet: the changes that the server refused, each with its reason and what can be done,
// and the changes that wait, in their order.

import type { Holdfast, OutboxEntry } from 'holdfast';
import { h, setAttribute, setText, written } from './dom.js';
import { ago } from './due.js';
import { icon } from './icon.js';
import { keyed } from './keyed.js';
import type { View } from './keyed.js';
import type { Order } from './order.js';
import type { Orders } from './orders.js';
import { hrefOf } from './route.js';
import { changeWords, errorWords, outboxWords, problemWords, stateWords } from './words.js';

/** How many of each kind the sheet lists. */
const limit = 200;

export interface Outbox {
  readonly element: HTMLDialogElement;
  open(): void;
}

export function createOutbox(holdfast: Holdfast<{ order: Order }>, orders: Orders): Outbox {
  const summary = h('p', { class: 'summary' });
  const failure = h('p', { class: 'error', role: 'alert' });
  const send = h(
    'button',
    { type: 'button', class: 'button', 'data-testid': 'send-now', on: { click: () => void sync() } },
    'Send now',
  );
  const close = h(
    'button',
    {
      type: 'button',
      class: 'icon-button',
      'aria-label': 'Close',
      'data-testid': 'close-outbox',
      on: { click: () => element.close() },
    },
    icon('close'),
  );
  const letters = h('ul', { class: 'entries' });
  const lettersBlock = h('section', { class: 'letters' }, h('h3', {}, 'Refused'), letters);
  const waiting = h('ul', { class: 'entries' });
  const waitingBlock = h('section', {}, h('h3', {}, 'Waiting'), waiting);
  const element = h('dialog', {
    class: 'sheet',
    'aria-labelledby': 'outbox-title',
    'data-testid': 'outbox-sheet',
    // A click beside the sheet lands on the dialog itself.
    on: { click: (event) => event.target === element && element.close() },
  });
  element.append(
    h(
      'div',
      { class: 'sheet-inside' },
      h('div', { class: 'sheet-head' }, h('h2', { id: 'outbox-title' }, 'Outbox'), close),
      h('div', { class: 'sheet-summary' }, summary, send),
      failure,
      lettersBlock,
      waitingBlock,
    ),
  );

  const letterActions = {
    retry: (id: string) => attempt(() => holdfast.deadLetters.retry(id)),
    discard: (id: string) => attempt(() => holdfast.deadLetters.discard(id)),
    leave: () => element.close(),
  };
  const showLetters = keyed<OutboxEntry>(
    letters,
    (entry) => entry.id,
    (entry) => createLetter(entry, orders, letterActions),
  );
  const showWaiting = keyed<OutboxEntry>(
    waiting,
    (entry) => entry.id,
    (entry) => createWaiting(entry, orders),
  );

  async function attempt(act: () => Promise<unknown>): Promise<void> {
    setText(failure, '');
    try {
      await act();
    } catch (error) {
      setText(failure, errorWords(error));
    }
    await refresh();
  }

  async function sync(): Promise<void> {
    send.disabled = true;
    await attempt(() => holdfast.sync());
    send.disabled = false;
  }

  let asked = 0;
  const rest = h('p', { class: 'rest' });
  waitingBlock.append(rest);

  /** Shows the outbox as it is now; an answer that a later one has overtaken is dropped. */
  async function refresh(): Promise<void> {
    if (!element.open) return;
    asked += 1;
    const mine = asked;
    const [refused, entries] = await Promise.all([
      holdfast.deadLetters.list({ limit }),
      holdfast.outbox.list({ limit }),
    ]);
    if (mine !== asked) return;
    const unsent = entries.filter((entry) => entry.state !== 'failed');
    const more = holdfast.status.get().pending - unsent.length;
    setText(rest, more > 0 && entries.length === limit ? `and ${more} more` : '');
    const hadFocus = element.contains(document.activeElement);
    showLetters(refused);
    showWaiting(unsent);
    lettersBlock.hidden = refused.length === 0;
    waitingBlock.hidden = unsent.length === 0;
    if (hadFocus && !element.contains(document.activeElement)) close.focus();
  }

  holdfast.status.subscribe((status) => {
    setText(summary, outboxWords(status));
    send.hidden = status.pending === 0;
    void refresh();
  });
  orders.subscribe(() => void refresh());

  return {
    element,
    open() {
      setText(failure, '');
      element.showModal();
      void refresh();
    },
  };
}

interface LetterActions {
  retry(id: string): Promise<void>;
  discard(id: string): Promise<void>;
  leave(): void;
}

function createLetter(
  first: OutboxEntry,
  orders: Orders,
  actions: LetterActions,
): View<OutboxEntry> {
  const { id } = first;
  const reason = h('strong');
  const detail = h('span', { class: 'reason' });
  const retry = h('button', { type: 'button', class: 'button small', 'data-testid': 'retry' });
  const discard = h('button', { type: 'button', class: 'button small', 'data-testid': 'discard' });
  retry.append('Retry');
  discard.append(first.kind === 'create' ? 'Discard order' : 'Discard change');
  retry.addEventListener('click', () => void actions.retry(id));
  discard.addEventListener('click', () => void actions.discard(id));
  const subject = createSubject(first, orders, actions.leave);
  const element = h(
    'li',
    { class: 'entry letter', 'data-testid': 'dead-letter', 'data-id': id },
    subject.element,
    h('p', { class: 'problem' }, reason, detail),
    h('div', { class: 'buttons' }, retry, discard),
  );

  function update(entry: OutboxEntry): void {
    const words = problemWords(entry.error);
    subject.update(entry);
    setText(reason, words.title);
    setText(detail, words.detail ?? '');
    setAttribute(element, 'data-record', entry.record);
  }

  update(first);
  return { element, update };
}

function createWaiting(first: OutboxEntry, orders: Orders): View<OutboxEntry> {
  const subject = createSubject(first, orders);
  const element = h(
    'li',
    { class: 'entry', 'data-testid': 'outbox-entry', 'data-id': first.id },
    subject.element,
  );
  return { element, update: subject.update };
}

/** Which order a change is of, what it changes, since when it waits and how it stands. */
function createSubject(
  first: OutboxEntry,
  orders: Orders,
  leave?: () => void,
): View<OutboxEntry> {
  const title = written('span');
  const words = h('p', { class: 'entry-words' });
  const href = hrefOf({ screen: 'detail', id: first.record });
  const link = leave && h('a', { class: 'entry-title', href, on: { click: leave } }, title);
  const element = h('div', {}, link ?? h('p', { class: 'entry-title' }, title), words);

  function update(entry: OutboxEntry): void {
    const { title: written } = (entry.change ?? {}) as { title?: string };
    setText(title, orders.titleOf(entry.record) ?? written ?? 'An order');
    const now = new Date();
    const state = entry.state === 'failed' ? '' : ` · ${stateWords(entry, now)}`;
    setText(words, `${changeWords(entry)} · ${ago(new Date(entry.writtenAt), now)}${state}`);
  }

  update(first);
  return { element, update };
}
