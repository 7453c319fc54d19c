// Calls across threads and tabs. A page numbers its calls and keeps each until it is answered; its
// worker answers them if it leads, and otherwise passes them on over one BroadcastChannel to the
// worker that does.
//
//     page ──ToWorker──▶ worker ──Crossing (BroadcastChannel)──▶ leading worker
//          ◀──ToPage────        ◀───────────────────────────────
//
// Nobody between page and leader remembers anything. What is lost on the way, because no worker led
// at that moment, the leader went, or a worker died, is sent again by its page when a new leader
// announces itself, in the order of the calls. So a call may arrive twice: writes carry a number by
// which the core answers as it did the first time; every other call can be repeated.

import { HoldfastError, refused, type Refusal } from './errors.js';
import type {
  Buried,
  Config,
  CoreStatus,
  Read,
  Response,
  Settled,
  SignIn,
  Write,
} from './protocol.js';
import type { Trigger } from './triggers.js';

/** What a page can ask. */
export type Call =
  | Write // → Row | null
  | { type: 'retry' | 'discard'; id: string } // → null
  | { type: 'pause' | 'resume' | 'signedIn' } // → null
  | { type: 'sync' } // → SyncReport
  | { type: 'pull'; collection: string } // → PullReport
  | Read; // → JSON text

export type Answer = { value: unknown } | { error: Refusal };
export type Numbered<T> = [number: number, item: T];

/** What became of the mutations during a `sync`. */
export interface SyncReport {
  accepted: number;
  rejected: number;
  pending: number;
  reachable: boolean;
}

export interface PullReport {
  pulled: number;
}

/** What every tab is told of a step. */
export interface Notice {
  changed: string[];
  /** If it is another than before. */
  status?: CoreStatus;
  news: (Settled | Buried | SignIn)[];
}

/** What a worker asks its page, where the app's functions are. */
export type Question = { type: 'headers' } | { type: 'check'; response: Response };

/** All that a worker has to know, sent once. */
export interface Start {
  name: string;
  client: string;
  config: Config;
  api: { baseUrl: string; timeoutMs: number; healthPath: string; healthTimeoutMs: number };
  /** Whether the app has functions to be asked. */
  asks: { headers: boolean; check: boolean };
  wasmUrl: string;
}

export type ToWorker =
  | { type: 'start'; start: Start }
  | { type: 'calls'; calls: Numbered<Call>[] }
  | { type: 'trigger'; trigger: Trigger }
  | { type: 'told'; told: Numbered<Answer> }
  | { type: 'close' };

/** They come as arrays, what belongs together in one. */
export type ToPage =
  | { type: 'answers'; answers: Numbered<Answer>[] }
  | { type: 'notice'; notice: Notice }
  /**
   * There is a new leader, this tab's worker (`own`) or another: what was asked before has to be
   * asked again.
   */
  | { type: 'leading'; own: boolean }
  | { type: 'asked'; asked: Numbered<Question> }
  | { type: 'complaint'; reason: string }
  /** The worker has ended: after a trap, or because it cannot hold the database. */
  | { type: 'failed'; error: Refusal }
  | { type: 'closed' };

/** Between workers. `paused`: what the leader was told, for whoever leads next. */
type Crossing =
  | { type: 'calls'; client: string; calls: Numbered<Call>[] }
  | { type: 'trigger'; trigger: Trigger }
  | { type: 'answers'; client: string; answers: Numbered<Answer>[]; paused: boolean }
  | { type: 'notice'; notice: Notice; paused: boolean }
  | { type: 'leading'; paused: boolean };

/** Collects what is added in one turn, and hands it on at the end of it. */
export function collected<T>(hand: (items: T[]) => void): (item: T) => void {
  let items: T[] = [];
  return item => {
    if (items.push(item) > 1) return;
    queueMicrotask(() => {
      const all = items;
      items = [];
      hand(all);
    });
  };
}

// The page's side.

export interface Calls {
  /**
   * Resolves with the answer's value, or rejects with its error. Calls of one turn travel together.
   */
  call(call: Call): Promise<unknown>;
  answered(answers: readonly Numbered<Answer>[]): void;
  /** Sends everything unanswered again, in order. */
  repeat(): void;
  /** Rejects everything unanswered. */
  abandon(error: (call: Call) => HoldfastError): void;
  /** Resolves when nothing is unanswered. */
  drained(): Promise<unknown>;
}

export function callTable(post: (calls: Numbered<Call>[]) => void): Calls {
  interface Open {
    call: Call;
    repeated: boolean;
    resolve(value: unknown): void;
    reject(error: HoldfastError): void;
  }
  const open = new Map<number, Open>();
  let last = 0;
  let unsent = new Set<number>();

  function send(number: number): void {
    if (unsent.add(number).size === 1) queueMicrotask(flush);
  }

  function flush(): void {
    const numbers = unsent;
    unsent = new Set();
    const batch: Numbered<Call>[] = [];
    for (const [number, { call }] of open) if (numbers.has(number)) batch.push([number, call]);
    if (batch.length > 0) post(batch);
  }

  return {
    call(call) {
      return new Promise((resolve, reject) => {
        open.set(++last, { call, repeated: false, resolve, reject });
        send(last);
      });
    },
    answered(answers) {
      for (const [number, answer] of answers) {
        const entry = open.get(number);
        if (!entry) continue; // The answer to a repetition.
        open.delete(number);
        if (!('error' in answer)) entry.resolve(answer.value);
        else if (entry.repeated && wasDone(entry.call, answer.error)) entry.resolve(null);
        else entry.reject(refused(answer.error));
      }
    },
    repeat() {
      for (const [number, entry] of open) {
        entry.repeated = true;
        send(number);
      }
    },
    abandon(error) {
      const entries = [...open.values()];
      open.clear();
      for (const { call, reject } of entries) reject(error(call));
    },
    async drained() {
      while (open.size > 0) {
        await Promise.race(
          [...open.values()].map(
            entry =>
              new Promise<void>(done => {
                const { resolve, reject } = entry;
                entry.resolve = value => (resolve(value), done());
                entry.reject = error => (reject(error), done());
              }),
          ),
        );
      }
    },
  };
}

