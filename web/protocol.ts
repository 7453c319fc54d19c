// What the host and the engine say to each other: src/protocol.h in TypeScript, and the reads.
// Types only.

export type MutationId = string;
export type Kind = 'create' | 'update' | 'delete';

/** The app's own words, handed to the engine anew at every start. Durations in milliseconds. */
export interface Config {
  collections: Record<string, CollectionConfig>;
  ordering: 'lanes' | 'strict';
  concurrency: number;
  maxAttempts: number;
  backoffBaseMs: number;
  backoffCapMs: number;
  probeFreshMs: number;
  /** How long the server keeps a key. */
  keyLifetimeMs?: number;
  /** Where several attempts go in one request, and how many. */
  batch?: { path: string; max: number };
  maxOutbox: number;
  maxBody: number;
}

export type FieldType = 'boolean' | 'number' | 'text' | 'json';

export interface CollectionConfig {
  path: string;
  indexes: string[][];
  /** The columns of its view, and as what they come back. */
  fields?: Record<string, FieldType>;
  /** A field, and the collection of the id that it holds. */
  references?: Record<string, string>;
  coalesce?: boolean;
  /** A create goes without the device's id, and its answer has to tell the server's. */
  serverIds?: boolean;
  onUnknown?: 'safest' | 'ask' | 'resend';
  pull?: PullConfig;
  retry?: number[];
  reject?: number[];
  conflict?: number[];
  signIn?: number[];
}

/** How a collection is pulled; see surface.ts. */
export interface PullConfig {
  /** At opening, after replays, at intervals; otherwise only when asked. */
  itself: boolean;
  path?: string;
  limit?: number;
  intervalMs?: number;
  full?: boolean;
  /** The app's function makes the page out of the answer. */
  maps?: boolean;
}

/** Everything the host can tell the engine. Times are milliseconds since the epoch. */
export type Event =
  | { type: 'open' }
  | Write
  | Transact
  | Retry
  | Edit
  | { type: 'discard' | 'cancel'; id: MutationId }
  | { type: 'online' }
  | { type: 'offline' }
  | { type: 'visible' }
  | { type: 'watched' } // A page is visible, and was before: told again and again.
  | { type: 'sync' }
  | { type: 'pause' }
  | { type: 'resume' }
  | { type: 'signedIn' }
  | { type: 'tick' }
  | { type: 'pull'; collection: string }
  | Answered
  | BatchAnswered
  | Probed
  | Pulled;

/** One create, update or delete. */
export interface Change {
  id: MutationId;
  kind: Kind;
  collection: string;
  record: string;
  /** JSON text: of a create the body, of an update {"set": {…}, "remove": […]}, of a delete ''. */
  change: string;
  /** It waits for these too. */
  after?: MutationId[];
  /** Of a delete: what refers to a record that was never made goes along. */
  cascade?: boolean;
}

/** Whose call a write is. A client numbers its writes from 1 without gaps. */
export interface Numbering {
  client: string;
  number: number;
  /** The client has the answers to all its writes up to this number. */
  acknowledged: number;
  at: number;
}

export interface Write extends Numbering, Change {
  type: 'write';
}

/** Writes that are recorded together or not at all, and sent in their order. */
export interface Transact extends Numbering {
  type: 'transact';
  writes: Change[];
}

/**
 * Sends a dead letter again: refused for good under the new id `as`, and so under a new key; while
 * its outcome is unknown unchanged under its own, unless `mayDuplicate`.
 */
export interface Retry {
  type: 'retry';
  id: MutationId;
  as: MutationId;
  mayDuplicate?: boolean;
}

/** Changes a dead letter, as an update does, and sends it under a new id. */
export interface Edit {
  type: 'edit';
  id: MutationId;
  as: MutationId;
  change: string;
  mayDuplicate?: boolean;
}

/** What came back over HTTP. */
export interface Response {
  status: number;
  /** The answer is from elsewhere: an opaque redirect. */
  redirect: boolean;
  /** False: the body was cut short, or is longer than is read. */
  complete: boolean;
  contentType: string;
  etag: string;
  retryAfter: string;
  /** '' also when the answer came out of a cache. */
  date: string;
  body: string;
  /** When its request left and when it arrived, by this device's clock. */
  sentAt?: number;
  receivedAt?: number;
}

/**
 * Why there is no response. Except after 'notSent' and 'unbuildable', the server may have seen the
 * request.
 */
export type Silence = 'network' | 'timeout' | 'notSent' | 'unbuildable';

export interface Answered {
  type: 'answered';
  epoch: number;
  id: MutationId;
  attempt: number;
  outcome: Silence | Response;
  /** JSON text: the server's id of what was created, where the app's function told it. */
  serverId?: string;
}

/** The answer to a batch. */
export interface BatchAnswered {
  type: 'batchAnswered';
  epoch: number;
  members: Member[];
  outcome: Silence | Response;
}

