// Calls across threads and tabs. A page numbers its calls and keeps each until it is answered; its
// worker answers them if it leads, and otherwise passes them on over one BroadcastChannel to the
// worker that does.
//
//     page ──ToWorker──▶ worker ──Crossing (BroadcastChannel)──▶ leading worker
//          ◀──ToPage────        ◀───────────────────────────────
//
// Nobody between page and leader remembers anything. What is lost on the way, because no worker led
// at that moment, the leader went, or a worker died, is sent again by its page when it hears of
// another leader. So a call may arrive twice: writes carry a number by which the core answers as it
// did the first time; every other call can be repeated.
//
// Order: a call names the leader it is meant for, and another does not take it. A page sends all
// that is unanswered to a leader it hears of before anything newer, and each call once; so no write
// can overtake an earlier one of its client that was lost on the way.

import { HoldfastError, refused, type Refusal } from './errors.js';
import type {
  Buried,
  Config,
  CoreStatus,
  Edit,
  Kind,
  MutationId,
  Numbering,
  PullEnded,
  Read,
  Response,
  Retry,
  Settled,
  SignIn,
  Transact,
  Write,
} from './protocol.js';
import { isNewer, ranksBefore, type Rank } from './rank.js';
import type { Trigger } from './triggers.js';

/** What a page can ask. */
export type Call =
  | Write // → Row | null
  | Transact // → (Row | null)[]
  | Retry // → null
  | Edit // → null
  | { type: 'discard' | 'cancel'; id: MutationId } // → MutationId[]
  | { type: 'pause' | 'resume' | 'signedIn' } // → null
  | { type: 'sync' } // → SyncReport
  | { type: 'pull'; collection: string } // → PullReport
  | { type: 'takeIn'; client: string } // → null, when the client's part of the journal is taken in
  | Reading; // → JSON text

/** Reads as a page calls them: of what time an explanation is, the worker says. */
export type Reading = Exclude<Read, { type: 'explain' }> | { type: 'explain'; id: MutationId };

/** A write as the app calls it. */
export type Unnumbered = Omit<Write, keyof Numbering> | Omit<Transact, keyof Numbering>;

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
  /** Records and deletions that arrived. */
  pulled: number;
}

/**
 * A write that was answered out of the journal, and could not be recorded when that was taken in.
 */
export interface Refused {
  type: 'refused';
  collection: string;
  record: string;
  kind: Kind;
  /** JSON text, as it was written. */
  change: string;
  error: Refusal;
}

/** What every tab is told of a step. */
export interface Notice {
  /** As of the step. */
  changed: string[];
  /** If it is another than before. */
  status?: CoreStatus;
  news: (Settled | Buried | SignIn | PullEnded | Refused)[];
}

/** What a worker asks its page, where the app's functions are. */
export type Question =
  | { type: 'headers' } // → Record<string, string>
  | { type: 'check'; response: Response } // → boolean
  | { type: 'serverId'; collection: string; answer: unknown } // → string | number
  | { type: 'map'; collection: string; answer: unknown }; // → Page

/** All that a worker has to know, sent once. */
export interface Start {
  name: string;
  client: string;
  /** Counts the workers of this client: both together name the worker when it leads. */
  session: number;
  rank: Rank;
  config: Config;
  api: { baseUrl: string; timeoutMs: number; healthPath: string; healthTimeoutMs: number };
  /** Whether the app has functions to be asked. */
  asks: { headers: boolean; check: boolean };
  wasmUrl: string;
}

export type ToWorker =
  | { type: 'start'; start: Start }
  | { type: 'calls'; leader: string; calls: Numbered<Call>[] }
  | { type: 'trigger'; trigger: Trigger }
  | { type: 'told'; told: Numbered<Answer> }
  | { type: 'close' };