/**
 * A dead letter that is not found when it is retried or discarded the second time went the first
 * time.
 */
function wasDone(call: Call, error: Refusal): boolean {
  return (call.type === 'retry' || call.type === 'discard') && error.code === 'not-found';
}

// The worker's side.

/** Whoever answers calls: the session of a leader. */
export interface Answering {
  /** `answer` is never called if the session ends first. */
  call(call: Call, answer: (answer: Answer) => void): void;
  trigger(trigger: Trigger): void;
}

export interface Relay {
  calls(calls: readonly Numbered<Call>[]): void;
  trigger(trigger: Trigger): void;
  /** From now on this worker answers, its own page and everyone else. */
  lead(session: Answering): void;
  /** Tells every tab. */
  notify(notice: Notice): void;
  /** Whether the app has paused; a new session is to be paused likewise. */
  paused(): boolean;
  /** Answers nobody any more. */
  stop(): void;
}

type Channel = Pick<BroadcastChannel, 'postMessage' | 'onmessage' | 'close'>;

export function relay(client: string, toPage: (message: ToPage) => void, channel: Channel): Relay {
  let session: Answering | undefined;
  let paused = false;
  let stopped = false;
  // A step's news and its answers travel together, the news first: whoever awaits a write finds
  // the status and the lists as they are after it.
  const cross = collected<Crossing>(messages => {
    if (!stopped) channel.postMessage(messages);
  });

  function answer(client_: string, calls: readonly Numbered<Call>[], leader: Answering): void {
    for (const [number, call] of calls)
      leader.call(call, answer => {
        if (!('error' in answer) && (call.type === 'pause' || call.type === 'resume'))
          paused = call.type === 'pause';
        send([client_, [number, answer]]);
      });
  }

  const send = collected<[string, Numbered<Answer>]>(answers => {
    const byClient = new Map<string, Numbered<Answer>[]>();
    for (const [to, answer] of answers) {
      const list = byClient.get(to);
      if (list) list.push(answer);
      else byClient.set(to, [answer]);
    }
    for (const [to, answers] of byClient)
      if (to === client) toPage({ type: 'answers', answers });
      else if (session) cross({ type: 'answers', client: to, answers, paused });
  });

  channel.onmessage = ({ data }: MessageEvent<Crossing[]>) => data.forEach(receive);

  function receive(data: Crossing): void {
    switch (data.type) {
      case 'calls':
        if (session) answer(data.client, data.calls, session);
        return;
      case 'trigger':
        session?.trigger(data.trigger);
        return;
      case 'answers':
        paused = data.paused;
        if (data.client === client) toPage({ type: 'answers', answers: data.answers });
        return;
      case 'notice':
        paused = data.paused;
        toPage({ type: 'notice', notice: data.notice });
        return;
      case 'leading':
        paused = data.paused;
        toPage({ type: 'leading', own: false });
        return;
      default:
        data satisfies never;
    }
  }

  return {
    calls(calls) {
      if (session) answer(client, calls, session);
      else cross({ type: 'calls', client, calls: [...calls] });
    },
    trigger(trigger) {
      if (session) session.trigger(trigger);
      else cross({ type: 'trigger', trigger });
    },
    lead(leader) {
      session = leader;
      toPage({ type: 'leading', own: true });
      cross({ type: 'leading', paused });
    },
    notify(notice) {
      toPage({ type: 'notice', notice });
      cross({ type: 'notice', notice, paused });
    },
    paused: () => paused,
    stop() {
      session = undefined;
      stopped = true;
      channel.onmessage = null;
      channel.close();
    },
  };
}

// The worker asks its page.

export interface Asking {
  ask(question: Question): Promise<unknown>;
  told(told: Numbered<Answer>): void;
}

/**
 * How many questions may be open: an app's function that never settles must not grow a table for
 * ever.
 */
const maxQuestions = 100;

export function asking(post: (asked: Numbered<Question>) => void): Asking {
  const open = new Map<number, (answer: Answer) => void>();
  let last = 0;
  return {
    ask(question) {
      return new Promise((resolve, reject) => {
        const number = ++last;
        open.set(number, answer => {
          if ('error' in answer) reject(refused(answer.error));
          else resolve(answer.value);
        });
        if (open.size > maxQuestions) open.delete(number - maxQuestions);
        post([number, question]);
      });
    },
    told([number, answer]) {
      open.get(number)?.(answer);
      open.delete(number);
    },
  };
}
