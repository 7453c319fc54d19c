// The public surface in types: what an application reads when it hovers over a name.

import type { OutboxEntry, Problem, Query, RecordSync } from './protocol.js';
import type { PullReport, SyncReport } from './rpc.js';

/** The records of each collection, as the app types them. */
export type Schema = Record<string, object>;

export interface CollectionOptions {
  /** Where the collection is, below `baseUrl`. Default: '/' + its name + 's'. */
  path?: string;
  /**
   * Fields that lists filter and sort by, '-' for descending: `['createdAt', ['done',
   * '-createdAt']]`.
   */
  indexes?: (string | string[])[];
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
  create(body: Omit<T, 'id'> & { id?: string }): Promise<Stored<T>>;

  /**
   * Changes the fields given; null is stored, undefined changes nothing, `remove` takes fields
   * away. Resolves with the whole record once the change is on disk.
   *
   * @throws {HoldfastError} 'not-found': nothing was recorded; or as `create`.
   */
  update(
    id: string,
    changes: Partial<T>,
    options?: { remove?: (keyof T & string)[] },
  ): Promise<Stored<T>>;

  /**
   * Deletes a record; resolves once that is on disk.
   *
   * @throws {HoldfastError} As `update`.
   */
  delete(id: string): Promise<void>;

  /** The record, or undefined. Sees every write that was called before it. */
  get(id: string): Promise<Stored<T> | undefined>;

  /**
   * The records that match, read from SQLite. Sees every write that was called before it.
   *
   * @throws {HoldfastError} 'bad-query'
   */
  list(query?: Query): Promise<Stored<T>[]>;

  /**
   * Calls `listener` with the matching records, soon and then whenever they are others. A record
   * that did not change is the same object as before. Returns a way to stop it, after which the
   * listener is not called any more. What goes wrong later, or in the listener, is reported as the
   * window's 'error' event.
   *
   * @throws {HoldfastError} 'bad-query'
   */
  subscribe(query: Query, listener: (rows: Stored<T>[]) => void): () => void;
}

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
  storage: 'opfs' | 'memory';
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
  reason: 'accepted' | 'discarded';
}

export interface DeadLetter {
  id: string;
  collection: string;
  record: string;
  problem: Problem;
}

/** Events reach every tab. */
export interface HoldfastEventMap {
  /** A mutation left the outbox. */
  settled: CustomEvent<Settlement>;
  /** A mutation will not be sent again unless the app asks. */
  deadletter: CustomEvent<DeadLetter>;
  /** The API wants new credentials, after which `signedIn` is to be called. */
  signin: CustomEvent<null>;
}

export interface Holdfast<S extends Schema> {
  /** @throws {HoldfastError} 'unknown-collection' */
  collection<C extends keyof S & string>(name: C): Collection<S[C]>;
  readonly status: Readable<Status>;
  /**
   * Probes and replays now, whatever the backoff says. Resolves when nothing more can be sent for
   * now, with what became of the mutations meanwhile.
   */
  sync(): Promise<SyncReport>;
  /**
   * Fetches what is new in one collection or in all, by GET {path}?since={cursor}&limit={n}, which
   * answers { records, deleted, cursor, more }. Never overwrites what is unsettled. Resolves with
   * how many records and deletions arrived, once they are on disk.
   *
   * @throws {HoldfastError} 'pull-failed': what had arrived by then is kept, and the next pull goes
   * on from there.
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
  };
  readonly deadLetters: {
    /** The mutations that are not sent again by themselves, at most `limit` (1,000). */
    list(options?: { limit?: number }): Promise<OutboxEntry[]>;
    /**
     * Queues it again, under the same key; resolves once that is on disk.
     *
     * @throws {HoldfastError} 'not-found': there is no such dead letter, nothing changed.
     */
    retry(id: string): Promise<void>;
    /**
     * Gives it up: an update is taken out of its record, a create goes with all that depends on it.
     * Resolves once that is on disk.
     *
     * @throws {HoldfastError} 'not-found': there is no such dead letter, nothing changed.
     */
    discard(id: string): Promise<void>;
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
