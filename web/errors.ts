// The one error class of the package. Every message is for a person who has to act: what happened,
// to what, what was kept, and what to do.

/**
 * What went wrong.
 *
 * Refused before anything was recorded; the same call will fail again unless it is changed:
 * - 'bad-option': an option of `openHoldfast` cannot be used
 * - 'bad-id': an id is not 1 to 128 characters of `[A-Za-z0-9._~:@-]`, or is '.' or '..'
 * - 'bad-body': a record or a change holds what JSON cannot carry faithfully
 * - 'bad-query': a where, orderBy or limit that cannot be answered
 * - 'too-large': a record or a change is larger than 1 MiB
 * - 'exists': there is a record of that id already
 * - 'not-found': there is no such record, or no such dead letter
 * - 'unknown-collection': the collection is not among those that were declared
 *
 * Nothing was recorded; the same call may succeed later:
 * - 'outbox-full': too many mutations wait to be sent
 * - 'disk-full': the browser gives no more room
 *
 * The database cannot be used:
 * - 'storage': the browser's storage failed; the message says whether the write may have been
 *   recorded
 * - 'corrupt': the database is damaged
 * - 'newer-version': the database was written by a newer Holdfast
 *
 * Holdfast cannot run here; nothing was recorded:
 * - 'insecure-context': the page came over plain http
 * - 'no-opfs': this browser, or this private window, has no storage that a worker can write durably
 * - 'worker-load': the worker's script could not be loaded
 * - 'wasm-load': the wasm file could not be loaded or may not run
 *
 * - 'pull-failed': a pull ended early; what had arrived is kept
 * - 'closed': `close()` was called; the message says whether the write may have been recorded
 */
export type ErrorCode =
  | 'bad-option'
  | 'bad-id'
  | 'bad-body'
  | 'bad-query'
  | 'too-large'
  | 'exists'
  | 'not-found'
  | 'unknown-collection'
  | 'outbox-full'
  | 'disk-full'
  | 'storage'
  | 'corrupt'
  | 'newer-version'
  | 'insecure-context'
  | 'no-opfs'
  | 'worker-load'
  | 'wasm-load'
  | 'pull-failed'
  | 'closed';

/** Every error that this package throws on purpose. */
export class HoldfastError extends Error {
  override name = 'HoldfastError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** An error as it crosses from the core or from a worker. */
export interface Refusal {
  code: string;
  message: string;
}

/** The error that a refusal tells of. */
export function refused(refusal: Refusal): HoldfastError {
  return new HoldfastError(refusal.code as ErrorCode, refusal.message);
}

/**
 * What can be told of any error: one of our own keeps its code, anything else means that the engine
 * stopped.
 */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof HoldfastError) return { code: error.code, message: error.message };
  return { code: 'storage', message: `Holdfast's engine stopped: ${messageOf(error)}` };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
