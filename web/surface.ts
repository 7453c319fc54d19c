// The public surface in types: what an application reads when it hovers over a name.

import type { HoldfastError } from './errors.js';
import type {
  DeadLetterEntry,
  Departure,
  Explanation,
  FieldType,
  OutboxEntry,
  Problem,
  Query,
  RecordSync,
} from './protocol.js';
import type { PullReport, SyncReport } from './rpc.js';

/** The records of each collection, as the app types them. */
export type Schema = Record<string, object>;

export interface CollectionOptions {
  /** Where the collection is, below `baseUrl`. Default: '/' + its name + 's'. */
  path?: string;
  /**
   * Fields that lists filter and sort by, nested ones too, '-' for descending: `['address.city',
   * ['done', '-createdAt']]`. None is unique: only the server sees every device's records.
   */
  indexes?: (string | string[])[];
  /**
   * The columns that the collection has in `Holdfast.query`, beside `id` and `body`, and as what
   * they come back: `{ done: 'boolean', 'address.city': 'text', tags: 'json' }`.
   */
  fields?: Record<string, FieldType>;
  /**
   * Fields that hold the id of another record, or an array of ids, and its collection: `{ orderId:
   * 'order' }`. A mutation waits for the creates of the records that it refers to. Ids that
   * Holdfast generates are found without it; but where the server chooses ids, only what is
   * declared is translated.
   */
  references?: Record<string, string>;
  /**
   * Whether a change folds into an earlier one of its record that was never sent. Default true:
   * what was created and updated offline arrives as one create. False: every call is sent.
   */
  coalesce?: boolean;
  /**
   * The server chooses ids: a create goes out without the device's, and this says what the
   * server's is, out of the answer's JSON. The record keeps its id here; in paths and declared
   * references the server's is sent. If it throws, or takes longer than 10 s, the create is sent
   * again, under the same key. Without it, a create carries the device's id, and another in the
   * answer's `id` is taken as the server's.
   */
  serverId?: (answer: unknown) => string | number;
  /**
   * What becomes of a mutation that may have been applied, and whose key the server has forgotten
   * since (`keyLifetimeMs`). 'safest' (default): a create with the device's id asks by GET whether
   * it is there, an update or a delete is sent again, and a create whose id the server chooses is a
   * dead letter, for the app to decide. 'ask': it is a dead letter, whatever it is. 'resend': it is
   * sent again, whatever it is.
   */
  onUnknown?: 'safest' | 'ask' | 'resend';
  /**
   * How it is pulled. `true` or an object: by itself, when it is opened, when the network is back,
   * after what was written has been sent, and at an interval while a page is visible; and by
   * `hf.pull()`. Absent: only by `hf.pull()`. False: never.
   */
  pull?: boolean | PullOptions;
  /**
   * What answers of these statuses mean, 400 to 599, before Holdfast's own table: `retry` sends it
   * again, and counts; `reject` makes it a dead letter at once; `isConflict` says that the server
   * has another version; `signIn` that it wants new credentials (as a 403 of some APIs).
   */
  retry?: number[];
  reject?: number[];
  isConflict?: number[];
  signIn?: number[];
}

export interface PullOptions {
  /**
   * Where, below `baseUrl`: a path and a query in which `{cursor}` stands for what the last page
   * gave, and `{limit}` for how many records are wanted. A parameter whose cursor is not known yet
   * is left out. Default: the collection's `path` with '?limit={limit}&since={cursor}', or, with
   * `full`, as it is. Another path begins at the beginning.
   */
  path?: string;
  /** Records of a page, 1 to 10,000. Default 500. */
  limit?: number;
  /** Milliseconds between two pulls while a page is visible; 0: none. Default 60,000. */
  intervalMs?: number;
  /**
   * The answer is the whole list, not what is new: what is missing in it is deleted here, once all
   * of it has arrived, but for what is unsettled. Default false.
   */
  full?: boolean;
  /**
   * Makes a page out of the answer's JSON. If it throws, or takes longer than 10 s, the pull fails
   * and is tried again. Default: the answer is a page, or an array of records.
   */
  map?: (answer: unknown) => PullPage | object[] | Promise<PullPage | object[]>;
}

/** One page of a pull. */
export interface PullPage {
  /** Each with its `id`. */
  records: object[];
  /** The ids of records that were deleted. */
  deleted?: (string | number)[];
  /** Where the next page begins, or the next pull. */
  cursor?: string | number;
  /** Whether there is another page at once. */
  more?: boolean;
}

