// Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): one effect and one answer a key.
//
// The effect, the key and the answer are committed together, so a server that is killed at any
// moment has all three or none. A refusal from the effect (404, 409, 412) is an answer like any
// other; a request that does not pass validation never comes here and leaves no key.

import { createHash } from 'node:crypto';
import { problem } from './answer.mjs';

/** @import { Answer } from './answer.mjs' */
/** @import { Database, Queryable } from './database.mjs' */

/**
 * @typedef {object} Outcome
 * @property {Answer} answer
 * @property {'applied' | 'replayed' | 'none'} effect Whether this request changed something, got
 *   the stored answer of an earlier one, or changed nothing.
 * @property {boolean} [isFirst] The answer was stored under its key just now.
 */

const keptForMs = 24 * 60 * 60 * 1000;

/**
 * The key of a header that holds a structured-field string (RFC 9651, section 3.3.3) or the bare
 * key, of 1 to 255 printable ASCII characters.
 *
 * @param {string} header
 * @returns {string | undefined} Nothing when it is neither.
 */
export function parseKey(header) {
  const [, quoted] = /^\s*"((?:[ !#-[\]-~]|\\["\\])*)"\s*$/.exec(header) ?? [];
  const [, bare] = /^\s*([!#-+\--:<-[\]-~]+)\s*$/.exec(header) ?? [];
  const key = quoted?.replace(/\\(.)/g, '$1') ?? bare;
  return key && key.length <= 255 ? key : undefined;
}

/**
 * The same for the same method, path and bytes of the body, and for nothing else.
 *
 * @param {string} method
 * @param {string} path
 * @param {string} payload
 * @returns {string}
 */
export function fingerprint(method, path, payload) {
  return createHash('sha256').update(`${method} ${path}\n${payload}`).digest('hex');
}

/**
 * Runs `effect` in a transaction, or answers as it was answered before.
 *
 * Transactions that come here follow one another, across all servers on one database: each locks
 * the version row first. So two requests with one key never both miss it.
 *
 * @param {Database} database
 * @param {{ owner: string, key: string, fingerprint: string } | undefined} claim Nothing for a
 *   request without a key: it runs each time.
 * @param {number} now
 * @param {(tx: Queryable) => Promise<Outcome>} effect
 * @returns {Promise<Outcome>}
 */
export function answerOnce(database, claim, now, effect) {
  return database.transaction(async tx => {
    await tx.query('select from holdfast_demo.version for update');
    if (!claim) return effect(tx);

    await tx.query('delete from holdfast_demo.idempotency_key where expires_at <= $1', [
      new Date(now).toISOString(),
    ]);
    const [stored] = await tx.query(
      `select fingerprint, status, headers, body from holdfast_demo.idempotency_key
       where owner = $1 and key = $2`,
      [claim.owner, claim.key],
    );
    if (stored && stored.fingerprint !== claim.fingerprint) {
      return {
        effect: 'none',
        answer: problem(
          422,
          'This Idempotency-Key came before with another request. Give each change its own key.',
          { type: 'urn:problem-type:idempotency-key-reused', title: 'Idempotency-Key is used' },
        ),
      };
    }
    if (stored) return { effect: 'replayed', answer: stored };

    const outcome = await effect(tx);
    const { status, headers, body } = outcome.answer;
    await tx.query(
      `insert into holdfast_demo.idempotency_key
         (owner, key, fingerprint, status, headers, body, expires_at)
       values ($1, $2, $3, $4, $5::json, $6, $7)`,
      [
        claim.owner,
        claim.key,
        claim.fingerprint,
        status,
        JSON.stringify(headers),
        body,
        new Date(now + keptForMs).toISOString(),
      ],
    );
    return { ...outcome, isFirst: true };
  });
}

/** @returns {Answer} What a request gets while an earlier one with its key is still running. */
export function stillRunning() {
  return problem(
    409,
    'A request with this Idempotency-Key is still running. Send it again in a moment.',
    {
      type: 'urn:problem-type:idempotency-key-in-progress',
      title: 'Idempotency-Key is in progress',
    },
    { 'retry-after': '1' },
  );
}

/** @returns {Answer} */
export function malformedKey() {
  return problem(
    400,
    'The Idempotency-Key must be a string in quotes, of 1 to 255 printable ASCII characters.',
  );
}
