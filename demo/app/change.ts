// One unsettled change as the outbox sheet shows it: as a dead letter or as one that waits.

import type { DeadLetterEntry, OutboxEntry } from 'holdfast';
import { confirmed } from './confirm.js';
import { h, setAttribute, setText, written } from './dom.js';
import { ago } from './due.js';
import { createEditor, isEditable } from './editor.js';
import type { Editor } from './editor.js';
import type { View } from './keyed.js';
import type { Notes } from './notes.js';
import type { Orders } from './orders.js';
import { hrefOf } from './route.js';
import type { Names } from './schema.js';
import {
  changeWords,
  discardWords,
  errorWords,
  explanationWords,
  holdsWords,
  problemWords,
  stateWords,
} from './words.js';

export interface Records {
  orders: Orders;
  notes: Notes;
  names: Names;
}

export interface LetterActions {
  retry(id: string): Promise<void>;
  /** Rejects when nothing was changed. */
  edit(id: string, patch: Record<string, unknown>): Promise<void>;
  discard(id: string): Promise<void>;
  leave(): void;
}

export function createLetter(
  first: DeadLetterEntry,
  records: Records,
  actions: LetterActions,
): View<DeadLetterEntry> {
  const { id } = first;
  let letter = first;
  let editor: Editor | undefined;
  const reason = h('strong');
  const detail = h('span', { class: 'reason' });
  const holds = h('p', { class: 'holds', 'data-testid': 'holds' });
  const small = { type: 'button', class: 'button small' };
  const edit = h('button', { ...small, 'data-testid': 'edit-letter' }, 'Edit and retry');
  const retry = h('button', { ...small, 'data-testid': 'retry' }, 'Retry');
  const discard = h('button', { ...small, 'data-testid': 'discard' }, 'Discard');
  edit.addEventListener('click', open);
  retry.addEventListener('click', () => void actions.retry(id));
  discard.addEventListener('click', () => void giveUp());
  const buttons = h('div', { class: 'buttons' }, edit, retry, discard);
  const subject = createSubject(first, records, actions.leave);
  const element = h(
    'li',
    { class: 'entry', 'data-testid': 'dead-letter', 'data-id': id },
    subject.element,
    h('p', { class: 'problem' }, reason, detail),
    holds,
    buttons,
  );

  function open(): void {
    editor = createEditor(letter, records, { save, cancel: close });
    if (editor === undefined) return;
    element.append(editor.element);
    buttons.hidden = true;
    editor.focus();
  }

  function close(): void {
    editor?.element.remove();
    buttons.hidden = false;
    edit.focus();
  }

  async function save(patch: Record<string, unknown>): Promise<void> {
    try {
      await actions.edit(id, patch);
    } catch (error) {
      throw new Error(errorWords(error));
    }
  }

  /** A create takes with it what depends on it, so that is said first. */
  async function giveUp(): Promise<void> {
    if (letter.kind === 'create') {
      const isNote = letter.collection === 'note';
      const sure = await confirmed({
        title: isNote ? 'Discard this note?' : 'Discard this order?',
        text: discardWords(letter, records.names),
        verb: 'Discard',
        testid: 'confirm-discard',
      });
      if (!sure) return;
    }
    await actions.discard(id);
  }

  function update(latest: DeadLetterEntry): void {
    letter = latest;
    const words = problemWords(letter.error);
    subject.update(letter);
    setText(reason, words.title);
    setText(detail, words.detail ?? '');
    setText(holds, holdsWords(letter.holds, records.names));
    setAttribute(element, 'data-record', letter.record);
    edit.hidden = !isEditable(letter);
  }

  update(first);
  return { element, update };
}

/** What waits, and Holdfast's own sentence on why. */
export interface Waiting {
  entry: OutboxEntry;
  why: string;
}

export function createWaiting(first: Waiting, records: Records): View<Waiting> {
  const subject = createSubject(first.entry, records);
  const why = h('p', { class: 'entry-why', 'data-testid': 'why' });
  const element = h(
    'li',
    { class: 'entry', 'data-testid': 'outbox-entry', 'data-id': first.entry.id },
    subject.element,
    why,
  );

  function update(waiting: Waiting): void {
    subject.update(waiting.entry);
    setText(why, explanationWords(waiting.why, records.names));
    setAttribute(element, 'data-record', waiting.entry.record);
    setAttribute(element, 'data-blocked', waiting.entry.blockedBy !== undefined);
  }

  update(first);
  return { element, update };
}

/** Which order or note a change is of, what it changes, since when it waits and how it stands. */
function createSubject(
  first: OutboxEntry,
  { orders, notes }: Records,
  leave?: () => void,
): View<OutboxEntry> {
  const isNote = first.collection === 'note';
  const created = (first.change ?? {}) as { title?: string; text?: string; orderId?: string };
  const order = isNote ? (notes.get(first.record)?.orderId ?? created.orderId) : first.record;

  const title = written('span');
  const words = h('p', { class: 'entry-words' });
  const link =
    leave !== undefined && order !== undefined
      ? h(
          'a',
          {
            class: 'entry-title',
            href: hrefOf({ screen: 'detail', id: order }),
            on: { click: leave },
          },
          title,
        )
      : undefined;
  const element = h('div', {}, link ?? h('p', { class: 'entry-title' }, title), words);

  // After a reload nothing here knows what a deleted record was called.
  const noun = isNote ? 'note' : 'order';
  const unknown = first.kind === 'delete' ? `A deleted ${noun}` : isNote ? 'A note' : 'An order';

  function name(entry: OutboxEntry): string {
    const { record } = entry;
    if (isNote) return notes.get(record)?.text ?? created.text ?? unknown;
    return orders.titleOf(record) ?? created.title ?? unknown;
  }

  function update(entry: OutboxEntry): void {
    setText(title, name(entry));
    const now = new Date();
    const state = entry.state === 'failed' ? '' : ` · ${stateWords(entry, now)}`;
    setText(words, `${changeWords(entry)} · ${ago(new Date(entry.writtenAt), now)}${state}`);
  }

  update(first);
  return { element, update };
}
