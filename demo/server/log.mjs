// The requests that the API received, in the order of their arrival, for tests to read.

/**
 * @typedef {object} LogEntry
 * @property {number} order Counts the requests since the server started, from 1.
 * @property {string} at When it arrived (RFC 3339).
 * @property {string} method
 * @property {string} path With its query.
 * @property {string} owner The signed-in user, or 'anonymous'.
 * @property {string | null} key The Idempotency-Key, without quotes.
 * @property {number | null} batch The order of the batch that it came in, if it did.
 * @property {unknown} body As received: JSON, the text of what is no JSON, or null.
 * @property {number | null} status What it was answered, or would have been; null before that.
 * @property {'applied' | 'replayed' | 'none'} effect
 * @property {boolean} cut Whether the connection ended before the whole answer had left.
 *
 * @typedef {object} RequestLog
 * @property {(entry: Omit<LogEntry, 'order' | 'status' | 'effect' | 'cut'>) => LogEntry} add
 * @property {() => LogEntry[]} list
 * @property {() => void} clear The count goes on.
 */

/**
 * @param {number} [limit] The oldest entries go first.
 * @returns {RequestLog}
 */
export function createLog(limit = 10_000) {
  /** @type {LogEntry[]} */
  const entries = [];
  let order = 0;
  return {
    add(arrived) {
      order += 1;
      /** @type {LogEntry} */
      const entry = { order, ...arrived, status: null, effect: 'none', cut: false };
      entries.push(entry);
      if (entries.length > limit) entries.shift();
      return entry;
    },
    list: () => entries.map(entry => ({ ...entry })),
    clear: () => void entries.splice(0),
  };
}
