// One unsettled change as the outbox sheet shows it: as a dead letter or as one that waits.

import type { OutboxEntry } from 'holdfast';
import { h, setAttribute, setText, written } from './dom.js';
import { ago } from './due.js';
import type { View } from './keyed.js';
import type { Orders } from './orders.js';
import { hrefOf } from './route.js';
import { changeWords, problemWords, stateWords } from './words.js';

export interface LetterActions {
  retry(id: string): Promise<void>;
  discard(id: string): Promise<void>;
  leave(): void;
}

export function createLetter(
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
    { class: 'entry', 'data-testid': 'dead-letter', 'data-id': id },
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

export function createWaiting(first: OutboxEntry, orders: Orders): View<OutboxEntry> {
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

  // After a reload nothing here knows what a deleted order was called.
  const unknown = first.kind === 'delete' ? 'A deleted order' : 'An order';

  function update(entry: OutboxEntry): void {
    const { title: written } = (entry.change ?? {}) as { title?: string };
    setText(title, orders.titleOf(entry.record) ?? written ?? unknown);
    const now = new Date();
    const state = entry.state === 'failed' ? '' : ` · ${stateWords(entry, now)}`;
    setText(words, `${changeWords(entry)} · ${ago(new Date(entry.writtenAt), now)}${state}`);
  }

  update(first);
  return { element, update };
}