/** They come as arrays, what belongs together in one. */
export type ToPage =
  | { type: 'answers'; answers: Numbered<Answer>[] }
  | { type: 'notice'; notice: Notice }
  /** Told again when nothing changed. `newer`: it is of a newer app, and not for this page. */
  | { type: 'leading'; leader: string; own: boolean; newer: boolean }
  | { type: 'following' } // It led, and does not any more.
  | { type: 'waiting' } // For the lock or for the files, a second after it began.
  | { type: 'asked'; asked: Numbered<Question> }
  | { type: 'complaint'; reason: string }
  | { type: 'failed'; error: Refusal } // It ended: of a trap, or without the database.
  | { type: 'closed' };

/** Between workers. `paused`: what the leader was told, for whoever leads next. */
type Crossing =
  | { type: 'hello' } // Who leads? Said by every worker as it starts, and to each new leader.
  | { type: 'leading'; leader: string; rank: Rank; paused: boolean }
  | { type: 'wants'; client: string; rank: Rank } // To lead itself, for it should.
  | { type: 'offered'; to: string } // The leader has let go of the files, and keeps the lock.
  | { type: 'calls'; client: string; leader: string; calls: Numbered<Call>[] }
  | { type: 'trigger'; trigger: Trigger }
  | { type: 'answers'; client: string; answers: Numbered<Answer>[]; paused: boolean }
  | { type: 'notice'; notice: Notice; paused: boolean };

/**
 * Numbers a client's writes without gaps, and says with each up to where the client has its
 * answers.
 */
export interface Numbers {
  next(): Numbering;
  /** The same call, with what is acknowledged by now. */
  renewed<T extends Numbering>(call: T): T;
  /** The client knows what became of the write of this number. */
  settled(number: number): void;
}

export function numbering(client: string, now: () => number): Numbers {
  let last = 0;
  const open = new Set<number>();
  const acknowledged = (): number => {
    const [earliest = last + 1] = open;
    return earliest - 1;
  };
  return {
    next() {
      const number = ++last;
      open.add(number);
      return { client, number, acknowledged: acknowledged(), at: now() };
    },
    renewed: call => ({ ...call, acknowledged: Math.min(acknowledged(), call.number - 1) }),
    settled: number => void open.delete(number),
  };
}

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
   * Resolves with the answer's value, or rejects with its error. Calls of one turn travel together,
   * once a leader is known. If `forgotten` is aborted it is not sent again, and rejects with that.
   */
  call(call: Call, forgotten?: AbortSignal): Promise<unknown>;
  answered(answers: readonly Numbered<Answer>[]): void;
  /** Sends everything unanswered to this leader; false if it is the one that has it already. */
  led(leader: string): boolean;
  /** The way to the leader is gone: what is called waits until one is known again. */
  lost(): void;
  /** Rejects everything unanswered. */
  abandon(error: (call: Call) => HoldfastError): void;
  /** Resolves when nothing is unanswered. */
  drained(): Promise<void>;
}

export function callTable(post: (leader: string, calls: Numbered<Call>[]) => void): Calls {
  interface Open {
    call: Call;
    times: number;
    resolve(value: unknown): void;
    reject(error: HoldfastError): void;
  }
  const open = new Map<number, Open>();
  let last = 0;
  let leader: string | undefined;
  let unsent = new Set<number>();
  let waiting: (() => void)[] = [];

  function send(numbers: Iterable<number>): void {
    if (unsent.size === 0) queueMicrotask(flush);
    for (const number of numbers) unsent.add(number);
  }

  function flush(): void {
    const numbers = [...unsent].sort((a, b) => a - b);
    unsent = new Set();
    if (leader === undefined) return; // Whoever leads next gets all that is open.
    const batch: Numbered<Call>[] = [];
    for (const number of numbers) {
      const entry = open.get(number);
      if (!entry) continue;
      ++entry.times;
      batch.push([number, entry.call]);
    }
    if (batch.length > 0) post(leader, batch);
  }

  function tellDrained(): void {
    if (open.size > 0) return;
    for (const tell of waiting) tell();
    waiting = [];
  }

  return {
    call(call, forgotten) {
      return new Promise((resolve, reject) => {
        const number = ++last;
        open.set(number, { call, times: 0, resolve, reject });
        send([number]);
        forgotten?.addEventListener('abort', () => {
          if (!open.delete(number)) return;
          reject(forgotten.reason as Error);
          tellDrained();
        });
      });
    },
    answered(answers) {
      for (const [number, answer] of answers) {
        const entry = open.get(number);
        if (!entry) continue; // The answer to a repetition.
        open.delete(number);
        if (!('error' in answer)) entry.resolve(answer.value);
        else if (entry.times > 1 && wasDone(entry.call, answer.error))
          entry.resolve(entry.call.type === 'retry' ? null : [entry.call.id]);
        else entry.reject(refused(answer.error));
      }
      tellDrained();
    },
    led(now) {
      if (now === leader) return false;
      leader = now;
      send(open.keys());
      return true;
    },
    lost() {
      leader = undefined;
    },
    abandon(error) {
      const entries = [...open.values()];
      open.clear();
      for (const { call, reject } of entries) reject(error(call));
      tellDrained();
    },
    drained: () =>
      new Promise(resolve => {
        waiting.push(resolve);
        tellDrained();
      }),
  };
}

