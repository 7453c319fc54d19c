// The fields of an order in a form: each with its label, and the control that suits it.

import { h, setAttribute } from './dom.js';
import type { EntryField } from './entry.js';
import { priorities, priorityLabels } from './order.js';

export type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

export interface Field {
  readonly element: HTMLElement;
  readonly control: Control;
}

export const input = { class: 'input', dir: 'auto', lang: '', autocomplete: 'off' };

const labels: Record<EntryField, string> = {
  title: 'What needs to be done',
  dueAt: 'Due',
  priority: 'Priority',
  customer: 'Customer',
  assignee: 'Assigned to',
  address: 'Street',
  city: 'City',
  description: 'Description',
  notes: 'Handover',
  checklist: 'Checklist',
};

/** `form` tells the fields of one form from those of another on the same page. */
export function createField(name: EntryField, value: string, form = 'field'): Field {
  const control = controlOf(name);
  const hint = name === 'checklist' ? 'One step a line.' : undefined;
  return labelled(`${form}-${name}`, name, labels[name], control, value, hint);
}

export function labelled(
  id: string,
  name: string,
  label: string,
  control: Control,
  value: string,
  hint?: string,
): Field {
  control.id = id;
  control.name = name;
  control.value = value;
  const element = h('div', { class: 'field', 'data-field': name });
  element.append(h('label', { for: id }, label), control);
  if (hint !== undefined) {
    element.append(h('p', { class: 'hint', id: `${id}-hint` }, hint));
    setAttribute(control, 'aria-describedby', `${id}-hint`);
  }
  return { element, control };
}

function controlOf(name: EntryField): Control {
  switch (name) {
    case 'title':
      return h('input', { ...input, required: true, maxlength: 200 });
    case 'dueAt':
      return h('input', { ...input, type: 'datetime-local' });
    case 'priority': {
      const select = h('select', { class: 'input' });
      for (const value of priorities) {
        select.append(h('option', { value }, priorityLabels[value]));
      }
      return select;
    }
    case 'description':
    case 'notes':
    case 'checklist':
      return h('textarea', { ...input, rows: 4 });
    default:
      return h('input', input);
  }
}
