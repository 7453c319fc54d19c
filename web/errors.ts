// The one error class of the package. Every message is for a person who has to act: what happened,
// to what, what was kept, and what to do.

/**
 * What went wrong.
 *
 * Refused before anything was recorded; the same call will fail again unless it is changed:
 * - 'bad-option': an option cannot be used, of `openHoldfast` or of a call
 * - 'bad-id': an id is not 1 to 128 characters of `[A-Za-z0-9._~:@-]`, or is '.' or '..'
 * - 'bad-body': a record or a change holds what JSON cannot carry faithfully
 * - 'bad-query': a query that cannot be answered
 * - 'too-slow': SQL that took longer than 1 s, and was ended
 * - 'too-large': a record or a change is larger than 1 MiB
 * - 'exists': there is a record of that id already
 * - 'not-found': there is no such record, dead letter or mutation
 * - 'has-dependants': the record was never made, and others refer to it
 * - 'attempted': the mutation was sent already, and may have been applied
 * - 'outcome-unknown': the server may have applied the dead letter, so it can only go unchanged
 * - 'not-sent-yet': what the dead letter is to refer to was created after it and is not sent yet
 * - 'unknown-collection': the collection is not among those that were declared
 *
 * Nothing was recorded; the same call may succeed later:
 * - 'outbox-full': too many mutations wait to be sent
 * - 'disk-full': the browser gives no more room
 * - 'no-leader': the tab that holds the database does not answer; the message says whether it may
 *   have been recorded
 *
 * The database cannot be used:
 * - 'storage': the browser's storage failed; the message says whether the write may have been
 *   recorded
 * - 'corrupt': the database is damaged
 * - 'newer-version': the database was written by a newer Holdfast, or a tab of a newer app holds
 *   it: the page has to be reloaded
 *
 * Holdfast cannot run here; nothing was recorded:
 * - 'insecure-context': the page came over plain http
 * - 'no-opfs': this browser, or this private window, has no storage that a worker can write durably
 * - 'worker-load': the worker's script could not be loaded
 * - 'wasm-load': the wasm file could not be loaded or may not run
 *
 * - 'pull-failed': a pull ended early; what had arrived is kept
 * - 'closed': `close()` was called, or the transaction's function has returned; the message says
 *   whether the write may have been recorded
 */
export type ErrorCode =
  | 'bad-option'
  | 'bad-id'
  | 'bad-body'
  | 'bad-query'
  | 'too-slow'
  | 'too-large'
  | 'exists'
  | 'not-found'
  | 'has-dependants'
  | 'attempted'
  | 'outcome-unknown'
  | 'not-sent-yet'
  | 'unknown-collection'
  | 'outbox-full'
  | 'disk-full'
  | 'no-leader'
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

/** The core says what happened; what was kept, and what to do, is told here. */
const advice = {
  exists: 'Nothing was recorded. Update that record, or create one with another id.',
  'not-found': 'Nothing was recorded. It may have been deleted, accepted or discarded meanwhile.',
  'has-dependants':
    'Nothing was recorded. Delete those first, or call delete with { cascade: true }, which ' +
    'takes them along.',
  attempted:
    'Nothing was recorded: it stays in the outbox. Write another change that takes it back.',
  'outcome-unknown':
    'Nothing was recorded: it stays a dead letter. Retry it unchanged, or say mayDuplicate: true ' +
    'if that would do no harm.',
  'not-sent-yet':
    'Nothing was recorded: it stays a dead letter. Edit it again once that record was accepted, ' +
    'or discard it and write it anew.',
  'too-slow': 'Nothing was read. Ask for less, or declare an index for what it searches.',
  'outbox-full': 'Nothing was recorded. There is room again once some were accepted or discarded.',
};

/** The error that a refusal tells of. */
export function refused({ code, message }: Refusal): HoldfastError {
  const advised = Object.hasOwn(advice, code) ? advice[code as keyof typeof advice] : undefined;
  return new HoldfastError(code as ErrorCode, advised ? `${message} ${advised}` : message);
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