export interface Options<S extends Schema> {
  /**
   * Names the database: every tab that opens the same name shares it. Put the signed-in user in it.
   */
  name: string;
  /** Where the API is; a relative URL is taken from the page's. */
  baseUrl: string;
  collections: { [C in keyof S]: CollectionOptions };
  /**
   * The health endpoint: only its success makes the API reachable. Default '/health' below
   * `baseUrl`, 5 s.
   */
  health?:
    | string
    | {
        path?: string;
        timeoutMs?: number;
        check?: (response: Response) => boolean | Promise<boolean>;
      };
  /** Asked before each attempt and each probe, never stored. */
  headers?: () => Record<string, string> | Promise<Record<string, string>>;
  /** 'lanes' (default): a mutation waits for what it depends on; 'strict': for all earlier ones. */
  ordering?: 'lanes' | 'strict';
  /** Attempts under way at once. Default 4. */
  concurrency?: number;
  /** Counted answers after which a mutation is a dead letter. Default 5. */
  maxAttempts?: number;
  backoff?: { baseMs?: number; capMs?: number };
  /**
   * How long the server keeps an Idempotency-Key, in milliseconds; 0: it keeps none. Default 24 h.
   * What may have been applied is not sent again by itself after that: see `onUnknown`.
   */
  keyLifetimeMs?: number;
  /**
   * Sends up to `max` (50, 2 to 500) mutations that do not wait for one another in one request:
   * POST `path` below `baseUrl` with `{ requests: [{ key, method, path, body }, …] }`, answered by
   * `{ responses: [{ status, headers, body }, …] }` in the same order. Where batches are refused,
   * as by 404, 405 or 501, all go one by one until the next start.
   */
  batch?: { path: string; max?: number };
  /** How long an attempt may take. Default 30 s. */
  timeoutMs?: number;
  /**
   * 'opfs' (default): on the browser's disk; 'memory': gone with the process, for tests and for
   * Node.
   */
  storage?: 'opfs' | 'memory';
  /** Where the worker and the wasm are, for a bundler that does not find them by itself. */
  workerUrl?: string | URL;
  wasmUrl?: string | URL;
  createWorker?: () => Worker;
}

/**
 * A record as the app reads it: its own fields, its id, and how it stands in `$sync` (not
 * enumerable).
 */
export type Stored<T extends object> = T & { id: string; readonly $sync: RecordSync };

export interface After {
  /**
   * Mutations that have to be accepted before this one is sent: as in `$sync.mutation` or
   * `outbox.list()`, at most 1,000. One that has left the outbox is not waited for.
   */
  after?: string[];
}

export interface Watching {
  /** Aborting it stops the subscription. */
  signal?: AbortSignal;
}

export interface Removal<T> {
  /** Fields to take away. */
  remove?: (keyof T & string)[];
}

export interface Collection<T extends object> {
  /**
   * Records a new record and resolves with it once it is on disk, not once it is delivered: from
   * then on it survives a reload, a crash and any time offline. Its id is `body.id`, or a new
   * UUIDv7.
   *
   * @throws {HoldfastError} 'bad-id', 'bad-body', 'too-large', 'exists', 'outbox-full' or
   * 'disk-full': nothing was recorded. 'storage' or 'closed': the message says whether it may have
   * been.
   */
  create(body: Omit<T, 'id'> & { id?: string }, options?: After): Promise<Stored<T>>;

  /**
   * Changes the fields given; null is stored, undefined changes nothing, `remove` takes fields
   * away. Resolves with the whole record once the change is on disk. Of a
   * record whose mutation was refused it is a correction: both go again, as one.
   *
   * @throws {HoldfastError} 'not-found': nothing was recorded; or as `create`.
   */
  update(id: string, changes: Partial<T>, options?: Removal<T> & After): Promise<Stored<T>>;

  /**
   * Deletes a record; resolves once that is on disk. A record whose create was refused is simply
   * gone, with the changes of others that refer to it if `cascade`.
   *
   * @throws {HoldfastError} 'has-dependants': the record's create was refused, and others refer to
   * it; nothing was recorded. Or as `update`.
   */
  delete(id: string, options?: { cascade?: boolean } & After): Promise<void>;

  /** The record, or undefined. Sees every write that was called before it. */
  get(id: string): Promise<Stored<T> | undefined>;

  /**
   * The records that match, read from SQLite. Sees every write that was called before it.
   *
   * @throws {HoldfastError} 'bad-query'
   */
  list(query?: Query): Promise<Stored<T>[]>;

  /**
   * How many records `where` holds for, whatever else the query says. Sees every write that was
   * called before it.
   *
   * @throws {HoldfastError} 'bad-query'
   */
  count(query?: Query): Promise<number>;

