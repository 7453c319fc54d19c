// The switches that make the server misbehave, for the demo's corner and for tests.

import { problem } from './answer.mjs';

/** @import { Answer } from './answer.mjs' */

/**
 * @typedef {object} Failure What the requests for orders that match get instead of the API.
 * @property {number} status
 * @property {number} [retryAfter] In seconds.
 * @property {number} [times] How many requests it lasts for. Default: until switched off.
 * @property {{ method?: string, path?: string, titleContains?: string }} [match] All that is
 *   given has to hold; `path` is how the path starts, with /api.
 *
 * @typedef {object} Switches
 * @property {200 | 503} health What /api/health answers.
 * @property {Failure | null} fail
 * @property {'none' | 'first'} cutAnswers With 'first', the connection ends instead of the first
 *   answer under each Idempotency-Key, after the change was committed.
 * @property {number} delayMs How late each answer from the API leaves.
 * @property {boolean} captivePortal Everything under /api is answered by a page: 200, HTML.
 * @property {boolean} offline Every connection ends at once, but those to /control.
 */

/** @returns {Switches} All as in a server that behaves. */
export function createSwitches() {
  return {
    health: 200,
    fail: null,
    cutAnswers: 'none',
    delayMs: 0,
    captivePortal: false,
    offline: false,
  };
}

/**
 * The answer of the failure that is switched on, if the request is for orders and matches; one
 * of its `times` is then used up.
 *
 * @param {Switches} switches
 * @param {{ method: string, url: string, body?: { title?: unknown } | null }} request
 * @returns {Answer | undefined}
 */
export function takeFailure(switches, { method, url, body }) {
  const { fail } = switches;
  if (!fail || !url.startsWith('/api/orders')) return undefined;
  const { match = {} } = fail;
  const title = String(body?.title ?? '');
  if (match.method !== undefined && match.method !== method) return undefined;
  if (match.path !== undefined && !url.startsWith(match.path)) return undefined;
  if (match.titleContains !== undefined && !title.includes(match.titleContains)) return undefined;

  if (fail.times !== undefined) {
    fail.times -= 1;
    if (fail.times === 0) switches.fail = null;
  }
  return problem(
    fail.status,
    'The switch for a failing API is on.',
    {},
    fail.retryAfter === undefined ? {} : { 'retry-after': String(fail.retryAfter) },
  );
}

/** What a change of the switches may look like. What it leaves out stays. */
export const switchesSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    health: { enum: [200, 503] },
    fail: {
      type: ['object', 'null'],
      required: ['status'],
      additionalProperties: false,
      properties: {
        status: { type: 'integer', minimum: 400, maximum: 599 },
        retryAfter: { type: 'integer', minimum: 0 },
        times: { type: 'integer', minimum: 1 },
        match: {
          type: 'object',
          additionalProperties: false,
          properties: {
            method: { enum: ['GET', 'POST', 'PUT', 'DELETE'] },
            path: { type: 'string' },
            titleContains: { type: 'string' },
          },
        },
      },
    },
    cutAnswers: { enum: ['none', 'first'] },
    delayMs: { type: 'integer', minimum: 0, maximum: 600_000 },
    captivePortal: { type: 'boolean' },
    offline: { type: 'boolean' },
  },
};
