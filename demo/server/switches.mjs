// The switches that make the server misbehave, for the demo's corner and for tests.

import { problem } from './answer.mjs';

/** @import { Answer } from './answer.mjs' */

/**
 * @typedef {object} Failure What the requests for records that match get instead of the API.
 * @property {number} status
 * @property {number} [retryAfter] In seconds.
 * @property {number} [times] How many requests it lasts for. Default: until switched off.
 * @property {{ method?: string, path?: string, titleContains?: string }} [match] All that is
 *   given has to hold; `path` is how the path starts, with /api.
 *
 * @typedef {object} Refusal What becomes of the changes of one record: 422.
 * @property {string} id
 * @property {string} [title] Only as long as the record has this title, so that a change of it
 *   mends it. Default: always.
 *
 * @typedef {object} Switches
 * @property {200 | 503} health What /api/health answers.
 * @property {Failure | null} fail
 * @property {Refusal | null} refuse
 * @property {'optional' | 'required'} signIn With 'required', nobody in particular gets 401. A
 *   token that has expired gets that always.
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
    refuse: null,
    signIn: 'optional',
    cutAnswers: 'none',
    delayMs: 0,
    captivePortal: false,
    offline: false,
  };
}

/**
 * @typedef {object} Wish
 * @property {string} method
 * @property {string} url
 * @property {any} [body]
 */

/**
 * The answer of the failure or the refusal that is switched on, if the request is for records and
 * matches; one of the failure's `times` is then used up.
 *
 * @param {Switches} switches
 * @param {Wish} request
 * @returns {Answer | undefined}
 */
export function takeFailure(switches, request) {
  if (!/^\/api\/(orders|notes)\b/.test(request.url)) return undefined;
  return takeFail(switches, request) ?? takeRefusal(switches, request);
}

/**
 * @param {Switches} switches
 * @param {Wish} request
 */
function takeFail(switches, { method, url, body }) {
  const { fail } = switches;
  if (!fail) return undefined;
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

/**
 * @param {Switches} switches
 * @param {Wish} request
 */
function takeRefusal({ refuse }, { method, url, body }) {
  if (!refuse || method === 'GET') return undefined;
  const isMeant = body?.id === refuse.id || url.split(/[/?]/).includes(refuse.id);
  const isMended = refuse.title !== undefined && body && body.title !== refuse.title;
  if (!isMeant || isMended) return undefined;
  const detail = '“title” is refused while the switch for this record is on; another is taken.';
  const errors = [{ pointer: '#/title', detail }];
  if (refuse.title !== undefined && body) return problem(422, detail, { errors });
  return problem(422, 'The switch for refusing this record is on.');
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
    refuse: {
      type: ['object', 'null'],
      required: ['id'],
      additionalProperties: false,
      properties: { id: { type: 'string' }, title: { type: 'string' } },
    },
    signIn: { enum: ['optional', 'required'] },
    cutAnswers: { enum: ['none', 'first'] },
    delayMs: { type: 'integer', minimum: 0, maximum: 600_000 },
    captivePortal: { type: 'boolean' },
    offline: { type: 'boolean' },
  },
};
