// The outbox sheet: the changes that the server refused, each with its reason and what can be done,
// and the changes that wait, in their order.

import type { Holdfast, OutboxEntry } from 'holdfast';
import { createLetter, createWaiting } from './change.js';
import { h, setText } from './dom.js';
import { icon } from './icon.js';
import { keyed } from './keyed.js';
import type { Order } from './order.js';
import type { Orders } from './orders.js';
import { errorWords, outboxWords } from './words.js';

/** How many of each kind the sheet lists. */
const limit = 200;

export interface Outbox {
  readonly element: HTMLDialogElement;
  open(): void;
}

export function createOutbox(holdfast: Holdfast<{ order: Order }>, orders: Orders): Outbox {
  const summary = h('p');
  const reason = h('p', { class: 'hint' });
  const failure = h('p', { class: 'error', role: 'alert' });
  const send = h(
    'button',
    {
      type: 'button',
      class: 'button',
      'data-testid': 'send-now',
      on: { click: () => void sync() },
    },
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
  const letters = h('ul');
  const lettersBlock = h('section', { class: 'letters' }, h('h3', {}, 'Refused'), letters);
  const waiting = h('ul');
  const rest = h('p', { class: 'rest' });
  const waitingBlock = h('section', {}, h('h3', {}, 'Waiting'), waiting, rest);
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
      reason,
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

  /** Shows the outbox as it is now; an answer that a later one has overtaken is dropped. */
  async function refresh(): Promise<void> {
    if (!element.open) return;
    asked += 1;
    const mine = asked;
    try {
      const lists = [holdfast.deadLetters.list({ limit }), holdfast.outbox.list({ limit })];
      const [refused = [], entries = []] = await Promise.all(lists);
      if (mine === asked) show(refused, entries);
    } catch (error) {
      setText(failure, errorWords(error));
    }
  }

  function show(refused: readonly OutboxEntry[], entries: readonly OutboxEntry[]): void {
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
    setText(reason, status.pending === 0 ? '' : status.reason);
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
