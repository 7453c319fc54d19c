// An order as a form has it: text in fields. Reading it back gives the order's own types.

import type { ChecklistItem, Order, Priority } from './order.js';

export type Entry = Record<EntryField, string>;
export type EntryField = Exclude<keyof Order, 'status'>;

export function entryOf(order: Order): Entry {
  return {
    title: order.title,
    description: order.description,
    customer: order.customer,
    address: order.address,
    city: order.city,
    priority: String(order.priority),
    dueAt: order.dueAt === null ? '' : localTime(new Date(order.dueAt)),
    assignee: order.assignee,
    notes: order.notes,
    checklist: order.checklist.map((item) => item.text).join('\n'),
  };
}

const texts = [
  'title',
  'description',
  'customer',
  'address',
  'city',
  'assignee',
  'notes',
] as const;

/** The fields of `entry` that differ from the order it was made from: a change says no more. */
export function changesOf(entry: Entry, order: Order): Partial<Order> {
  const before = entryOf(order);
  const changes: Partial<Order> = {};
  for (const field of texts) {
    if (entry[field] !== before[field]) changes[field] = entry[field].trim();
  }
  if (entry.priority !== before.priority) changes.priority = Number(entry.priority) as Priority;
  if (entry.dueAt !== before.dueAt) {
    changes.dueAt = entry.dueAt === '' ? null : new Date(entry.dueAt).toISOString();
  }
  if (entry.checklist !== before.checklist) {
    changes.checklist = checklistOf(entry.checklist, order.checklist);
  }
  return changes;
}

/** One step a line. A step that was there before keeps its tick, wherever its line is now. */
function checklistOf(lines: string, before: readonly ChecklistItem[]): ChecklistItem[] {
  const left = [...before];
  const texts = lines.split('\n').map((line) => line.trim());
  return texts.filter(Boolean).map((text) => {
    const index = left.findIndex((item) => item.text === text);
    const [known] = index === -1 ? [] : left.splice(index, 1);
    return known ?? { text, done: false };
  });
}

/** As an input of type datetime-local has it: by the clock on the wall, to the minute. */
function localTime(at: Date): string {
  const wall = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return wall.toISOString().slice(0, 16);
}