/** One attempt of a batch. */
export interface Member {
  id: MutationId;
  attempt: number;
}

export interface Probed {
  type: 'probed';
  epoch: number;
  probe: number;
  outcome: Silence | Response;
  /** What the app's own check says of a response; true where it has none. */
  check: boolean;
}

/**
 * The answer to one page of a pull, or a part of it: then the body is a page with some of its
 * records, and what else is in it comes with the last.
 */
export interface Pulled {
  type: 'pulled';
  epoch: number;
  pull: number;
  collection: string;
  outcome: Silence | Response;
  /** From 0, which it is where it is absent. */
  part?: number;
  /** Default true. */
  last?: boolean;
  /** Why the app's function made no page of it. */
  flaw?: string;
}

/**
 * One an event. `record` answers a write: the record as it is now, or null after a delete;
 * `records` a transaction: that of each write. `gone` answers a discard or a cancel: what went, the
 * one that was named first.
 */
export type Result =
  | { record?: Row | null; records?: (Row | null)[]; gone?: MutationId[] }
  | { error: { code: string; message: string } };

/** Everything the engine can ask of the host. */
export type Effect = Send | SendBatch | Probe | Fetch | PullEnded | Settled | Buried | SignIn;

export interface Send {
  type: 'send';
  epoch: number;
  id: MutationId;
  attempt: number;
  method: string;
  path: string;
  /** JSON text; '' is none. */
  body: string;
  /** The collection whose function tells the server's id out of a good answer. */
  asks?: string;
}

/** Several attempts in one request, each with its key in the body: POST `path`. */
export interface SendBatch {
  type: 'sendBatch';
  epoch: number;
  members: Member[];
  path: string;
  body: string;
}

export interface Probe {
  type: 'probe';
  epoch: number;
  probe: number;
}

/** Fetch one page: GET `path`, with the app's headers. */
export interface Fetch {
  type: 'fetch';
  epoch: number;
  pull: number;
  collection: string;
  path: string;
  /** If-None-Match. */
  etag?: string;
  /** The app's function makes the page out of the answer. */
  maps?: boolean;
}

/** A collection's pull is over, for now. */
export interface PullEnded {
  type: 'pullEnded';
  collection: string;
  /** Records and deletions that arrived in it. */
  pulled: number;
  /** Why it ended early; what had arrived by then is kept. */
  error?: Problem;
}

export interface Settled {
  type: 'settled';
  id: MutationId;
  collection: string;
  record: string;
  reason: 'accepted' | 'discarded' | 'cancelled';
}

export interface Buried {
  type: 'buried';
  id: MutationId;
  collection: string;
  record: string;
  problem: Problem;
}

/** The API wants new credentials; told once. */
export interface SignIn {
  type: 'signIn';
}

/** The engine's answer to the events that came together. */
export interface Step {
  results: Result[];
  effects: Effect[];
  /** What may look different: 'order/a' a record, 'order' any of its collection. */
  changed: string[];
  /** As it is after the step. */
  status: CoreStatus;
  /** When to send `tick`. */
  wakeAt?: number;
}

/** A problem as the server described it (RFC 9457), or as far as its answer tells. */
export interface Problem {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  [member: string]: unknown;
}

/** How a record stands against the server. */
export interface RecordSync {
  status: 'pending' | 'synced' | 'failed' | 'conflict';
  /** How often its oldest unsettled mutation was sent. */
  attempts: number;
  /** Why the latest attempt failed. */
  error?: Problem;
  /** Its last unsettled mutation: what `after` takes, and `outbox.explain`. */
  mutation?: MutationId;
  /** The dead letter that holds its first unsettled mutation back. */
  blockedBy?: MutationName;
}

/** Which mutation, in words that a person can read. */
export interface MutationName {
  id: MutationId;
  kind: Kind;
  collection: string;
  record: string;
}

/** A record as it is read: without `sync` it is synced. */
export interface Row {
  body: Record<string, unknown>;
  sync?: RecordSync;
}

/**
 * What a field is compared with; of several, all hold. Absent is null, true and false are 1 and 0,
 * an object or an array is its JSON text. null comes before numbers, numbers before text.
 */
export type Comparison = {
  eq?: unknown;
  ne?: unknown;
  /** Compared with null, none of these four holds. */
  lt?: unknown;
  lte?: unknown;
  gt?: unknown;
  gte?: unknown;
  /** At most 500 values. */
  in?: unknown[];
  /** Text in which % is any text, _ any letter, \ takes the next as it is; A to Z are a to z. */
  like?: string;
  /** Text that begins so, to the letter; unlike `like` an index serves it. */
  prefix?: string;
  isNull?: boolean;
};

/**
 * Fields, as 'address.city' nested ones, each with a value or a Comparison: all of them hold. The
 * words and, or and not take more of the same, so a field of such a name cannot be asked for.
 */