/**
 * What is not there any more when it is retried, discarded or cancelled again went before. An edit
 * can be repeated.
 */
function wasDone(
  call: Call,
  error: Refusal,
): call is Extract<Call, { type: 'retry' | 'discard' | 'cancel' }> {
  const goes = call.type === 'retry' || call.type === 'discard' || call.type === 'cancel';
  return goes && error.code === 'not-found';
}

// The worker's side.

/** Whoever answers calls: the session of a leader. */
export interface Answering {
  /** `answer` is never called if the session ends first. */
  call(call: Call, answer: (answer: Answer) => void): void;
  trigger(trigger: Trigger): void;
}

export interface Relay {
  calls(leader: string, calls: readonly Numbered<Call>[]): void;
  trigger(trigger: Trigger): void;
  /**
   * From now on this worker answers, its own page and everyone else. `asked` is called when another
   * worker, one that should lead instead, asks for it.
   */
  lead(session: Answering, asked: (offer: () => void) => void): void;
  /** This worker does not answer any more, but carries calls. */
  follow(): void;
  /** What to call when the leader offers its place to this worker. */
  offered(take: () => void): void;
  /** Tells every tab. */
  notify(notice: Notice): void;
  /** Whether the app has paused; a new session is to be paused likewise. */
  paused(): boolean;
  /** Answers nobody any more. */
  stop(): void;
}

type Channel = Pick<BroadcastChannel, 'postMessage' | 'onmessage' | 'close'>;

