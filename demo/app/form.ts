// The form for a new order and for changing one.

import { h, setAttribute, setText } from './dom.js';
import { draftOf } from './draft.js';
import { changesOf, entryOf } from './entry.js';
import type { Entry, EntryField } from './entry.js';
import { priorities, priorityLabels } from './order.js';
import type { Order } from './order.js';
import { errorWords } from './words.js';

export interface FormOptions {
  heading: string;
  /** Names the draft: each order has its own. */
  name: string;
  /** What is changed: the order, or what a new one starts as. */
  order: Order;
  cancel(): void;
  /** Rejects when nothing was saved: the form then stays and says why. */
  save(changes: Partial<Order>): Promise<void>;
}

export interface Form {
  readonly element: HTMLElement;
  readonly heading: HTMLElement;
}

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

export function createForm(options: FormOptions): Form {
  const { order, save } = options;
  const draft = draftOf(options.name);
  const entry: Entry = { ...entryOf(order), ...draft.read() };
  const controls = new Map<EntryField, Control>();

  function field(name: EntryField, label: string, control: Control, hint?: string): HTMLElement {
    const id = `field-${name}`;
    control.id = id;
    control.name = name;
    control.value = entry[name];
    controls.set(name, control);
    const element = h('div', { class: 'field', 'data-field': name });
    element.append(h('label', { for: id }, label), control);
    if (hint === undefined) return element;
    element.append(h('p', { class: 'hint', id: `${id}-hint` }, hint));
    setAttribute(control, 'aria-describedby', `${id}-hint`);
    return element;
  }

  const title = h('input', {
    ...input,
    required: true,
    maxlength: 200,
    'data-testid': 'title-input',
    'aria-describedby': 'title-error',
  });
  const titleError = h('p', { class: 'error', id: 'title-error' });
  const titleField = field('title', 'What needs to be done', title);
  titleField.append(titleError);

  const priority = h('select', { class: 'input' });
  for (const value of priorities) {
    priority.append(h('option', { value }, priorityLabels[value]));
  }

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
          draft.write(written());
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
      field('dueAt', 'Due', h('input', { ...input, type: 'datetime-local' })),
      field('priority', 'Priority', priority),
      field('customer', 'Customer', h('input', input)),
      field('assignee', 'Assigned to', h('input', input)),
      field('address', 'Street', h('input', input)),
      field('city', 'City', h('input', input)),
      field('description', 'Description', h('textarea', { ...input, rows: 4 })),
      field('checklist', 'Checklist', h('textarea', { ...input, rows: 4 }), 'One step a line.'),
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
      await save(changesOf(entry, order));
      draft.drop();
    } catch (error) {
      setText(failure, errorWords(error));
    } finally {
      saveButton.disabled = false;
    }
  }

  return { element, heading };
}

const input = { class: 'input', dir: 'auto', lang: '', autocomplete: 'off' };
