// The small form of a refused change: the fields that the server's problem names, to be mended and
// sent again.

import type { DeadLetterEntry, Problem } from 'holdfast';
import { h, setText } from './dom.js';
import { changesOf, entryOf } from './entry.js';
import type { EntryField } from './entry.js';
import { createField, input, labelled } from './field.js';
import type { Field } from './field.js';
import type { Notes } from './notes.js';
import type { Orders } from './orders.js';

export interface Editor {
  readonly element: HTMLFormElement;
  /** Puts the keyboard on the first field. */
  focus(): void;
}

export interface EditorOptions {
  /** Rejects with a word for the person: the form then stays. */
  save(patch: Record<string, unknown>): Promise<void>;
  cancel(): void;
}

/** Nothing where a change cannot be mended: a deletion, or what may have been applied already. */
export function createEditor(
  letter: DeadLetterEntry,
  { orders, notes }: { orders: Orders; notes: Notes },
  { save, cancel }: EditorOptions,
): Editor | undefined {
  const form = `letter-${letter.id}`;
  const made =
    letter.collection === 'note'
      ? noteFields(letter, notes, form)
      : orderFields(letter, orders, form);
  if (made === undefined) return undefined;

  const failure = h('p', { class: 'error', role: 'alert' });
  const send = h(
    'button',
    { type: 'submit', class: 'button small primary', 'data-testid': 'send-letter' },
    'Save and send',
  );
  const stop = h(
    'button',
    {
      type: 'button',
      class: 'button small',
      'data-testid': 'cancel-letter',
      on: { click: cancel },
    },
    'Cancel',
  );
  const element = h(
    'form',
    {
      class: 'letter-form',
      'data-testid': 'letter-form',
      on: {
        submit: (event) => {
          event.preventDefault();
          void submit();
        },
      },
    },
    ...made.fields.map((field) => field.element),
    failure,
    h('div', { class: 'buttons' }, send, stop),
  );

  async function submit(): Promise<void> {
    send.disabled = true;
    setText(failure, '');
    try {
      await save(made!.patch());
    } catch (error) {
      setText(failure, error instanceof Error ? error.message : '');
    } finally {
      send.disabled = false;
    }
  }

  return { element, focus: () => made.fields[0]?.control.focus() };
}

export function isEditable(letter: DeadLetterEntry): boolean {
  return letter.kind !== 'delete' && !letter.unknown;
}

interface Fields {
  fields: Field[];
  /** What is other than it was; nothing sends it as it is. */
  patch(): Record<string, unknown>;
}

function orderFields(letter: DeadLetterEntry, orders: Orders, form: string): Fields | undefined {
  const order = orders.get(letter.record);
  if (order === undefined) return undefined;
  const entry = entryOf(order);
  const isField = (name: string): name is EntryField => Object.hasOwn(entry, name);
  const named = fieldsNamed(letter.error).filter(isField);
  const names: EntryField[] = named.length > 0 ? named : ['title'];
  const fields = names.map((name) => createField(name, entry[name], form));
  return {
    fields,
    patch() {
      const changed = { ...entry };
      names.forEach((name, index) => {
        changed[name] = fields[index]?.control.value ?? '';
      });
      return changesOf(changed, order);
    },
  };
}

function noteFields(letter: DeadLetterEntry, notes: Notes, form: string): Fields | undefined {
  const note = notes.get(letter.record);
  if (note === undefined) return undefined;
  const control = h('textarea', { ...input, rows: 3, maxlength: 2000 });
  const field = labelled(`${form}-text`, 'text', 'Note', control, note.text);
  return {
    fields: [field],
    patch: () => (control.value === note.text ? {} : { text: control.value.trim() }),
  };
}

/** The fields that a problem is about, each once: `errors` with JSON pointers (RFC 9457, 3.1). */
export function fieldsNamed(problem: Problem | undefined): string[] {
  const errors: unknown = problem?.['errors'];
  if (!Array.isArray(errors)) return [];
  const pointers = errors.map((error: unknown) => (error as { pointer?: unknown } | null)?.pointer);
  const names = pointers.flatMap((pointer) => {
    const [, name] = typeof pointer === 'string' ? (/^#?\/([^/]+)/.exec(pointer) ?? []) : [];
    return name === undefined ? [] : [name];
  });
  return [...new Set(names)];
}
