// The notes on an order: a list of who said what when, and a line to add one.

import type { Actions } from './actions.js';
import { h, setAttribute, setText, written } from './dom.js';
import { draftOf } from './draft.js';
import { ago } from './due.js';
import { icon } from './icon.js';
import { keyed } from './keyed.js';
import type { View } from './keyed.js';
import { createMark } from './mark.js';
import type { NoteRow } from './note.js';
import type { OrderRow } from './order.js';
import type { Names } from './schema.js';
import { standingWords } from './words.js';

export interface NoteListOptions {
  actions: Actions;
  names: Names;
  openOutbox(): void;
}

export function createNoteList(
  order: OrderRow,
  { actions, names, openOutbox }: NoteListOptions,
): View<readonly NoteRow[]> {
  const draft = draftOf(`note/${order.id}`);
  const field = h('textarea', {
    id: 'new-note',
    class: 'input',
    dir: 'auto',
    lang: '',
    rows: 1,
    maxlength: 2000,
    placeholder: 'Add a note',
    'aria-label': 'New note',
    'data-testid': 'note-input',
    on: {
      input: () => {
        draft.write({ text: field.value });
        show();
      },
    },
  });
  field.value = draft.read()['text'] ?? '';
  const add = h(
    'button',
    { type: 'submit', class: 'button', 'data-testid': 'add-note' },
    'Add',
  );
  const form = h(
    'form',
    {
      class: 'note-form',
      on: {
        submit: (event) => {
          event.preventDefault();
          void submit();
        },
        // Enter makes a new line, as in any text of several; with Ctrl or ⌘ it adds the note.
        keydown: (event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
        },
      },
    },
    field,
    add,
  );
  const heading = h('h2', { tabindex: -1 }, 'Notes');
  const items = h('ul', { class: 'notes' });
  const element = h(
    'section',
    { class: 'block', 'aria-label': 'Notes', 'data-testid': 'notes' },
    heading,
    items,
    form,
  );
  const showNotes = keyed<NoteRow>(
    items,
    (note) => note.id,
    (note) => createItem(note),
  );

  function show(): void {
    add.disabled = field.value.trim() === '';
  }

  async function submit(): Promise<void> {
    const text = field.value.trim();
    if (text === '') return;
    field.value = '';
    show();
    if (await actions.addNote(order, text)) {
      draft.drop();
      field.focus();
      return;
    }
    field.value = text;
    show();
  }

  function createItem(first: NoteRow): View<NoteRow> {
    let note = first;
    const text = written('p', { class: 'note-text' });
    const at = h('time');
    const mark = createMark();
    const standing = h('span', { class: 'note-standing' });
    const resolve = h(
      'button',
      { type: 'button', class: 'link', on: { click: openOutbox } },
      'Resolve',
    );
    const remove = h(
      'button',
      {
        type: 'button',
        class: 'icon-button',
        title: 'Delete',
        'data-testid': 'delete-note',
        on: {
          click: () =>
            void actions.removeNote(note).then((removed) => removed && heading.focus()),
        },
      },
      icon('trash'),
    );
    const item = h(
      'li',
      { class: 'note', 'data-testid': 'note', 'data-id': note.id },
      h(
        'div',
        { class: 'note-inside' },
        text,
        h('p', { class: 'note-end' }, at, standing, resolve),
      ),
      mark.element,
      remove,
    );

    function update(latest: NoteRow): void {
      note = latest;
      const { $sync } = note;
      const written = new Date(note.createdAt);
      setText(text, note.text);
      setText(at, ago(written, new Date()));
      setAttribute(at, 'datetime', note.createdAt);
      setAttribute(item, 'data-status', $sync.status);
      setAttribute(remove, 'aria-label', `Delete note: ${note.text.slice(0, 60)}`);
      mark.update($sync);
      const isStuck = $sync.status === 'failed' || $sync.blockedBy !== undefined;
      setText(standing, isStuck ? standingWords($sync, names).title : '');
      resolve.hidden = !isStuck;
    }

    update(first);
    return { element: item, update };
  }

  function update(notes: readonly NoteRow[]): void {
    items.hidden = notes.length === 0;
    showNotes(notes);
  }

  show();
  return { element, update };
}