/** Carries the calls of `client`; as a leader it is known to all as `worker`, and its term. */
export function relay(
  client: string,
  worker: string,
  toPage: (message: ToPage) => void,
  channel: Channel,
  mine: Rank,
): Relay {
  let session: Answering | undefined;
  let terms = 0;
  let self = worker;
  let rank = mine;
  let yieldTo = (_offer: () => void): void => {};
  let take = (): void => {};
  let theirs: Rank | undefined; // The rank of the leader that was last heard of, if it is another.
  let paused = false;
  let stopped = false;
  let followed = false; // Whether there is anybody to tell: an only tab crosses nothing.
  let known: string | undefined; // The leader that was last heard of.
  // A step's news and its answers travel together, the news first: whoever awaits a write finds
  // the status and the lists as they are after it.
  const cross = collected<Crossing>(messages => {
    if (!stopped) channel.postMessage(messages);
  });
  const announce = (): void => cross({ type: 'leading', leader: self, rank, paused });

  /** Asks for the leader's place if this worker should have it. */
  function claim(): void {
    if (theirs && ranksBefore(rank, theirs)) cross({ type: 'wants', client, rank });
  }

  function handle(from: string, leader: string, calls: readonly Numbered<Call>[]): void {
    if (!session) return;
    // Meant for one before this: its page sends all again when it hears who leads.
    if (leader !== self) return announce();
    for (const [number, call] of calls)
      session.call(call, answer => {
        const pauses = call.type === 'pause' || call.type === 'resume';
        if (pauses && !('error' in answer)) paused = call.type === 'pause';
        send([from, [number, answer]]);
      });
  }

  const send = collected<[client: string, answer: Numbered<Answer>]>(answers => {
    const byClient = new Map<string, Numbered<Answer>[]>();
    for (const [to, answer] of answers) {
      const list = byClient.get(to);
      if (list) list.push(answer);
      else byClient.set(to, [answer]);
    }
    for (const [to, answers] of byClient)
      if (to === client) toPage({ type: 'answers', answers });
      else cross({ type: 'answers', client: to, answers, paused });
  });

  function receive(message: Crossing): void {
    switch (message.type) {
      case 'hello':
        followed = true;
        if (session) announce();
        return;
      case 'leading':
        paused = message.paused;
        if (message.leader !== known) cross({ type: 'hello' });
        known = message.leader;
        theirs = message.rank;
        claim();
        return toPage({
          type: 'leading',
          leader: message.leader,
          own: false,
          newer: isNewer(theirs, rank),
        });
      case 'wants':
        if (session && ranksBefore(message.rank, rank))
          yieldTo(() => cross({ type: 'offered', to: message.client }));
        return;
      case 'offered':
        if (message.to === client) take();
        return;
      case 'calls':
        return handle(message.client, message.leader, message.calls);
      case 'trigger':
        return session?.trigger(message.trigger);
      case 'answers':
        paused = message.paused;
        if (message.client === client) toPage({ type: 'answers', answers: message.answers });
        return;
      case 'notice':
        paused = message.paused;
        return toPage({ type: 'notice', notice: message.notice });
      default:
        message satisfies never;
    }
  }

  channel.onmessage = ({ data }: MessageEvent<Crossing[]>) => data.forEach(receive);
  cross({ type: 'hello' });

  return {
    calls(leader, calls) {
      if (session) handle(client, leader, calls);
      else cross({ type: 'calls', client, leader, calls: [...calls] });
    },
    trigger(trigger) {
      if (trigger.type === 'visible' || trigger.type === 'hidden') {
        rank = { ...rank, visible: trigger.type === 'visible' };
        if (session) announce();
        else claim();
      }
      if (session) session.trigger(trigger);
      else cross({ type: 'trigger', trigger });
    },
    lead(leading, asked) {
      session = leading;
      self = `${worker}.${++terms}`; // So that all that is open is sent again.
      yieldTo = asked;
      theirs = undefined;
      toPage({ type: 'leading', leader: self, own: true, newer: false });
      announce();
    },
    follow() {
      if (!session) return;
      session = undefined;
      known = undefined;
      toPage({ type: 'following' });
    },
    offered: taken => void (take = taken),
    notify(notice) {
      toPage({ type: 'notice', notice });
      if (followed) cross({ type: 'notice', notice, paused });
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

/** The app's functions, where there are any, as they are asked through `ask`. */
export function appFunctions(
  asks: Start['asks'],
  ask: (question: Question) => Promise<unknown>,
): {
  headers(): Promise<Record<string, string>>;
  check(response: Response): Promise<boolean>;
  serverId(collection: string, answer: unknown): Promise<unknown>;
  map(collection: string, answer: unknown): Promise<unknown>;
} {
  return {
    headers: async () =>
      asks.headers ? ((await ask({ type: 'headers' })) as Record<string, string>) : {},
    check: async response => !asks.check || (await ask({ type: 'check', response })) === true,
    serverId: (collection, answer) => ask({ type: 'serverId', collection, answer }),
    map: (collection, answer) => ask({ type: 'map', collection, answer }),
  };
}

/** How many questions may be open: an app's function may never settle. */
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
        open.delete(number - maxQuestions);
        post([number, question]);
      });
    },
    told([number, answer]) {
      open.get(number)?.(answer);
      open.delete(number);
    },
  };
}
