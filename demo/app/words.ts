// What the library and the server say in codes, said so that a technician knows what to do.

import { HoldfastError } from 'holdfast';
import type { MutationName, OutboxEntry, Problem, RecordSync, Status } from 'holdfast';
import { clockTime } from './due.js';
import { fieldLabels } from './order.js';
import type { OrderStatus } from './order.js';
import type { Names } from './schema.js';

export interface ProblemWords {
  title: string;
  detail: string | undefined;
}

const statusWords: Record<number, string> = {
  400: 'The server could not read this change',
  401: 'The server wants a new sign-in',
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
  const { status, title, detail, type } = problem ?? {};
  // The API's own kinds of problem have a title that says more than their status.
  if (type?.startsWith('urn:problem-type:') && title !== undefined) return { title, detail };
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

/** 'New order', 'Changed title and notes', 'Marked as done', 'Deleted', 'New note'. */
export function changeWords(entry: Pick<OutboxEntry, 'kind' | 'collection' | 'change'>): string {
  const isNote = entry.collection === 'note';
  if (entry.kind === 'create') return isNote ? 'New note' : 'New order';
  if (entry.kind === 'delete') return isNote ? 'Deleted note' : 'Deleted';
  const { set = {} } = (entry.change ?? {}) as { set?: Record<string, unknown> };
  const fields = Object.keys(set).filter((field) => field !== 'updatedAt');
  if (fields.length === 1 && fields[0] === 'status') {
    return statusChangeWords[set['status'] as OrderStatus];
  }
  const names = fields.map((field) => fieldLabels[field] ?? field);
  return names.length === 0 ? 'Changed' : `Changed ${listFormat.format(names)}`;
}

/** Which record, in quotes: an order by its title, a note by how it begins. */
function nameOf(collection: string, record: string, names: Names): string | undefined {
  const text = collection === 'note' ? names.noteOf(record)?.text : names.titleOf(record);
  // Apart from the sentence around it, in whichever direction it is written.
  return text === undefined ? undefined : `“\u2068${shortened(text)}\u2069”`;
}

function shortened(text: string): string {
  const [line = ''] = text.split('\n');
  const letters = [...line];
  return letters.length <= 40 ? line : `${letters.slice(0, 39).join('').trimEnd()}…`;
}

const article: Record<string, string> = { note: 'a note', order: 'an order' };

/** 'the new order “Boiler”', 'the note “Key under…”', 'a change of “Boiler”'. */
export function mutationWords({ kind, collection, record }: MutationName, names: Names): string {
  const name = nameOf(collection, record, names);
  const isNew = kind === 'create' && collection === 'order';
  if (name === undefined) return isNew ? 'a new order' : (article[collection] ?? 'a change');
  if (kind === 'update') return `a change of ${name}`;
  if (kind === 'delete') return `the deletion of ${name}`;
  return isNew ? `the new order ${name}` : `the note ${name}`;
}

/** Holdfast's own sentence, with records by their names instead of their ids. */
export function explanationWords(text: string, names: Names): string {
  const named = text.replace(
    /\b(order|note) ([0-9a-f]{8}-[0-9a-f-]{27})/g,
    (_, collection: string, id: string) =>
      nameOf(collection, id, names) ?? article[collection] ?? '',
  );
  // What is said to an app's author is said here to a person.
  return named
    .replace(/after signedIn\(\)/, 'after that')
    .replace(/after resume\(\)/, 'when it goes on')
    .replace(/at once by sync\(\)/, 'at once by “Send now”');
}

/** What is lost when a dead letter is given up, and what goes along. */
export function discardWords(
  letter: MutationName & { unknown: boolean; holds: readonly MutationName[] },
  names: Names,
): string {
  const had = letter.unknown ? 'may have' : 'never had';
  const own = `The server ${had} this ${letter.collection}. It goes from this device.`;
  if (letter.holds.length === 0) return own;
  const others = letter.holds.slice(0, 5).map((held) => mutationWords(held, names));
  const more = letter.holds.length - others.length;
  if (more > 0) others.push(`${more} more`);
  return `${own} With it: ${listFormat.format(others)}.`;
}

/** What waits for a dead letter; '' for nothing. */
export function holdsWords(holds: readonly MutationName[], names: Names): string {
  const [first, ...others] = holds;
  if (first === undefined) return '';
  const words = mutationWords(first, names);
  if (others.length === 0) return `Holds back ${words}.`;
  return `Holds back ${words} and ${others.length} more.`;
}

const listFormat = new Intl.ListFormat('en', { type: 'conjunction' });

/** Where an unsettled change stands: 'Sending…', 'Waiting – next try at 14:02'. */
export function stateWords(entry: OutboxEntry, now: Date): string {
  switch (entry.state) {
    case 'in flight':
      return 'Sending…';
    case 'outcome unknown':
      return 'Sent, not confirmed yet';
    case 'blocked':
      return 'Gets no answer, tried again now and then';
    case 'waiting':
      return entry.blockedBy === undefined ? 'Waits for an earlier change' : 'Held back';
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
export function markWords({ status, blockedBy }: RecordSync): string {
  switch (status) {
    case 'pending':
      return blockedBy === undefined ? 'Waiting to be sent' : 'Waits for a change that was refused';
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

/** How a record stands, in a sentence and, where there is one, a reason. */
export function standingWords(sync: RecordSync, names: Names): ProblemWords {
  const { status, attempts, error, blockedBy } = sync;
  if (status === 'failed') return problemWords(error);
  if (status === 'pending' && blockedBy !== undefined) {
    const title = `Waits for ${mutationWords(blockedBy, names)}, which failed`;
    return { title, detail: undefined };
  }
  const tried = attempts > 1 ? `Tried ${attempts} times so far.` : undefined;
  return { title: markWords(sync), detail: tried };
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
  if (failed > 0) return `${changes} safe on this device. What was refused may hold some back.`;
  return `${changes} safe on this device and on the way.`;
}

/** What the banner says of a sign-in that is over. */
export function signedOutWords({ pending }: Status): string {
  if (pending === 0) return 'You are signed out. You can go on working.';
  const changes = pending === 1 ? '1 change is' : `${pending} changes are`;
  return `You are signed out. ${changes} safe on this device.`;
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
        return 'This is more text than one record can hold. Nothing was saved.';
      case 'outbox-full':
        return 'Too many changes wait to be sent. Nothing was saved.';
      case 'not-found':
        return 'This is no longer on this device.';
      case 'outcome-unknown':
        return 'The server may have this already, so it can only be sent again as it is.';
    }
  }
  return `This could not be saved. ${error instanceof Error ? error.message : ''}`.trim();
}
