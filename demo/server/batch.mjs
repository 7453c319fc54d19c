// POST /batch: several changes in one request, each of which comes to what it would by itself.
//
// A member goes through the server once more, as a request of its own: the same validation, the
// same key, the same log. So there is nothing that a batch could do otherwise.

import { AsyncLocalStorage } from 'node:async_hooks';
import { problem } from './answer.mjs';

/** @import { FastifyInstance } from 'fastify' */
/** @import { Answer } from './answer.mjs' */
/** @import { LogEntry } from './log.mjs' */

/**
 * @typedef {object} Batch
 * @property {LogEntry} entry Its own, in the log.
 * @property {LogEntry[]} members Those of its members so far.
 * @property {boolean} isFirst An answer in it was stored under its key just now.
 *
 * @typedef {object} Member
 * @property {string} key
 * @property {string} method
 * @property {string} path Below /api.
 * @property {unknown} [body]
 *
 * @typedef {{ status: number, headers: Record<string, string>, body?: unknown }} MemberAnswer
 */

/** @type {AsyncLocalStorage<Batch>} */
const batches = new AsyncLocalStorage();

/** The batch that the request at hand is a member of, if it is. */
export const currentBatch = () => batches.getStore();

/**
 * Runs `work` with its requests as members of `batch`.
 *
 * @template T
 * @param {Batch} batch
 * @param {() => Promise<T>} work
 */
export const asMembers = (batch, work) => batches.run(batch, work);

/** What of an answer's headers a member's answer keeps. */
const kept = ['content-type', 'etag', 'location', 'retry-after'];

/**
 * Answers the members one after the other, in their order; what becomes of one is nothing to the
 * next.
 *
 * @param {FastifyInstance} api
 * @param {Member[]} members
 * @param {string | undefined} authorization Of the batch: it speaks for all of them.
 * @returns {Promise<MemberAnswer[]>}
 */
export async function answerMembers(api, members, authorization) {
  const answers = [];
  for (const member of members) {
    const { status, headers, body } = await answerOf(api, member, authorization);
    answers.push({ status, headers, ...(body === '' ? {} : { body: JSON.parse(body) }) });
  }
  return answers;
}

/**
 * @param {FastifyInstance} api
 * @param {Member} member
 * @param {string | undefined} authorization
 * @returns {Promise<Answer>}
 */
async function answerOf(api, { key, method, path, body }, authorization) {
  const url = `/api${path}`;
  // A path that climbs, or that leads into another batch, leads nowhere.
  if (new URL(url, 'http://api').pathname !== url || !/^\/api\/(orders|notes)(\/|$)/.test(url)) {
    return problem(404, `A batch holds no ${method} ${path}. See /api/openapi.json.`);
  }
  /** @type {Record<string, string>} */
  const headers = { 'idempotency-key': `"${key.replace(/["\\]/g, '\\$&')}"` };
  if (authorization !== undefined) headers.authorization = authorization;
  if (body !== undefined) headers['content-type'] = 'application/json';
  const payload = body === undefined ? undefined : JSON.stringify(body);
  try {
    const request = { method: /** @type {any} */ (method), url, headers, payload };
    const response = await api.inject(request);
    const answered = kept.filter(name => response.headers[name] !== undefined);
    return {
      status: response.statusCode,
      headers: Object.fromEntries(answered.map(name => [name, String(response.headers[name])])),
      body: response.body,
    };
  } catch {
    return problem(503, 'The server went away. Send it again.');
  }
}