export interface Where {
  and?: Where[];
  or?: Where[];
  not?: Where;
  [field: string]: unknown;
}

export interface Query {
  /** At most 50 conditions. */
  where?: Where;
  /** Up to 8 fields, '-' before one to descend; in the end by id. */
  orderBy?: string | string[];
  /** Default 1,000; at most 100,000. */
  limit?: number;
  /** How many to leave out; a page far down costs what all before it cost: `after` does not. */
  offset?: number;
  /**
   * Only what is sorted after this row: the last one of the page before, or an array of its values
   * of `orderBy` and its id. So pages neither skip nor repeat, whatever is written meanwhile.
   */
  after?: object;
}

/** Rows by the names of their columns, and the collections that they are read from. */
export interface SqlAnswer {
  reads: string[];
  rows: Record<string, unknown>[];
}

/** Reads are no events: they run between steps and change nothing. */
export type Read =
  | { type: 'get'; collection: string; id: string } // → Row | null
  | { type: 'list'; collection: string; query: Query } // → Row[]
  | { type: 'count'; collection: string; query: Query } // → number
  | { type: 'plan'; collection: string; query: Query } // → string[], SQLite's query plan
  | { type: 'sql'; sql: string; params: unknown[] } // → SqlAnswer
  | { type: 'outbox'; limit: number } // → OutboxEntry[]
  | { type: 'deadLetters'; limit: number } // → DeadLetterEntry[]
  | { type: 'history'; limit: number } // → Departure[]
  | { type: 'explain'; id: MutationId; now: number } // → Explanation | null
  | { type: 'status' }; // → CoreStatus

/** An unsettled mutation. Times are milliseconds since the epoch. */
export interface OutboxEntry extends MutationName {
  /**
   * - 'pending': it is sent when its turn comes
   * - 'in flight': its answer is awaited
   * - 'outcome unknown': it was sent and may have been applied; it goes again unchanged
   * - 'blocked': its attempts got no answer though the API was there: CORS, a redirect or a sign-in
   *   page may stand before it; it is tried again now and then
   * - 'waiting': for other mutations
   * - 'failed': a dead letter
   */
  state: 'pending' | 'in flight' | 'outcome unknown' | 'blocked' | 'waiting' | 'failed';
  attempts: number;
  writtenAt: number;
  /** When it may be sent again; absent while it waits for another. */
  dueAt?: number;
  /** How many later changes of its record were folded into it. */
  folded?: number;
  /** The mutations that have to be accepted before it. */
  waitsFor?: MutationId[];
  /** The dead letter that holds it back, by whatever is between. */
  blockedBy?: MutationName;
  /** What was written: of a create the body, of an update { set, remove }. */
  change?: unknown;
  /** Why the latest attempt failed. */
  error?: Problem;
}

export interface DeadLetterEntry extends OutboxEntry {
  state: 'failed';
  /**
   * Whether the server may have applied it all the same: then it goes again only unchanged, under
   * the same key, unless the app says `mayDuplicate`.
   */
  unknown: boolean;
  /** What waits for it, by whatever is between; the first 100. */
  holds: MutationName[];
}

/** A mutation that has left the outbox, when and why. */
export interface Departure extends MutationName {
  /**
   * - 'accepted': by the server
   * - 'folded': into `successor`, which had not been sent
   * - 'undone': its record was created and deleted before anything was sent
   * - 'replaced': it was refused, and goes again as `successor`
   * - 'discarded', 'cancelled': by the app, or along with what it depended on
   */
  reason: 'accepted' | 'folded' | 'undone' | 'replaced' | 'discarded' | 'cancelled';
  at: number;
  successor?: MutationId;
}

/** Why a mutation has not been sent, or what became of it. */
export type Explanation =
  | {
      /** For a person: what it waits for, when it is tried, and what the app can do. */
      text: string;
      /** What the app can do with it now. */
      can: ('cancel' | 'retry' | 'edit' | 'discard')[];
      /** When it may be sent. */
      dueAt?: number;
      mutation: OutboxEntry;
      state?: undefined;
    }
  | {
      text: string;
      can: [];
      /** It has left the outbox. */
      state: 'gone';
      reason: Departure['reason'];
      successor?: MutationId;
      mutation?: undefined;
    };

export interface CoreStatus {
  pending: number;
  failed: number;
  conflicts: number;
  reachable: boolean;
  /** Something is under way: a probe or an attempt. */
  syncing: boolean;
  /** What the pending mutations wait for, if not for their turn. */
  waitingFor: null | 'network' | 'origin' | 'sign-in' | 'paused';
  /** Why the API could not be reached, or asked to wait, in words; '' when nothing is wrong. */
  reason: string;
  /**
   * Records and deletions that the pulls under way have brought so far; when none is, what the last
   * ones brought.
   */
  pulled: number;
  /** A pull is under way: there is more to come. */
  more: boolean;
}
