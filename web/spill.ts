// A page's line with patience: a leader that is frozen, stopped or gone holds no write up. What is
// not answered within a second is spilled to the journal, where it is as durable, and answered from
// there; the next leader, or the same one when it wakes, takes the journal in.
//
//     direct ──a write waits 1 s, a read 2 s──▶ spilling ──the journal is taken in──▶ direct
//     direct ──a gap──▶ returning               spilling ──there is more by then──▶ returning
//     returning ──the rest is taken in──▶ direct
//     returning ──a write waits 1 s──▶ spilling
//
// Order: once something was spilled, everything is, until a leader says that the journal is taken
// in; while returning new writes wait for that. So a write never reaches a leader before an earlier
// one of its client, and the core refuses it if it should: take-journal-first.

import { rfc3339, within, type Clock } from './clock.js';
import type { Line } from './connection.js';
import { HoldfastError, messageOf, refused } from './errors.js';
import type { Journal } from './journal.js';
import { overlay } from './overlay.js';
import type { Read, Transact, Write } from './protocol.js';
import { numbering, type Call, type Unnumbered } from './rpc.js';

/** A line that numbers what is written. */
export interface WritingLine extends Line {
  /** Resolves when it is on disk, in the database or in the journal. */
  write(call: Unnumbered): Promise<unknown>;
}

export interface SpillHost {
  clock: Clock;
  client: string;
  journal: Journal;
  /** From now on no leader answers, or one does again. */
  spilling(on: boolean): void;
  /** These collections look different in this page; without a list, any may. */
  changed(collections?: readonly string[]): void;
  complain(reason: string): void;
}

export interface SpillingLine extends WritingLine {
  /**
   * There is a leader, or there is one to wait for. Until then this tab's own worker is starting,
   * and takes the time that it takes.
   */
  started(): void;
}

const beatMs = 250;
/** How long a write, and a read, waits for a leader. */
const writeMs = 1_000;
const readMs = 2_000;
/** After how much silence a leader that has a long call is asked whether it is there. */
const silenceMs = 5_000;
/** After which a call is rejected while no leader answers; a write, if it cannot be spilled. */
const callMs = 10_000;
const journalMs = 5_000;
const retryMs = 2_000;
/** Writes of this page that the journal may hold. */
const maxSpilled = 10_000;

interface Entry {
  call: Write | Transact;
  since: number;
  /** It was handed to a leader: aborting takes it back on this side. */
  sent?: AbortController;
  /** It is on its way into the journal. */
  spills: boolean;
  resolve(value: unknown): void;
  reject(error: HoldfastError): void;
}

