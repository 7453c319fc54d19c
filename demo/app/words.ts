// What the library and the server say in codes, said so that a technician knows what to do.

import { HoldfastError } from 'holdfast';
import type { OutboxEntry, Problem, RecordSync, Status } from 'holdfast';
import { clockTime } from './due.js';
import { fieldLabels } from './order.js';
import type { OrderStatus } from './order.js';

export interface ProblemWords {
  title: string;
  detail: string | undefined;
}

const statusWords: Record<number, string> = {
  400: 'The server could not read this change',
  403: 'You are not allowed to make this change',
  404: 'The server no longer has this order',
  409: 'Someone else changed this order',
  412: 'Someone else changed this order',
  413: 'This change is too large for the server',
  422: 'The server did not accept this change',
  428: 'Someone else changed this order',
};

/** A problem as a sentence and, where the server gave one, its reason. */
export function problemWords(problem: Problem | undefined): ProblemWords {
  const { status, title, detail } = problem ?? {};
  const known = status === undefined ? undefined : statusWords[status];
  if (known !== undefined) return { title: known, detail: detail ?? title };
  if (status !== undefined && status >= 500) {
    return { title: 'The server failed too often', detail: detail ?? title };
  }
  return { title: title ?? 'The server refused this change', detail };
}

export const statusChangeWords: Record<OrderStatus, string> = {
  open: 'Set to open',
  'in-progress': 'Work started',
  done: 'Marked as done',
};

/** 'New order', 'Changed title and notes', 'Marked as done', 'Deleted'. */
export function changeWords(entry: OutboxEntry): string {
  if (entry.kind === 'create') return 'New order';
  if (entry.kind === 'delete') return 'Deleted';
  const { set = {} } = (entry.change ?? {}) as { set?: Record<string, unknown> };
  const fields = Object.keys(set).filter((field) => field !== 'updatedAt');
  if (fields.length === 1 && fields[0] === 'status') {
    return statusChangeWords[set['status'] as OrderStatus];
  }
  const names = fields.map((field) => fieldLabels[field] ?? field);
  return names.length === 0 ? 'Changed' : `Changed ${listFormat.format(names)}`;
}

const listFormat = new Intl.ListFormat('en', { type: 'conjunction' });

/** Where an unsettled change stands: 'Sending…', 'Waiting – next try at 14:02'. */
export function stateWords(entry: OutboxEntry, now: Date): string {
  switch (entry.state) {
    case 'in flight':
      return 'Sending…';
    case 'outcome unknown':
      return 'Sent, not confirmed yet';
    case 'waiting':
      return 'Waits for an earlier change';
    case 'failed':
      return 'Refused';
    case 'pending': {
      const next = entry.dueAt;
      if (next === undefined || next <= now.getTime() || entry.attempts === 0) return 'Waiting';
      return `Waiting – next try at ${clockTime(new Date(next))}`;
    }
    default:
      return entry.state satisfies never;
  }
}

/** What a record's mark says to who cannot see it. */
export function markWords(status: RecordSync['status']): string {
  switch (status) {
    case 'pending':
      return 'Waiting to be sent';
    case 'failed':
      return 'Refused by the server';
    case 'conflict':
      return 'Changed by someone else as well';
    case 'synced':
      return '';
    default:
      return status satisfies never;
  }
}

/** The chip's words. */
export function chipWords(status: Status): string {
  const { pending, failed, reachable, syncing, waitingFor } = status;
  const refused = failed > 0 ? `${failed} refused` : '';
  if (pending === 0) {
    if (!reachable) return refused === '' ? 'Offline' : `Offline – ${refused}`;
    return refused === '' ? 'All sent' : refused;
  }
  const waiting = refused === '' ? `${pending} waiting` : `${pending} waiting, ${refused}`;
  if (waitingFor === 'paused') return `Paused – ${waiting}`;
  if (waitingFor === 'sign-in') return `Sign in – ${waiting}`;
  if (!reachable) return `Offline – ${waiting}`;
  if (syncing) return refused === '' ? `Sending ${pending}` : `Sending ${pending}, ${refused}`;
  return waiting;
}

/** The outbox in a sentence or two. */
export function outboxWords(status: Status): string {
  const { pending, failed, reachable, waitingFor } = status;
  const changes = pending === 1 ? '1 change is' : `${pending} changes are`;
  if (pending === 0) {
    if (failed > 0) return 'The server refused what is below. Nothing is lost: you decide.';
    return reachable ? 'Everything is sent.' : 'Nothing waits. The server cannot be reached now.';
  }
  if (waitingFor === 'paused') return `${changes} safe on this device. Sending is paused.`;
  if (waitingFor === 'sign-in') return `${changes} safe on this device. Sign in to send them.`;
  if (!reachable) {
    return `${changes} safe on this device and will be sent once the server can be reached.`;
  }
  if (waitingFor === 'origin') return `${changes} safe on this device. The server asked to wait.`;
  return `${changes} safe on this device and on the way.`;
}

/** Why the app cannot work at all: the library's words are for a person. */
export function openingErrorWords(error: unknown): string {
  return `Fieldbook cannot start. ${error instanceof Error ? error.message : ''}`.trim();
}

/** An error of a write, for the person who made it. */
export function errorWords(error: unknown): string {
  if (error instanceof HoldfastError) {
    switch (error.code as string) {
      case 'disk-full':
        return 'This device is full, so nothing was saved. Free some space and try again.';
      case 'too-large':
        return 'This is more text than one order can hold. Nothing was saved.';
      case 'outbox-full':
        return 'Too many changes wait to be sent. Nothing was saved.';
      case 'not-found':
        return 'This order is no longer on this device.';
    }
  }
  return `This could not be saved. ${error instanceof Error ? error.message : ''}`.trim();
}
