// What the host and the engine say to each other: src/protocol.h in TypeScript, and the reads.
// Types only.

export type MutationId = string;
export type Kind = 'create' | 'update' | 'delete';

/** The app's own words, handed to the engine anew at every start. Durations in milliseconds. */
export interface Config {
  collections: Record<string, { path: string; indexes: string[][] }>;
  ordering: 'lanes' | 'strict';
  concurrency: number;
  maxAttempts: number;
  backoffBaseMs: number;
  backoffCapMs: number;
  probeFreshMs: number;
  maxOutbox: number;
  maxBody: number;
}

/** Everything the host can tell the engine. Times are milliseconds since the epoch. */
export type Event =
  | { type: 'open' }
  | Write
  | { type: 'retry'; id: MutationId }
  | { type: 'discard'; id: MutationId }
  | { type: 'online' }
  | { type: 'offline' }
  | { type: 'visible' }
  | { type: 'sync' }
  | { type: 'pause' }
  | { type: 'resume' }
  | { type: 'signedIn' }
  | { type: 'tick' }
  | { type: 'pull'; collection: string }
  | Answered
  | Probed
  | Pulled;

/** One create, update or delete. A client numbers its writes from 1 without gaps. */
export interface Write {
  type: 'write';
  client: string;
  number: number;
  /** The client has the answers to all its writes up to this number. */
  acknowledged: number;
  at: number;
  id: MutationId;
  kind: Kind;
  collection: string;
  record: string;
  /** JSON text: of a create the body, of an update {"set": {…}, "remove": […]}, of a delete ''. */
  change: string;
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
  date: string;
  body: string;
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
}

export interface Probed {
  type: 'probed';
  epoch: number;
  probe: number;
  outcome: Silence | Response;
  /** What the app's own check says of a response; true where it has none. */
  check: boolean;
}

/** The answer to one page of a pull. */
export interface Pulled {
  type: 'pulled';
  epoch: number;
  pull: number;
  collection: string;
  outcome: Silence | Response;
}

/** One an event. `record` answers a write: the record as it is now, or null after a delete. */
export type Result = { record?: Row | null } | { error: { code: string; message: string } };

/** Everything the engine can ask of the host. */
export type Effect = Send | Probe | Fetch | PullEnded | Settled | Buried | SignIn;

export interface Send {
  type: 'send';
  epoch: number;
  id: MutationId;
  attempt: number;
  method: string;
  path: string;
  /** JSON text; '' is none. */
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
  reason: 'accepted' | 'discarded';
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
  /** Collections whose records or marks may look different. */
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
}

/** A record as it is read: without `sync` it is synced. */
export interface Row {
  body: Record<string, unknown>;
  sync?: RecordSync;
}

export type Comparison = {
  eq?: unknown;
  ne?: unknown;
  lt?: unknown;
  lte?: unknown;
  gt?: unknown;
  gte?: unknown;
  in?: unknown[];
};

export interface Query {
  where?: Record<string, unknown>;
  orderBy?: string | string[];
  limit?: number;
}

/** Reads are no events: they run between steps and change nothing. */
export type Read =
  | { type: 'get'; collection: string; id: string } // → Row | null
  | { type: 'list'; collection: string; query: Query } // → Row[]
  | { type: 'plan'; collection: string; query: Query } // → string[], SQLite's query plan
  | { type: 'outbox'; limit: number } // → OutboxEntry[]
  | { type: 'deadLetters'; limit: number } // → OutboxEntry[]
  | { type: 'status' }; // → CoreStatus

export interface OutboxEntry {
  id: MutationId;
  kind: Kind;
  collection: string;
  record: string;
  state: 'pending' | 'in flight' | 'outcome unknown' | 'waiting' | 'failed';
  attempts: number;
  writtenAt: number;
  /** When it may be sent again; absent while it waits for another. */
  dueAt?: number;
  /** What was written: of a create the body, of an update { set, remove }. */
  change?: unknown;
  error?: Problem;
}

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
}