interface Question {
  call: Call;
  since: number;
  sent: AbortController;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export function spillingLine(line: Line, host: SpillHost): SpillingLine {
  const { clock, journal, client } = host;
  const numbers = numbering(client, clock.now);
  const view = overlay();
  /** Writes that are not answered, in their order. */
  const entries = new Map<number, Entry>();
  const questions = new Set<Question>();
  /** Numbers that are in the journal, as far as is known. */
  const spilled = new Set<number>();
  let state: 'direct' | 'spilling' | 'returning' = 'direct';
  let started = false;
  let heardAt = clock.now();
  let putting: Promise<void> = Promise.resolve();
  let puts = 0;
  let taking: AbortController | undefined;
  let beats = false;
  let cancelBeat = (): void => {};
  let closed = false;

  function arm(): void {
    if (beats || closed || (entries.size === 0 && questions.size === 0)) return;
    beats = true;
    cancelBeat = clock.after(beatMs, () => {
      beats = false;
      beat();
      arm();
    });
  }

  function beat(): void {
    const now = clock.now();
    if (!started) return;
    const [write] = entries.values();
    const waits = ({ since }: { since: number }, ms: number): boolean => now - since >= ms;
    const late = [...questions].some(each => isRead(each.call) && waits(each, readMs));
    if (state !== 'spilling' && ((write && waits(write, writeMs)) || late)) spill();
    const silent = now - heardAt;
    const [question] = questions;
    if (question && waits(question, silenceMs) && silent >= silenceMs) takeBack();
    for (const question of questions) {
      const ms = state === 'spilling' && isRead(question.call) ? readMs : callMs;
      if (waits(question, ms) && (silent >= ms || state === 'spilling')) forget(question);
    }
    for (const entry of entries.values())
      if (waits(entry, callMs) && !entry.spills) giveUp(entry, noLeader(entry.sent !== undefined));
  }

  function forget(question: Question): void {
    questions.delete(question);
    question.sent.abort();
    question.reject(noLeader(!isReading(question.call)));
  }

  function giveUp({ call, sent, reject }: Entry, error: HoldfastError): void {
    entries.delete(call.number);
    numbers.settled(call.number);
    sent?.abort();
    reject(error);
  }

  // Writing.

  function send(entry: Entry): void {
    const sent = new AbortController();
    entry.sent = sent;
    entry.call = numbers.renewed(entry.call);
    line.call(entry.call, sent.signal).then(
      value => {
        heardAt = clock.now();
        if (!entries.delete(entry.call.number)) return;
        if (!entry.spills) numbers.settled(entry.call.number);
        view.lay(entry.call, rfc3339(entry.call.at));
        entry.resolve(value);
      },
      (error: HoldfastError) => {
        if (sent.signal.aborted) return;
        if ((error.code as string) !== 'take-journal-first') return giveUp(entry, error);
        delete entry.sent;
        if (state === 'direct') state = 'returning';
        takeBack();
      },
    );
  }

  /** No leader answers: what waits goes to the journal, what can be read is read from here. */
  function spill(): void {
    state = 'spilling';
    host.spilling(true);
    spillEntries();
    takeBack();
    for (const question of questions) answerFromHere(question);
  }

  function spillEntries(): void {
    const waiting = [...entries.values()].filter(entry => !entry.spills);
    if (waiting.length === 0) return;
    for (const entry of waiting) entry.spills = true;
    ++puts;
    putting = putting.then(() => put(waiting)).finally(() => --puts);
  }

  async function put(waiting: Entry[]): Promise<void> {
    // One that no leader has can be refused by what is known; of the others a leader knows better.
    const sound = waiting.filter(entry => {
      const flaw = entry.sent ? undefined : view.flaw(entry.call);
      if (flaw) giveUp(entry, refused(flaw));
      return !flaw;
    });
    try {
      if (spilled.size + sound.length > maxSpilled) throw journalFull();
      const calls = sound.map(({ call }) => numbers.renewed(call));
      await within(clock, journalMs, journal.add(calls), () => {
        throw new HoldfastError('storage', `it did not answer within ${journalMs / 1000} s`);
      });
    } catch (error) {
      host.complain(`The journal could not be written (${messageOf(error)}).`);
      for (const entry of sound) {
        entry.spills = false;
        // What a leader was sent may be answered yet.
        if (!entry.sent) giveUp(entry, unspilled(error));
      }
      return;
    }
    const changed = new Set<string>();
    for (const entry of sound) {
      const { call, resolve, sent } = entry;
      spilled.add(call.number);
      sent?.abort();
      if (!entries.delete(call.number)) continue; // A leader has answered after all.
      for (const { collection } of call.type === 'transact' ? call.writes : [call])
        changed.add(collection);
      resolve(view.spill(call, rfc3339(call.at)));
    }
    host.changed([...changed]);
  }

  /** Asks whoever leads, or will, to take in what this page spilled: so it says if it is there. */
  function takeBack(): void {
    if (taking || closed) return;
    const asked = new AbortController();
    taking = asked;
    const asOf = [...spilled];
    line.call({ type: 'takeIn', client }, asked.signal).then(
      () => {
        taking = undefined;
        heardAt = clock.now();
        for (const number of asOf) {
          spilled.delete(number);
          numbers.settled(number);
          view.taken(number);
        }
        void goBack();
      },
      (error: unknown) => {
        taking = undefined;
        if (asked.signal.aborted || closed) return;
        if ((error as HoldfastError).code === 'newer-version') return; // The newer one sees to it.
        host.complain(`What was written meanwhile is not taken in yet: ${messageOf(error)}`);
        clock.after(retryMs, takeBack);
      },
    );
  }

  async function goBack(): Promise<void> {
    if (state === 'direct') return;
    state = 'returning'; // There is a leader: what comes now can wait for it.
    while (puts > 0) await putting;
    if (closed || (state as string) !== 'returning') return;
    if (spilled.size > 0) return takeBack();
    state = 'direct';
    host.spilling(false);
    for (const entry of entries.values()) if (!entry.sent) send(entry);
    host.changed();
  }

  // Asking.

  function answerFromHere(question: Question): void {
    if (question.call.type !== 'get' && question.call.type !== 'list') return;
    const text = view.read(question.call);
    if (text === undefined) return;
    questions.delete(question);
    question.sent.abort();
    question.resolve(text);
  }

  function ask(call: Call): Promise<unknown> {
    if (closed) return line.call(call);
    return new Promise((resolve, reject) => {
      const sent = new AbortController();
      const question: Question = { call, since: clock.now(), sent, resolve, reject };
      questions.add(question);
      const asOf = view.asOf();
      line.call(call, sent.signal).then(
        value => {
          heardAt = clock.now();
          questions.delete(question);
          if (call.type === 'get' || call.type === 'list') {
            view.remember(call, value as string, asOf);
            // Whoever answered may not have taken in yet what is laid over it.
            if (view.spills()) value = view.read(call) ?? value;
          }
          resolve(value);
        },
        (error: unknown) => {
          if (sent.signal.aborted) return;
          questions.delete(question);
          reject(error as Error);
        },
      );
      if (state === 'spilling') answerFromHere(question);
      arm();
    });
  }

  return {
    call: ask,
    write(unnumbered) {
      const call = { ...unnumbered, ...numbers.next() } as Write | Transact;
      return new Promise((resolve, reject) => {
        const entry: Entry = { call, since: clock.now(), spills: false, resolve, reject };
        entries.set(call.number, entry);
        // While returning it waits for the way to be free.
        if (state === 'direct' || closed) send(entry);
        else if (state === 'spilling') queueMicrotask(spillEntries);
        arm();
      });
    },
    started: () => void (started = true),
    trigger: trigger => line.trigger(trigger),
    async close() {
      if (closed) return;
      closed = true;
      cancelBeat();
      taking?.abort(); // What is spilled the next leader takes in unasked.
      if (state !== 'direct') spillEntries();
      await putting;
      await line.close();
      journal.close();
    },
  };
}

function isReading(call: Call): call is Read & Call {
  switch (call.type) {
    case 'get':
    case 'list':
    case 'plan':
    case 'outbox':
    case 'deadLetters':
    case 'history':
    case 'explain':
    case 'status':
      return true;
    default:
      return false;
  }
}

/** Of these the answer comes at once where there is a leader. */
function isRead(call: Call): boolean {
  return call.type === 'get' || call.type === 'list' || call.type === 'status';
}

function noLeader(underWay: boolean): HoldfastError {
  const kept = underWay
    ? 'It may or may not have been recorded or done.'
    : 'Nothing was recorded by this call.';
  return new HoldfastError(
    'no-leader',
    'The tab that holds the database does not answer: it is frozen, or busy. ' +
      `${kept} What is written meanwhile is kept in the journal. Close the other tabs of this ` +
      'app, or try again later.',
  );
}

function journalFull(): HoldfastError {
  return new HoldfastError('outbox-full', `it holds ${maxSpilled} writes of this tab, its limit`);
}

function unspilled(error: unknown): HoldfastError {
  const full = (error as { name?: string }).name === 'QuotaExceededError';
  return new HoldfastError(
    full ? 'disk-full' : 'no-leader',
    'The tab that holds the database does not answer, and the journal could not be written ' +
      `either (${messageOf(error)}). Nothing was recorded. Close the other tabs of this app, or ` +
      'try again later.',
  );
}
