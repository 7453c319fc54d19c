// A work order as the demo's API has it, and the English words for what it says in code.

import type { Stored } from 'holdfast';

export type OrderStatus = 'open' | 'in-progress' | 'done';

/** 1 is an emergency, 4 can wait. */
export const priorities = [1, 2, 3, 4] as const;
export type Priority = (typeof priorities)[number];

export interface ChecklistItem {
  text: string;
  done: boolean;
}

/** What a person can say of an order. */
export interface Order {
  title: string;
  description: string;
  customer: string;
  address: string;
  city: string;
  status: OrderStatus;
  priority: Priority;
  /** RFC 3339, or null: whenever it suits. */
  dueAt: string | null;
  assignee: string;
  notes: string;
  checklist: ChecklistItem[];
}

export type OrderRow = Stored<Order>;

export const statusLabels: Record<OrderStatus, string> = {
  open: 'Open',
  'in-progress': 'In progress',
  done: 'Done',
};

export const priorityLabels: Record<Priority, string> = {
  1: 'Emergency',
  2: 'High',
  3: 'Normal',
  4: 'Low',
};

export const fieldLabels: Record<string, string> = {
  title: 'title',
  description: 'description',
  customer: 'customer',
  address: 'address',
  city: 'city',
  status: 'status',
  priority: 'priority',
  dueAt: 'due date',
  assignee: 'assignee',
  notes: 'handover',
  checklist: 'checklist',
} satisfies Record<keyof Order, string>;
