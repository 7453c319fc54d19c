// An answer as it is sent, and as it is stored to be sent again.

import { STATUS_CODES } from 'node:http';

/** @import { FastifyReply } from 'fastify' */

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {Record<string, string>} headers
 * @property {string} body Empty for no body.
 */

/**
 * @param {number} status
 * @param {unknown} body
 * @param {Record<string, string>} [headers]
 * @returns {Answer}
 */
export function json(status, body, headers = {}) {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
}

/**
 * A problem (RFC 9457). `detail` is for a person who has to act. Without a `type` of its own it
 * is what its status says.
 *
 * @param {number} status
 * @param {string} detail
 * @param {Record<string, unknown>} [members]
 * @param {Record<string, string>} [headers]
 * @returns {Answer}
 */
export function problem(status, detail, members = {}, headers = {}) {
  return {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
    body: JSON.stringify({
      type: 'about:blank',
      title: STATUS_CODES[status] ?? `Status ${status}`,
      status,
      detail,
      ...members,
    }),
  };
}

/**
 * @param {FastifyReply} reply
 * @param {Answer} answer
 */
export function sendAnswer(reply, { status, headers, body }) {
  reply
    .code(status)
    .headers(headers)
    .send(body || undefined);
}
