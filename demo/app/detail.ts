// One order: what, where and when, its steps and notes, and what can be done with it.

import type { Actions } from './actions.js';
import { createChecklist } from './checklist.js';
import { h, setAttribute, setText, written } from './dom.js';
import { longDue } from './due.js';
import { createHandover } from './handover.js';
import { icon, priorityIcon } from './icon.js';
import type { IconName } from './icon.js';
import type { View } from './keyed.js';
import type { NoteRow } from './note.js';
import { createNoteList } from './notelist.js';
import { priorityLabels, statusLabels } from './order.js';
import type { OrderRow } from './order.js';
import { hrefOf } from './route.js';
import type { Names } from './schema.js';
import { createStanding } from './standing.js';

/** An order and the notes on it. */
export interface DetailItem {
  order: OrderRow;
  notes: readonly NoteRow[];
}

export interface Detail extends View<DetailItem> {
  readonly element: HTMLElement;
  readonly heading: HTMLElement;
  /** Saves what is still only on screen. */
  leave(): void;
}

export interface DetailOptions {
  actions: Actions;
  names: Names;
  openOutbox(): void;
  /** Goes back to the list: the order is about to be gone. */
  close(): void;
}

export function createDetail(first: DetailItem, options: DetailOptions): Detail {
  const { actions, names, openOutbox, close } = options;
  let { order } = first;

  const status = h('span', { class: 'status' });
  const edit = h(
    'a',
    {
      class: 'icon-button',
      href: hrefOf({ screen: 'edit', id: order.id }),
      'aria-label': 'Edit order',
      title: 'Edit',
      'data-testid': 'edit',
    },
    icon('edit'),
  );
  const remove = h(
    'button',
    {
      type: 'button',
      class: 'icon-button',
      'aria-label': 'Delete order',
      title: 'Delete',
      'data-testid': 'delete',
      on: { click: () => void actions.remove(order, close) },
    },
    icon('trash'),
  );
  const heading = written('h1', { tabindex: -1, 'data-testid': 'detail-title' });
  const standing = createStanding(order.$sync, names, openOutbox);

  const doneWords = h('span');
  const done = h(
    'button',
    {
      type: 'button',
      class: 'button primary',
      'data-testid': 'done-toggle',
      on: {
        click: () => void actions.setStatus(order, order.status === 'done' ? 'open' : 'done'),
      },
    },
    icon('check'),
    doneWords,
  );
  const startWords = h('span');
  const start = h(
    'button',
    {
      type: 'button',
      class: 'button',
      'data-testid': 'start-toggle',
      on: {
        click: () => {
          void actions.setStatus(order, order.status === 'open' ? 'in-progress' : 'open');
        },
      },
    },
    startWords,
  );

  const facts = h('dl', { class: 'facts' });
  const customer = fact('Customer', 'building');
  const place = fact('Address', 'pin');
  const due = fact('Due', 'clock');
  const assignee = fact('Assigned to', 'person');
  const priority = fact('Priority');
  facts.append(
    due.element,
    customer.element,
    place.element,
    assignee.element,
    priority.element,
  );

  const description = written('p', { class: 'description' });
  const checklist = createChecklist(order, actions);
  const handover = createHandover(order, actions);
  const noteList = createNoteList(order, options);
  const element = h(
    'article',
    { class: 'detail', 'data-testid': 'detail', 'data-id': order.id },
    h('div', { class: 'detail-head' }, status, h('span', { class: 'gap' }), edit, remove),
    heading,
    standing.element,
    h('div', { class: 'actions' }, done, start),
    description,
    facts,
    checklist.element,
    handover.element,
    noteList.element,
  );

  function update(latest: DetailItem): void {
    ({ order } = latest);
    const isDone = order.status === 'done';
    setAttribute(element, 'data-status', order.status);
    setText(status, statusLabels[order.status]);
    setText(heading, order.title);
    standing.update(order.$sync);
    setAttribute(done, 'aria-pressed', String(isDone));
    setText(doneWords, isDone ? 'Done' : 'Mark as done');
    start.hidden = isDone;
    setText(startWords, order.status === 'open' ? 'Start work' : 'Pause work');
    due.show(order.dueAt === null ? '' : longDue(new Date(order.dueAt), new Date()));
    customer.show(order.customer);
    place.show([order.address, order.city].filter(Boolean).join('\n'));
    assignee.show(order.assignee);
    priority.show(priorityLabels[order.priority], priorityIcon(order.priority));
    setText(description, order.description);
    description.hidden = order.description === '';
    checklist.update(order);
    handover.update(order);
    noteList.update(latest.notes);
  }

  update(first);
  return { element, heading, update, leave: handover.leave };
}

interface Fact {
  readonly element: HTMLElement;
  /** Nothing to say hides it. */
  show(text: string, sign?: Element): void;
}

function fact(label: string, name?: IconName): Fact {
  const text = written('span');
  const sign = h('span', { class: 'fact-icon' }, name === undefined ? undefined : icon(name));
  const element = h('div', {}, h('dt', {}, sign, label), h('dd', {}, text));
  return {
    element,
    show(words, own) {
      element.hidden = words === '';
      setText(text, words);
      if (own !== undefined) sign.replaceChildren(own);
    },
  };
}
