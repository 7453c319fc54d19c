// Who a request is from. Whoever signs in gets a token that is good for a time; there is no
// password. Of a token the database has the hash, so that nobody can use what is read there.

import { createHash, randomBytes } from 'node:crypto';
import { problem } from './answer.mjs';

/** @import { Answer } from './answer.mjs' */
/** @import { Queryable } from './database.mjs' */

const prefix = 'fieldbook_';

/**
 * @param {Queryable} database
 * @param {{ user: string, expiresIn: number }} wish In seconds.
 * @param {number} now
 * @returns {Promise<{ token: string, user: string, expiresAt: string }>}
 */
export async function signIn(database, { user, expiresIn }, now) {
  const token = prefix + randomBytes(32).toString('base64url');
  const expiresAt = new Date(now + expiresIn * 1000).toISOString();
  await database.query('delete from holdfast_demo.sign_in where expires_at <= $1', [
    new Date(now).toISOString(),
  ]);
  await database.query(
    'insert into holdfast_demo.sign_in (token_hash, owner, expires_at) values ($1, $2, $3)',
    [hashOf(token), user, expiresAt],
  );
  return { token, user, expiresAt };
}

/**
 * Makes every token expire.
 *
 * @param {Queryable} database
 */
export async function expireTokens(database) {
  await database.query('delete from holdfast_demo.sign_in');
}

/**
 * The user that a request is from. Unless a sign-in is required, the mere name of a user will do,
 * and none is 'anonymous'; a token that is not good any more is refused always.
 *
 * @param {Queryable} database
 * @param {string | undefined} authorization
 * @param {{ required: boolean, now: number }} options
 * @returns {Promise<string | undefined>} Nothing when it is nobody's.
 */
export async function ownerOf(database, authorization, { required, now }) {
  const [, token] = /^Bearer +(.+)$/i.exec(authorization ?? '') ?? [];
  if (!token?.startsWith(prefix)) return required ? undefined : (token ?? 'anonymous');
  const [row] = await database.query(
    'select owner from holdfast_demo.sign_in where token_hash = $1 and expires_at > $2',
    [hashOf(token), new Date(now).toISOString()],
  );
  return row?.owner;
}

/** @returns {Answer} */
export function signedOut() {
  return problem(
    401,
    'The sign-in is missing or has expired. Sign in, and send it again.',
    { type: 'urn:problem-type:signed-out', title: 'Signed out' },
    { 'www-authenticate': 'Bearer' },
  );
}

/** @param {string} token */
const hashOf = token => createHash('sha256').update(token).digest('hex');