  /**
   * Calls `listener` with the matching records, soon and then whenever they are others, whichever
   * tab or answer changed them. A record that did not change is the same object as before. While
   * changes go on, it is called after rests that grow to a tenth of a second, and in the end with
   * what there is. Returns a way to stop it, as `signal` does, after which the listener is not
   * called any more. What goes wrong later, or in the listener, is reported as the window's 'error'
   * event.
   *
   * @throws {HoldfastError} 'bad-query', 'bad-id' or 'bad-option'
   */
  subscribe(
    query: Query,
    listener: (rows: Stored<T>[]) => void,
    options?: Watching,
  ): () => void;
  /** The same of one record, by its id; undefined while there is none. */
  subscribe(
    id: string,
    listener: (record: Stored<T> | undefined) => void,
    options?: Watching,
  ): () => void;

  /** The same of what `count` answers. */
  subscribeCount(query: Query, listener: (count: number) => void, options?: Watching): () => void;
}

/** A collection inside a transaction: it only writes, and at once. What it refuses it throws. */
export interface TransactionCollection<T extends object> {
  /**
   * Returns what is created, with its id, so that what follows can refer to it.
   *
   * @throws {HoldfastError} 'bad-id', 'bad-body' or 'too-large': nothing of the transaction will be
   * recorded, even if this is caught.
   */
  create(body: Omit<T, 'id'> & { id?: string }, options?: After): T & { id: string };
  /** @throws {HoldfastError} As `create`. */
  update(id: string, changes: Partial<T>, options?: Removal<T> & After): void;
  /** @throws {HoldfastError} 'bad-id', as `create`. */
  delete(id: string, options?: After): void;
}

export type Transaction<S extends Schema> = {
  readonly [C in keyof S]: TransactionCollection<S[C]>;
};

export interface Status {
  pending: number;
  failed: number;
  conflicts: number;
  /** What the latest probe showed. */
  reachable: boolean;
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
  /**
   * Where a write is kept when it resolves: in the database ('opfs'); in the journal, because the
   * tab that holds the database does not answer ('spill'); nowhere ('memory').
   */
  storage: 'opfs' | 'spill' | 'memory';
  /** Whether this tab's worker holds the database. */
  leader: boolean;
}

/** The Svelte store contract: calls at once, then on every change. */
export interface Readable<T> {
  get(): T;
  subscribe(listener: (value: T) => void): () => void;
}

/** What a mutation's leaving says. */
export interface Settlement {
  id: string;
  collection: string;
  record: string;
  reason: 'accepted' | 'discarded' | 'cancelled';
}

export interface DeadLetter {
  id: string;
  collection: string;
  record: string;
  problem: Problem;
}

/** What was written while the tab that holds the database did not answer, and what is wrong. */
export interface RefusedWrite {
  collection: string;
  record: string;
  kind: 'create' | 'update' | 'delete';
  /** Of a create the body, of an update { set, remove }. */
  change?: unknown;
  error: HoldfastError;
}

/** A pull has ended, by itself or asked for. */
export interface PullEnd {
  collection: string;
  /** Records and deletions that arrived. */
  pulled: number;
  /** Why it ended early; what had arrived is kept, and it is tried again. */
  error?: Problem;
}

/** Events reach every tab. */
export interface HoldfastEventMap {
  /** A mutation left the outbox. */
  settled: CustomEvent<Settlement>;
  /** A mutation will not be sent again unless the app asks. */
  deadletter: CustomEvent<DeadLetter>;
  pulled: CustomEvent<PullEnd>;
  /** The API wants new credentials, after which `signedIn` is to be called. */
  signin: CustomEvent<null>;
  /**
   * A write that had resolved with `storage: 'spill'` does not fit what other tabs wrote meanwhile,
   * and was not recorded: its record was deleted, or one of its id made. Show it to the person.
   */
  refused: CustomEvent<RefusedWrite>;
}

