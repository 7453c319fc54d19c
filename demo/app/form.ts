// The form for a new order and for changing one.

import { h, setAttribute, setText } from './dom.js';
import { draftOf } from './draft.js';
import { changesOf, entryOf } from './entry.js';
import type { Entry, EntryField } from './entry.js';
import { createField, input, labelled } from './field.js';
import type { Control } from './field.js';
import type { Order } from './order.js';
import { errorWords } from './words.js';

export interface FormOptions {
  heading: string;
  /** Names the draft: each order has its own. */
  name: string;
  /** What is changed: the order, or what a new one starts as. */
  order: Order;
  cancel(): void;
  /** Asks for a first note, too. */
  asksNote?: boolean;
  /** Rejects when nothing was saved: the form then stays and says why. */
  save(changes: Partial<Order>, note: string): Promise<void>;
}

export interface Form {
  readonly element: HTMLElement;
  readonly heading: HTMLElement;
}

export function createForm(options: FormOptions): Form {
  const { order, save } = options;
  const draft = draftOf(options.name);
  const { note: draftNote = '', ...draftEntry } = draft.read();
  const entry: Entry = { ...entryOf(order), ...draftEntry };
  const controls = new Map<EntryField, Control>();

  function field(name: EntryField): HTMLElement {
    const { element, control } = createField(name, entry[name]);
    controls.set(name, control);
    return element;
  }

  const titleField = field('title');
  const title = controls.get('title') as HTMLInputElement;
  const titleError = h('p', { class: 'error', id: 'title-error' });
  setAttribute(title, 'data-testid', 'title-input');
  setAttribute(title, 'aria-describedby', 'title-error');
  titleField.append(titleError);

  const note = h('textarea', { ...input, rows: 2, maxlength: 2000, 'data-testid': 'first-note' });
  const noteField = labelled('field-note', 'note', 'First note', note, draftNote);

  const heading = h('h1', { tabindex: -1 }, options.heading);
  const failure = h('p', { class: 'error', role: 'alert' });
  const saveButton = h(
    'button',
    { type: 'submit', class: 'button primary', 'data-testid': 'save' },
    'Save',
  );
  const cancelButton = h(
    'button',
    {
      type: 'button',
      class: 'button',
      'data-testid': 'cancel',
      on: {
        click: () => {
          draft.drop();
          options.cancel();
        },
      },
    },
    'Cancel',
  );
  const element = h(
    'form',
    {
      class: 'form',
      novalidate: true,
      'data-testid': 'form',
      on: {
        input: () => {
          read();
          draft.write({ ...written(), ...(note.value === '' ? {} : { note: note.value }) });
          if (title.value.trim() !== '') showTitleError('');
        },
        submit: (event) => {
          event.preventDefault();
          void submit();
        },
      },
    },
    heading,
    h(
      'div',
      { class: 'fields' },
      titleField,
      ...rest.map(field),
      options.asksNote === true ? noteField.element : undefined,
    ),
    failure,
    h(
      'div',
      { class: 'form-end' },
      cancelButton,
      saveButton,
    ),
  );

  function read(): void {
    for (const [name, control] of controls) entry[name] = control.value;
  }

  /** The fields that are not as in the order: only these may overwrite it after a reload. */
  function written(): Partial<Entry> {
    const before: Partial<Entry> = entryOf(order);
    const changed = Object.entries(entry).filter(
      ([name, value]) => before[name as EntryField] !== value,
    );
    return Object.fromEntries(changed);
  }

  function showTitleError(text: string): void {
    setText(titleError, text);
    setAttribute(title, 'aria-invalid', text === '' ? undefined : 'true');
  }

  async function submit(): Promise<void> {
    read();
    if (entry.title.trim() === '') {
      showTitleError('Say in a line what needs to be done.');
      title.focus();
      return;
    }
    saveButton.disabled = true;
    setText(failure, '');
    try {
      await save(changesOf(entry, order), note.value.trim());
      draft.drop();
    } catch (error) {
      setText(failure, errorWords(error));
    } finally {
      saveButton.disabled = false;
    }
  }

  return { element, heading };
}

/** Those after the title, in their order. */
const rest = [
  'dueAt',
  'priority',
  'customer',
  'assignee',
  'address',
  'city',
  'description',
  'checklist',
] as const;
