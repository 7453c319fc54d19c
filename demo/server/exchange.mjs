// What happens to every request under /api, whatever it asks for: it is logged, it is asked whom it
// is from, a change is answered once under its key, and the answer leaves as the switches let it.

import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { sendAnswer } from './answer.mjs';
import { asMembers, currentBatch } from './batch.mjs';
import { answerOnce, fingerprint, malformedKey, parseKey, stillRunning } from './idempotency.mjs';
import { ownerOf, signedOut } from './sign-in.mjs';
import { takeFailure } from './switches.mjs';

/** @import { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify' */
/** @import { Answer } from './answer.mjs' */
/** @import { Batch } from './batch.mjs' */
/** @import { Database, Queryable } from './database.mjs' */
/** @import { Outcome } from './idempotency.mjs' */
/** @import { LogEntry, RequestLog } from './log.mjs' */
/** @import { Switches } from './switches.mjs' */

/**
 * @typedef {FastifyRequest & { params: any, query: any, body: any }} Request
 *
 * @typedef {ReturnType<typeof createHandlers>} Handlers
 */

/**
 * A route whose config says `open: true` takes requests from nobody in particular.
 *
 * @param {FastifyInstance} api
 * @param {{ database: Database, log: RequestLog, switches: Switches, now: () => number }} parts
 */
export function receiveRequests(api, { database, log, switches, now }) {
  api.decorateRequest('entry', null);
  api.decorateRequest('payload', '');

  api.addHook('onRequest', async (request, reply) => {
    const batch = currentBatch();
    const entry = log.add({
      at: new Date(now()).toISOString(),
      method: request.method,
      path: request.url,
      owner: 'anonymous',
      key: keyOf(request) ?? null,
      batch: batch?.entry.order ?? null,
      body: null,
    });
    request.setDecorator('entry', entry);
    if (batch) batch.members.push(entry);
    else reply.raw.once('close', () => void (entry.cut = !reply.raw.writableFinished));
    if (switches.captivePortal) {
      reply.type('text/html').send('<!doctype html><title>Hotel Wi-Fi</title>Please sign in.');
      return reply;
    }
    const required = switches.signIn === 'required';
    const { authorization } = request.headers;
    const owner = await ownerOf(database, authorization, { required, now: now() });
    if (owner !== undefined) entry.owner = owner;
    else if (request.method !== 'OPTIONS' && !Reflect.get(request.routeOptions.config, 'open')) {
      sendAnswer(reply, signedOut());
      return reply;
    }
  });

  // The log has the body before its defaults are filled in; a fingerprint is taken of its text, in
  // one way of writing it, for a batch writes it in another.
  const parse = api.getDefaultJsonParser('error', 'error');
  api.removeContentTypeParser('application/json');
  api.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    const text = String(body);
    if (text === '') return done(null);
    parse(request, text, (error, value) => {
      entryOf(request).body = error ? text : structuredClone(value);
      if (!error) request.setDecorator('payload', JSON.stringify(value));
      done(error, value);
    });
  });

  api.addHook('onSend', async (request, reply) => {
    entryOf(request).status = reply.statusCode;
    reply.header('cache-control', 'no-store');
  });
}

/**
 * Makes the handlers of routes.
 *
 * `reading(answer)` answers each request anew. `writing(effect)` runs `effect` in a transaction,
 * once a key. `gathering(answer)` answers a request whose own requests are members of it.
 *
 * @param {FastifyInstance} api
 * @param {{ database: Database, switches: Switches, now: () => number }} parts
 */
