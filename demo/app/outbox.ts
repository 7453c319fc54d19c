// The outbox sheet: the changes that the server refused, each with its reason and what can be done,
// and the changes that wait, in their order.

import type { DeadLetterEntry, Holdfast, OutboxEntry } from 'holdfast';
import { createLetter, createWaiting } from './change.js';
import type { Records, Waiting } from './change.js';
import { h, setText } from './dom.js';
import { icon } from './icon.js';
import { keyed } from './keyed.js';
import type { Schema } from './schema.js';
import { errorWords, outboxWords } from './words.js';

/** How many of each kind the sheet lists. */
const limit = 200;
/** Of how many that wait it says why. */
const explained = 50;

export interface Outbox {
  readonly element: HTMLDialogElement;
  open(): void;
}

export function createOutbox(holdfast: Holdfast<Schema>, records: Records): Outbox {
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
    edit: async (id: string, patch: Record<string, unknown>) => {
      await holdfast.deadLetters.edit(id, patch);
      close.focus();
      await refresh();
    },
    discard: (id: string) => attempt(() => holdfast.deadLetters.discard(id)),
    leave: () => element.close(),
  };
  const showLetters = keyed<DeadLetterEntry>(
    letters,
    (entry) => entry.id,
    (entry) => createLetter(entry, records, letterActions),
  );
  const showWaiting = keyed<Waiting>(
    waiting,
    ({ entry }) => entry.id,
    (item) => createWaiting(item, records),
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

  let under: Promise<void> | undefined;
  let asked = false;

  /** Shows the outbox as it is now; resolves once it does. One look follows the other. */
  async function refresh(): Promise<void> {
    asked = true;
    under ??= look().finally(() => {
      under = undefined;
    });
    await under;
  }

  async function look(): Promise<void> {
    while (asked && element.open) {
      asked = false;
      try {
        const [refused, entries] = await Promise.all([
          holdfast.deadLetters.list({ limit }),
          holdfast.outbox.list({ limit }),
        ]);
        const unsent = entries.filter((entry) => entry.state !== 'failed');
        const items = await Promise.all(unsent.map(explain));
        show(refused, items, entries.length === limit);
      } catch (error) {
        setText(failure, errorWords(error));
      }
    }
  }

  async function explain(entry: OutboxEntry, index: number): Promise<Waiting> {
    if (index >= explained) return { entry, why: '' };
    return { entry, why: (await holdfast.outbox.explain(entry.id))?.text ?? '' };
  }

  function show(
    refused: readonly DeadLetterEntry[],
    unsent: readonly Waiting[],
    isCut: boolean,
  ): void {
    const more = holdfast.status.get().pending - unsent.length;
    setText(rest, more > 0 && isCut ? `and ${more} more` : '');
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
  records.orders.subscribe(() => void refresh());
  records.notes.subscribe(() => void refresh());

  return {
    element,
    open() {
      setText(failure, '');
      element.showModal();
      void refresh();
    },
  };
}