export interface Holdfast<S extends Schema> {
  /** @throws {HoldfastError} 'unknown-collection' */
  collection<C extends keyof S & string>(name: C): Collection<S[C]>;
  /**
   * Records what `write` writes together or not at all, and sends it in that order: at most 1,000
   * writes, of 16 MiB together. `write` is called at once, reads nothing and returns no promise.
   * Resolves with what it returned once all is on disk.
   *
   * @throws {HoldfastError} What any of its writes is refused with, as `Collection` says, or
   * 'bad-option' when `write` returns a promise; or whatever `write` throws: nothing was recorded.
   * 'storage' or 'closed': the message says whether it may have been.
   */
  transaction<R>(write: (tx: Transaction<S>) => R): Promise<R>;
  readonly status: Readable<Status>;
  /**
   * Answers a SELECT over one view a collection, of its name, with `id`, its `fields` and `body`,
   * the whole record. The rows are objects by the names of their columns; a column that is called
   * like one of the view has its type, any other SQLite's. Sees every write that was called before
   * it. `params` take the place of `?`: text, numbers, null, true and false as 1 and 0, an object
   * or an array as JSON text.
   *
   * @throws {HoldfastError} 'bad-query': it is no SELECT over those views, or answers more than
   * 100,000 rows or 32 MiB; 'too-slow': it was ended after 1 s.
   */
  query<R extends object = Record<string, unknown>>(
    sql: string,
    params?: readonly unknown[],
  ): Promise<R[]>;
  /**
   * Calls `listener` with what `query` answers, soon and then whenever it is something else, as
   * `Collection.subscribe` does. A row that did not change is the same object as before. SQL that
   * cannot be answered, or is too slow, is reported once and stopped.
   *
   * @throws {HoldfastError} 'bad-query' or 'bad-option'
   */
  subscribe<R extends object = Record<string, unknown>>(
    sql: string,
    params: readonly unknown[],
    listener: (rows: R[]) => void,
    options?: Watching,
  ): () => void;
  /**
   * Probes and replays now, whatever the backoff says. Resolves when nothing more can be sent for
   * now, with what became of the mutations meanwhile.
   */
  sync(): Promise<SyncReport>;
  /**
   * Fetches what is new in one collection or in all that can be pulled, probing first where that
   * is due; see `CollectionOptions.pull`. Never overwrites what is unsettled. Resolves with how
   * many records and deletions arrived, once they are on disk.
   *
   * @throws {HoldfastError} 'pull-failed': what had arrived by then is kept, and the next pull goes
   * on from there. 'bad-option': the collection has `pull: false`.
   */
  pull(collection?: keyof S & string): Promise<PullReport>;
  /**
   * Sends nothing, in no tab, until `resume` or until all tabs are closed. Writing goes on, and so
   * does what is already under way.
   */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** There are new credentials: what waited for a sign-in goes on. */
  signedIn(): Promise<void>;
  readonly outbox: {
    /** The unsettled mutations in their order, dead letters included, at most `limit` (1,000). */
    list(options?: { limit?: number }): Promise<OutboxEntry[]>;
    /**
     * Why a mutation has not been sent, what it waits for, when it will be tried and what the app
     * can do; or, for some time after it has left, what became of it. Otherwise undefined.
     *
     * @throws {HoldfastError} 'bad-id'
     */
    explain(id: string): Promise<Explanation | undefined>;
    /**
     * Takes a mutation back that was never sent: its record is as without it. A create goes with
     * all that depends on it. Resolves with the ids of all that went, its own first, once that is
     * on disk.
     *
     * @throws {HoldfastError} 'attempted': it was sent and may have been applied; 'not-found': it
     * is not in the outbox. Nothing changed.
     */
    cancel(id: string): Promise<string[]>;
    /** What left the outbox and why, the latest first, at most `limit` (1,000). */
    history(options?: { limit?: number }): Promise<Departure[]>;
  };
  readonly deadLetters: {
    /**
     * The mutations that are not sent again by themselves, each with what it holds back, at most
     * `limit` (1,000).
     */
    list(options?: { limit?: number }): Promise<DeadLetterEntry[]>;
    /**
     * Queues it again under a new id, and so a new key. Where the server may have applied it, it
     * goes unchanged under its own, unless `mayDuplicate`: under a new key it could take effect
     * twice. Resolves once that is on disk.
     *
     * @throws {HoldfastError} 'not-found': there is no such dead letter, nothing changed.
     */
    retry(id: string, options?: { mayDuplicate?: boolean }): Promise<void>;
    /**
     * Queues again every dead letter that there is, as `retry` does. Resolves with how many once
     * all are on disk; if it rejects, some may have been queued.
     */
    retryAll(): Promise<number>;
    /**
     * Changes it as an update would, and queues it under a new id. Resolves once that is on disk.
     *
     * @throws {HoldfastError} 'outcome-unknown': the server may have applied it, and `mayDuplicate`
     * does not say that this does no harm; 'not-sent-yet': it would refer to a record that was
     * created after it; 'bad-body', 'too-large' or 'not-found'. Nothing changed.
     */
    edit(
      id: string,
      patch: Record<string, unknown>,
      options?: { remove?: string[]; mayDuplicate?: boolean },
    ): Promise<void>;
    /**
     * Gives it up: an update is taken out of its record, a create goes with all that depends on it.
     * Resolves with the ids of all that went, its own first, once that is on disk.
     *
     * @throws {HoldfastError} 'not-found': there is no such dead letter, nothing changed.
     */
    discard(id: string): Promise<string[]>;
  };
  addEventListener<E extends keyof HoldfastEventMap>(
    type: E,
    listener: (event: HoldfastEventMap[E]) => void,
    options?: { once?: boolean; signal?: AbortSignal },
  ): void;
  removeEventListener<E extends keyof HoldfastEventMap>(
    type: E,
    listener: (event: HoldfastEventMap[E]) => void,
  ): void;
  /**
   * Ends this tab's part in the work. What is recorded stays recorded, and calls under way still
   * resolve or reject. Resolves when another tab can take over, after some seconds at the most.
   */
  close(): Promise<void>;
}