export function createHandlers(api, { database, switches, now }) {
  /** @type {Set<string>} The keys of the requests that are not answered yet. */
  const running = new Set();
  /** @type {Set<Promise<void>>} */
  const exchanges = new Set();
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);

  // The database stays open until the last request is done with it.
  api.addHook('preClose', async () => closing.abort());
  api.addHook('onClose', async () => void (await Promise.allSettled(exchanges)));

  /** @param {(request: Request) => Promise<Answer>} answer */
  function reading(answer) {
    return exchanging(async (request, reply) => {
      await send(request, reply, { effect: 'none', answer: await answer(request) });
    });
  }

  /** @param {(tx: Queryable, request: Request) => Promise<Outcome>} effect */
  function writing(effect) {
    return exchanging(async (request, reply) => {
      const claim = claimOf(request);
      if (claim === 'malformed') {
        return send(request, reply, { effect: 'none', answer: malformedKey() });
      }
      const scope = claim && JSON.stringify([claim.owner, claim.key]);
      if (scope && running.has(scope)) {
        return send(request, reply, { effect: 'none', answer: stillRunning() });
      }
      if (scope) running.add(scope);
      try {
        const outcome = await answerOnce(database, claim, now(), tx => effect(tx, request));
        await send(request, reply, outcome);
      } finally {
        if (scope) running.delete(scope);
      }
    });
  }

  /** @param {(request: Request) => Promise<Answer>} answer */
  function gathering(answer) {
    return exchanging(async (request, reply) => {
      /** @type {Batch} */
      const batch = { entry: entryOf(request), members: [], isFirst: false };
      reply.raw.once('close', () => {
        for (const entry of batch.members) entry.cut = !reply.raw.writableFinished;
      });
      const gathered = await asMembers(batch, () => answer(request));
      await send(request, reply, { effect: 'none', answer: gathered, isFirst: batch.isFirst });
    });
  }

  /** @param {(request: Request, reply: FastifyReply) => Promise<void>} exchange */
  function exchanging(exchange) {
    return async (/** @type {any} */ request, /** @type {FastifyReply} */ reply) => {
      const failure = takeFailure(switches, request);
      const done = failure
        ? send(request, reply, { effect: 'none', answer: failure })
        : exchange(request, reply);
      exchanges.add(done);
      try {
        await done;
      } finally {
        exchanges.delete(done);
      }
      return reply;
    };
  }

  /**
   * @param {Request} request
   * @param {FastifyReply} reply
   * @param {Outcome} outcome
   */
  async function send(request, reply, { answer, effect, isFirst = false }) {
    const entry = entryOf(request);
    entry.effect = effect;
    const batch = currentBatch();
    if (batch) {
      // It leaves with the others, and so late, or not at all, as they do.
      batch.isFirst ||= isFirst;
      return sendAnswer(reply, answer);
    }
    if (switches.delayMs > 0) {
      // Rejects when the server closes, and then there is nothing left to wait for.
      await sleep(switches.delayMs, undefined, { signal: closing.signal }).catch(() => {});
    }
    if (isFirst && switches.cutAnswers === 'first') {
      entry.status = answer.status;
      reply.hijack();
      request.raw.socket.destroy();
      return;
    }
    const known = request.method === 'GET' ? request.headers['if-none-match'] : undefined;
    const isKnown = known !== undefined && known === answer.headers.etag;
    sendAnswer(reply, isKnown ? { ...answer, status: 304, body: '' } : answer);
  }

  return { reading, writing, gathering };
}

/**
 * @param {FastifyRequest} request
 * @returns {LogEntry}
 */
function entryOf(request) {
  return request.getDecorator('entry');
}

/** @param {FastifyRequest} request */
function keyOf(request) {
  const header = request.headers['idempotency-key'];
  return typeof header === 'string' ? parseKey(header) : undefined;
}

/** @param {Request} request */
function claimOf(request) {
  if (request.headers['idempotency-key'] === undefined) return undefined;
  const key = keyOf(request);
  if (key === undefined) return 'malformed';
  const payload = /** @type {string} */ (request.getDecorator('payload'));
  return {
    owner: entryOf(request).owner,
    key,
    fingerprint: fingerprint(request.method, request.url, payload),
  };
}
