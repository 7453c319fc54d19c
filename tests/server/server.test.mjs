// The demo's API server, listening for real, over the embedded PostgreSQL and, where this machine
// has one, over a real PostgreSQL.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startServer } from '../../demo/server/server.mjs';
import { findPostgres, startPostgres } from './postgres.mjs';

const noon = Date.parse('2026-11-22T12:00:00.000Z');
const hour = 60 * 60 * 1000;

/** What a server fills in when only a title is sent. */
const defaults = {
  description: '',
  customer: '',
  address: '',
  city: '',
  status: 'open',
  priority: 3,
  dueAt: null,
  assignee: '',
  notes: '',
  checklist: [],
};

/** @param {object} [fields] */
function newOrder(fields) {
  return {
    id: randomUUID(),
    title: 'Replace the valve',
    createdAt: '2026-11-22T11:00:00.000Z',
    updatedAt: '2026-11-22T11:00:00.000Z',
    ...fields,
  };
}

/**
 * @param {string} url
 * @returns What a test asks of the server at `url`.
 */
function clientOf(url) {
  /**
   * @param {string} method
   * @param {string} path
   * @param {{ body?: unknown, key?: string, headers?: Record<string, string> }} [options]
   */
  async function request(method, path, { body, key, headers = {} } = {}) {
    const response = await fetch(url + path, {
      method,
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'idempotency-key': `"${key}"` }),
        ...headers,
      },
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      etag: response.headers.get('etag') ?? '',
      text,
      body: isJson && text ? JSON.parse(text) : undefined,
    };
  }
  return {
    request,
    get: (path, headers) => request('GET', path, { headers }),
    post: (body, key, headers) => request('POST', '/api/orders', { body, key, headers }),
    put: (body, key, headers) =>
      request('PUT', `/api/orders/${body.id}`, { body, key, headers }),
    delete: (id, key, headers) => request('DELETE', `/api/orders/${id}`, { key, headers }),
    control: (body) => request('POST', '/control', { body }),
    log: async () => (await request('GET', '/control/log')).body,
  };
}

/**
 * @param {any} answer
 * @param {number} status
 * @param {RegExp} detail
 */
function assertProblem(answer, status, detail) {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.headers.get('content-type'), 'application/problem+json');
  assert.equal(answer.body.status, status);
  assert.match(answer.body.detail, detail);
}

/** @param {() => Promise<string>} createDatabase Answers the name of an empty one. */
function proveServer(createDatabase) {
  describe('the API', () => {
    let now = noon;
    let server, client;
    before(async () => {
      server = await startServer({
        database: await createDatabase(),
        control: true,
        now: () => now,
        origin: 'https://app.example',
      });
      client = clientOf(server.url);
    });
    after(() => server?.close());

    test('creates, answers, replaces and deletes an order', async () => {
      const order = newOrder({ title: 'مصعد 电梯 लिफ़्ट Žalúzie 🛠️', priority: 1 });
      const created = await client.post(order);
      assert.equal(created.status, 201);
      assert.deepEqual(created.body, { ...defaults, ...order });
      assert.match(created.etag, /^"\d+"$/);
      assert.equal(created.headers.get('location'), `/api/orders/${order.id}`);

      const found = await client.get(`/api/orders/${order.id}`);
      assert.deepEqual([found.status, found.body, found.etag], [200, created.body, created.etag]);

      const changed = { ...created.body, status: 'done', updatedAt: '2026-11-22T11:00:00.001Z' };
      const replaced = await client.put(changed);
      assert.deepEqual([replaced.status, replaced.body], [200, changed]);
      assert.notEqual(replaced.etag, created.etag);

      const deleted = await client.delete(order.id);
      assert.deepEqual([deleted.status, deleted.text], [204, '']);
      assertProblem(await client.get(`/api/orders/${order.id}`), 404, /no order/);
    });

    test('chooses the id and the times of an order that has none', async () => {
      const { status, body } = await client.post({ title: 'By hand' });
      const at = new Date(noon).toISOString();
      assert.equal(status, 201);
      assert.match(body.id, /^[0-9a-f-]{36}$/);
      assert.deepEqual([body.createdAt, body.updatedAt], [at, at]);
    });

    test('answers 404 for a change of what is not there', async () => {
      assertProblem(await client.put(newOrder()), 404, /no order/);
      assertProblem(await client.delete(randomUUID()), 404, /no order/);
      assertProblem(await client.get('/api/nowhere'), 404, /openapi\.json/);
      assertProblem(await client.request('PATCH', '/api/orders/1', { body: {} }), 404, /PATCH/);
    });

    test('never uses an id twice, not even after its order was deleted', async () => {
      const order = newOrder();
      await client.post(order);
      assertProblem(await client.post(order), 409, /new id/);
      await client.delete(order.id);
      assertProblem(await client.post(order), 409, /new id/);
      assertProblem(await client.put(order), 404, /deleted/);
    });

    test('refuses what is not valid, naming each field', async () => {
      const refused = async (fields, detail) =>
        assertProblem(await client.post(newOrder(fields)), 422, detail);
      await refused({ title: undefined }, /“title” is missing/);
      await refused({ title: '  ' }, /“title” must be: .*not blank/);
      await refused({ title: 'a'.repeat(201) }, /“title” must NOT have more than 200/);
      await refused({ notes: 'a\u0000b' }, /“notes” must be: Text without NUL/);
      await refused({ notes: '\ud83d' }, /“notes” must be: Text without NUL/);
      await refused({ status: 'lost' }, /“status” must be one of open, in-progress, done/);
      await refused({ priority: '1' }, /“priority” must be integer/);
      await refused({ dueAt: 'tomorrow' }, /“dueAt” must match format/);
      await refused({ colour: 'red' }, /“colour” is not a known field/);
      await refused({ checklist: [{ text: 'a' }] }, /“checklist\/0\/done” is missing/);
      await refused({ id: 'abc' }, /“id” must be: A UUID/);

      const both = await client.post(newOrder({ title: '', priority: 9 }));
      assert.deepEqual(both.body.errors.map((error) => error.pointer).sort(), [
        '#/priority',
        '#/title',
        '#/title',
      ]);
      assertProblem(await client.post([]), 422, /The body must be object/);
      assertProblem(await client.request('POST', '/api/orders'), 422, /The body must be object/);

      const order = newOrder();
      await client.post(order);
      const elsewhere = { body: { ...order, id: randomUUID() } };
      assertProblem(
        await client.request('PUT', `/api/orders/${order.id}`, elsewhere),
        422,
        /one in the path/,
      );
    });

    test('refuses what is not JSON', async () => {
      assertProblem(await client.post('{"title":'), 400, /JSON/i);
      assertProblem(await client.post('{"__proto__":{}}'), 400, /proto/);
      const text = { 'content-type': 'text/plain' };
      assertProblem(await client.post('hello', undefined, text), 415, /application\/json/);
    });

    test('takes a body of 1 MiB and refuses a larger one', async () => {
      const order = newOrder({ notes: '' });
      const room = 1024 * 1024 - JSON.stringify(order).length;
      assert.equal((await client.post({ ...order, notes: 'a'.repeat(room) })).status, 201);
      const large = { ...newOrder(), notes: 'a'.repeat(room + 1) };
      assertProblem(await client.post(large), 413, /1 MiB/);
    });

    test('honours If-Match', async () => {
      const order = newOrder();
      const { etag } = await client.post(order);
      const later = { ...order, updatedAt: '2026-11-22T11:30:00.000Z' };
      assertProblem(await client.put(later, undefined, { 'if-match': '"0"' }), 412, /repeat/);
      assertProblem(await client.put(later, undefined, { 'if-match': `W/${etag}` }), 412, /repeat/);
      assertProblem(await client.delete(order.id, undefined, { 'if-match': '"0"' }), 412, /repeat/);
      const replaced = await client.put(later, undefined, { 'if-match': `"0", ${etag}` });
      assert.equal(replaced.status, 200);
      const outdated = await client.delete(order.id, undefined, { 'if-match': etag });
      assertProblem(outdated, 412, /repeat/);
      assert.equal(outdated.etag, replaced.etag);
      assert.equal((await client.delete(order.id, undefined, { 'if-match': '*' })).status, 204);
    });

    test('answers 304 for what the client knows', async () => {
      const order = newOrder();
      const { etag } = await client.post(order);
      const again = await client.get(`/api/orders/${order.id}`, { 'if-none-match': etag });
      assert.deepEqual([again.status, again.text], [304, '']);
      const list = await client.get('/api/orders?limit=1');
      const same = await client.get('/api/orders?limit=1', { 'if-none-match': list.etag });
      assert.equal(same.status, 304);
    });

    test('keeps the later of two changes and shows it to who made the earlier', async () => {
      const order = newOrder();
      await client.post(order);
      const later = { ...order, title: 'Later', updatedAt: '2026-11-22T11:30:00.002Z' };
      const { etag } = await client.put(later);
      const earlier = { ...order, title: 'Earlier', updatedAt: '2026-11-22T11:30:00.001Z' };
      const answer = await client.put(earlier);
      assert.deepEqual([answer.status, answer.body.title, answer.etag], [200, 'Later', etag]);
      // The same instant, written in another time zone, is not earlier.
      const same = { ...order, title: 'Same', updatedAt: '2026-11-22T13:30:00.002+02:00' };
      assert.equal((await client.put(same)).body.title, 'Same');
    });

    test('pulls changes page by page, with tombstones, each order once', async () => {
      const { cursor: start } = await drain('0');
      const [a, b, c, d] = [newOrder(), newOrder(), newOrder(), newOrder()];
      for (const order of [a, b, c, d]) await client.post(order);
      await client.delete(b.id);
      await client.put({ ...a, title: 'Changed', updatedAt: '2026-11-22T11:00:00.001Z' });

      const first = (await client.get(`/api/orders?since=${start}&limit=3`)).body;
      assert.deepEqual(first.records.map((record) => record.id), [c.id, d.id]);
      assert.deepEqual([first.deleted, first.more], [[b.id], true]);
      const second = (await client.get(`/api/orders?since=${first.cursor}&limit=3`)).body;
      assert.deepEqual(second.records.map((record) => record.title), ['Changed']);
      assert.deepEqual([second.deleted, second.more], [[], false]);
      const third = (await client.get(`/api/orders?since=${second.cursor}`)).body;
      assert.deepEqual(third, { records: [], deleted: [], cursor: second.cursor, more: false });

      assertProblem(await client.get('/api/orders?since=x'), 422, /“since” must be: The cursor/);
      assertProblem(await client.get('/api/orders?limit=0'), 422, /“limit” must be >= 1/);
      assertProblem(await client.get('/api/orders?limit=1001'), 422, /“limit” must be <= 1000/);
      assertProblem(await client.get('/api/orders?page=2'), 422, /“page” is not a known field/);
    });

    async function drain(since) {
      const { body } = await client.get(`/api/orders?since=${since}&limit=1000`);
      return body.more ? drain(body.cursor) : body;
    }

    test('skips no change in a pull while others write', async () => {
      let { cursor } = await drain('0');
      const orders = Array.from({ length: 60 }, () => newOrder());
      const seen = new Set();
      const writing = Promise.all(orders.map((order) => client.post(order, randomUUID())));
      const pull = async () => {
        const { body } = await client.get(`/api/orders?since=${cursor}&limit=7`);
        for (const record of body.records) seen.add(record.id);
        cursor = body.cursor;
        return body.more;
      };
      for (let i = 0; i < 40; i += 1) await pull();
      await writing;
      while (await pull());
      assert.deepEqual(orders.filter((order) => !seen.has(order.id)), []);
    });

    describe('Idempotency-Key', () => {
      test('gives the stored answer to the same request', async () => {
        const order = newOrder();
        const key = randomUUID();
        const first = await client.post(order, key);
        const second = await client.post(order, key);
        assert.deepEqual(
          [second.status, second.text, second.etag, second.headers.get('location')],
          [201, first.text, first.etag, first.headers.get('location')],
        );
        const removal = randomUUID();
        assert.equal((await client.delete(order.id, removal)).status, 204);
        assert.equal((await client.delete(order.id, removal)).status, 204);
        // The create is not repeated, though its order is gone.
        assert.deepEqual((await client.post(order, key)).text, first.text);
        assert.equal((await client.get(`/api/orders/${order.id}`)).status, 404);
      });

      test('does not bring back an older change', async () => {
        const order = newOrder();
        await client.post(order);
        const key = randomUUID();
        const one = { ...order, title: 'One', updatedAt: '2026-11-22T11:00:01.000Z' };
        await client.put(one, key);
        await client.put({ ...order, title: 'Two', updatedAt: '2026-11-22T11:00:02.000Z' });
        assert.equal((await client.put(one, key)).body.title, 'One');
        assert.equal((await client.get(`/api/orders/${order.id}`)).body.title, 'Two');
      });

      test('stores refusals too', async () => {
        const order = newOrder();
        const key = randomUUID();
        const refused = await client.put(order, key);
        await client.post(order);
        assert.deepEqual((await client.put(order, key)).text, refused.text);
        assertProblem(refused, 404, /no order/);
      });

      test('refuses another request under the same key', async () => {
        const order = newOrder();
        const key = randomUUID();
        await client.post(order, key);
        const reused = /another request/;
        assertProblem(await client.post({ ...order, title: 'Other' }, key), 422, reused);
        assertProblem(await client.put(order, key), 422, reused);
        assertProblem(await client.delete(order.id, key), 422, reused);
        assert.equal((await client.get(`/api/orders/${order.id}`)).body.title, order.title);
      });

      test('leaves the key free when the request was not valid', async () => {
        const order = newOrder();
        const key = randomUUID();
        assert.equal((await client.post({ ...order, priority: 9 }, key)).status, 422);
        assert.equal((await client.post(order, key)).status, 201);
      });

      test('may be bare, and belongs to its user', async () => {
        const key = randomUUID();
        const order = newOrder();
        const bare = { 'idempotency-key': key };
        const ada = { authorization: 'Bearer ada' };
        assert.equal((await client.post(order, undefined, bare)).status, 201);
        assert.equal((await client.post(order, key)).status, 201);
        assert.equal((await client.post(order, key, ada)).status, 409);
        assert.equal((await client.post(newOrder(), key, { authorization: 'Bearer bo' })).status, 201);
      });

      test('is refused when malformed', async () => {
        for (const header of ['""', '"a', 'a b', 'ä', `"${'a'.repeat(256)}"`]) {
          const answer = await client.post(newOrder(), undefined, { 'idempotency-key': header });
          assertProblem(answer, 400, /Idempotency-Key must be/);
        }
      });

      test('is kept for 24 hours', async () => {
        const order = newOrder();
        const key = randomUUID();
        await client.post(order, key);
        now = noon + 24 * hour - 1;
        assert.equal((await client.post(order, key)).status, 201);
        now = noon + 24 * hour;
        assertProblem(await client.post(order, key), 409, /id .* was used/);
        now = noon;
      });

      test('has one effect among 2 × 50 identical requests at once', async () => {
        const requests = [newOrder(), newOrder()].map((order) => ({ order, key: randomUUID() }));
        const before = (await drain('0')).cursor;
        const answers = await Promise.all(
          requests.flatMap(({ order, key }) =>
            Array.from({ length: 50 }, () => client.post(order, key)),
          ),
        );
        const statuses = new Set(answers.map((answer) => answer.status));
        assert.deepEqual([...statuses].filter((status) => ![201, 409].includes(status)), []);
        for (const answer of answers.filter(({ status }) => status === 409)) {
          assert.match(answer.body.type, /in-progress/);
          assert.equal(answer.headers.get('retry-after'), '1');
        }
        for (const { order, key } of requests) {
          assert.deepEqual((await client.post(order, key)).body, { ...defaults, ...order });
          const entries = server.log().filter((entry) => entry.key === key);
          assert.equal(entries.length, 51);
          assert.equal(entries.filter((entry) => entry.effect === 'applied').length, 1);
        }
        assert.equal(Number((await drain('0')).cursor), Number(before) + 2);
      });
    });

    test('lets pages of the configured origin read what they need', async () => {
      const origin = { origin: 'https://app.example' };
      const answer = await client.get('/api/orders?limit=1', origin);
      assert.equal(answer.headers.get('access-control-allow-origin'), 'https://app.example');
      assert.equal(
        answer.headers.get('access-control-expose-headers'),
        'ETag, Retry-After, Date, Location',
      );
      const preflight = await client.request('OPTIONS', '/api/orders', {
        headers: {
          ...origin,
          'access-control-request-method': 'PUT',
          'access-control-request-headers': 'idempotency-key, if-match',
        },
      });
      assert.equal(preflight.status, 204);
      assert.match(preflight.headers.get('access-control-allow-methods') ?? '', /PUT/);
      assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /idempotency-key/);
    });

    test('describes itself', async () => {
      const { status, body } = await client.get('/api/openapi.json');
      assert.deepEqual([status, body.openapi], [200, '3.1.0']);
      assert.deepEqual(Object.keys(body.paths), ['/api/health', '/api/orders', '/api/orders/{id}']);
      assert.deepEqual(Object.keys(body.paths['/api/orders/{id}']), ['get', 'put', 'delete']);
      assert.deepEqual(Object.keys(body.components.schemas), ['Order', 'OrderInput', 'Problem']);
      const { body: order } = await client.post({ title: 'Described' });
      assert.deepEqual(body.components.schemas.Order.required, Object.keys(order));
    });

    test('logs each request as it was received', async () => {
      await client.request('DELETE', '/control/log');
      const order = newOrder();
      const key = randomUUID();
      const ada = { authorization: 'Bearer ada' };
      await client.post(order, key, ada);
      await client.post(order, key, ada);
      await client.post('{"title":');
      await client.get('/api/orders?limit=1');
      await client.delete(order.id);

      const entries = await client.log();
      const [first] = entries;
      const common = {
        at: new Date(noon).toISOString(),
        owner: 'anonymous',
        key: null,
        body: null,
        effect: 'none',
        cut: false,
      };
      const post = { ...common, method: 'POST', path: '/api/orders' };
      const keyed = { ...post, owner: 'ada', key, body: order, status: 201 };
      const path = `/api/orders/${order.id}`;
      const expected = [
        { ...keyed, effect: 'applied' },
        { ...keyed, effect: 'replayed' },
        { ...post, body: '{"title":', status: 400 },
        { ...common, method: 'GET', path: '/api/orders?limit=1', status: 200 },
        { ...common, method: 'DELETE', path, status: 204, effect: 'applied' },
      ].map((entry, index) => ({ order: first.order + index, ...entry }));
      assert.deepEqual(entries, expected);
      assert.deepEqual(server.log(), expected);
    });
  });

  describe('a server with switches', () => {
    let server, client;
    before(async () => {
      server = await startServer({ database: await createDatabase(), control: true });
      client = clientOf(server.url);
    });
    after(() => server?.close());

    test('is healthy until it is switched not to be', async () => {
      const healthy = await client.get('/api/health');
      assert.deepEqual([healthy.status, healthy.body], [200, { status: 'ok' }]);
      assert.match(healthy.headers.get('content-type') ?? '', /^application\/json/);
      assert.equal(healthy.headers.get('cache-control'), 'no-store');
      await client.control({ health: 503 });
      assertProblem(await client.get('/api/health'), 503, /switch/);
      await client.control({ health: 200 });
      assert.equal((await client.get('/api/health')).status, 200);
    });

    test('shows its switches, changes the ones that are given, and refuses what is none', async () => {
      const shown = {
        health: 200,
        fail: null,
        cutAnswers: 'none',
        delayMs: 0,
        captivePortal: false,
        offline: false,
      };
      assert.deepEqual((await client.get('/control')).body, shown);
      assert.deepEqual((await client.control({ delayMs: 1 })).body, { ...shown, delayMs: 1 });
      assert.deepEqual((await client.control({ delayMs: 0 })).body, shown);
      assertProblem(await client.control({ onfire: true }), 422, /“onfire” is not a known field/);
      assertProblem(await client.control({ fail: { status: 200 } }), 422, /“fail\/status”/);
      const text = { 'content-type': 'text/plain' };
      const foreign = { body: '{"health":503}', headers: text };
      assert.equal((await client.request('POST', '/control', foreign)).status, 415);
    });

    test('fails the requests that match, as often as it is told, without touching an order', async () => {
      const order = newOrder({ title: 'Boiler, flat 3B' });
      const match = { method: 'POST', path: '/api/orders', titleContains: 'flat 3B' };
      await client.control({ fail: { status: 503, retryAfter: 7, times: 2, match } });
      assert.equal((await client.get('/api/health')).status, 200);
      assert.equal((await client.get('/api/orders?limit=1')).status, 200);
      assert.equal((await client.post(newOrder())).status, 201);
      const key = randomUUID();
      for (let i = 0; i < 2; i += 1) {
        const failed = await client.post(order, key);
        assertProblem(failed, 503, /switch/);
        assert.equal(failed.headers.get('retry-after'), '7');
      }
      assert.equal((await client.get('/control')).body.fail, null);
      assert.equal((await client.get(`/api/orders/${order.id}`)).status, 404);
      assert.equal((await client.post(order, key)).status, 201);

      await client.control({ fail: { status: 422 } });
      assertProblem(await client.delete(order.id), 422, /switch/);
      await client.control({ fail: null });
      assert.equal((await client.delete(order.id)).status, 204);
    });

    test('cuts the first answer under each key after the effect is committed', async () => {
      await client.control({ cutAnswers: 'first' });
      await client.request('DELETE', '/control/log');
      const order = newOrder();
      const key = randomUUID();
      await assert.rejects(client.post(order, key), /fetch failed/);
      assert.equal((await client.get(`/api/orders/${order.id}`)).status, 200);
      const second = await client.post(order, key);
      assert.deepEqual([second.status, second.body], [201, { ...defaults, ...order }]);
      // What leaves no key is never cut: it would be cut for ever.
      assert.equal((await client.post({}, randomUUID())).status, 422);
      assert.equal((await client.post(newOrder())).status, 201);
      await client.control({ cutAnswers: 'none' });

      const entries = (await client.log()).filter((entry) => entry.key === key);
      assert.deepEqual(
        entries.map(({ status, effect, cut }) => ({ status, effect, cut })),
        [
          { status: 201, effect: 'applied', cut: true },
          { status: 201, effect: 'replayed', cut: false },
        ],
      );
    });

    test('says that a key is in progress while its answer is still on the way', async () => {
      await client.control({ delayMs: 300 });
      const order = newOrder();
      const key = randomUUID();
      const slow = client.post(order, key);
      while (!server.log().some((entry) => entry.key === key && entry.effect === 'applied')) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      const running = await client.post(order, key);
      assertProblem(running, 409, /still running/);
      assert.equal(running.body.type, 'urn:problem-type:idempotency-key-in-progress');
      assert.equal((await slow).status, 201);
      await client.control({ delayMs: 0 });
      assert.equal((await client.post(order, key)).status, 201);
    });

    test('answers as a captive portal would', async () => {
      await client.control({ captivePortal: true });
      for (const path of ['/api/health', '/api/orders', '/api/nowhere']) {
        const answer = await client.get(path);
        assert.equal(answer.status, 200);
        assert.match(answer.headers.get('content-type') ?? '', /^text\/html/);
      }
      const order = newOrder();
      assert.equal((await client.post(order, randomUUID())).status, 200);
      await client.control({ captivePortal: false });
      assert.equal((await client.get(`/api/orders/${order.id}`)).status, 404);
    });

    test('is gone while it is offline, but for the controls, and receives nothing', async () => {
      await client.control({ delayMs: 60_000 });
      const order = newOrder();
      const waiting = client.post(order, randomUUID());
      while (!server.log().some((entry) => entry.effect === 'applied' && entry.body?.id === order.id)) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      const cut = assert.rejects(waiting, /fetch failed/);
      await client.request('DELETE', '/control/log');
      await client.control({ offline: true, delayMs: 0 });
      await cut;
      await assert.rejects(client.get('/api/health'), /fetch failed/);
      await assert.rejects(client.get('/'), /fetch failed/);
      assert.equal((await client.get('/control')).body.offline, true);
      assert.deepEqual(await client.log(), []);
      await client.control({ offline: false });
      assert.equal((await client.get(`/api/orders/${order.id}`)).status, 200);
    });
  });

  test('two servers on one set of data do not exist, or have one effect a key between them', async () => {
    const database = await createDatabase();
    const first = await startServer({ database });
    try {
      if (!database.startsWith('postgres:')) return;
      const second = await startServer({ database });
      const order = newOrder();
      const key = randomUUID();
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, i) => clientOf([first, second][i % 2].url).post(order, key)),
      );
      await second.close();
      const statuses = new Set(answers.map(({ status }) => status));
      assert.deepEqual([...statuses].filter((status) => ![201, 409].includes(status)), []);
      const log = [...first.log(), ...second.log()];
      assert.equal(log.filter(({ effect }) => effect === 'applied').length, 1);
    } finally {
      await first.close();
    }
  });

  test('starts with believable orders, the same ones each time, and only once', async () => {
    const database = await createDatabase();
    const server = await startServer({ database, seed: 500, now: () => noon });
    const client = clientOf(server.url);
    const { body } = await client.get('/api/orders?limit=1000');
    assert.equal(body.records.length, 500);
    const text = JSON.stringify(body.records);
    for (const script of ['Latin', 'Arabic', 'Devanagari', 'Han', 'Emoji_Presentation']) {
      const property = script.startsWith('Emoji') ? script : `Script=${script}`;
      assert.match(text, new RegExp(`\\p{${property}}`, 'u'), script);
    }
    assert.equal(new Set(body.records.map(({ id }) => id)).size, 500);
    // Each passes the API's own validation.
    for (const record of body.records) {
      const put = await client.put({ ...record, updatedAt: '2026-11-22T12:00:00.000Z' });
      assert.equal(put.status, 200, put.text);
    }
    await server.close();
  });
}

describe('over the embedded PostgreSQL', () => {
  proveServer(async () => 'memory://');

  describe('in a folder', () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-demo-'));
    after(() => rmSync(folder, { recursive: true }));

    test('keeps orders, keys and deletions through a restart', async () => {
      const database = join(folder, 'restart');
      let server = await startServer({ database, seed: 3 });
      const order = newOrder();
      const key = randomUUID();
      const created = await clientOf(server.url).post(order, key);
      const { body } = await clientOf(server.url).get('/api/orders');
      await clientOf(server.url).delete(body.records[0].id);
      await server.close();

      server = await startServer({ database, seed: 3 });
      const client = clientOf(server.url);
      assert.deepEqual((await client.post(order, key)).text, created.text);
      const page = (await client.get('/api/orders')).body;
      assert.deepEqual(page.deleted, [body.records[0].id]);
      assert.equal(page.records.length, 3);
      await server.close();
    });

    test('keeps what it answered when it is killed, and starts again', async () => {
      const database = join(folder, 'killed');
      const main = fileURLToPath(new URL('../../demo/server/main.mjs', import.meta.url));
      const child = spawn(process.execPath, [main], {
        env: { ...process.env, PORT: '0', DATABASE_URL: undefined, HOLDFAST_DEMO_DATA: database },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const order = newOrder();
      const key = randomUUID();
      let created;
      try {
        const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
        const [, url] = /^Holdfast demo: (http:\S+) \(PGlite in .*killed.*\)\n$/.exec(line) ?? [];
        created = await clientOf(url).post(order, key);
        assert.equal(created.status, 201);
        await assert.rejects(startServer({ database }), /in use by process/);
      } finally {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }

      const server = await startServer({ database });
      const client = clientOf(server.url);
      assert.deepEqual((await client.post(order, key)).text, created.text);
      assert.equal((await client.get('/api/orders?limit=1000')).body.records.length, 501);
      await server.close();
    });

    test('lets no second server in', async () => {
      const database = join(folder, 'shared');
      const server = await startServer({ database });
      await assert.rejects(startServer({ database }), /in use by process/);
      await server.close();
      await (await startServer({ database })).close();
    });
  });

  describe('with pages', () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-pages-'));
    let server, client;
    before(async () => {
      mkdirSync(join(folder, 'assets'));
      for (const [name, text] of Object.entries({
        'index.html': '<!doctype html><title>Orders</title>',
        'sw.js': 'self.skipWaiting()',
        'manifest.webmanifest': '{}',
        'assets/holdfast.wasm': '\0asm',
        'assets/app.css': 'a{}',
      })) {
        writeFileSync(join(folder, name), text);
      }
      server = await startServer({ staticDir: folder });
      client = clientOf(server.url);
    });
    after(async () => {
      await server?.close();
      rmSync(folder, { recursive: true });
    });

    test('serves each file as what it is, under a strict policy, never stale', async () => {
      for (const [path, type] of [
        ['/', /^text\/html/],
        ['/sw.js', /^text\/javascript/],
        ['/manifest.webmanifest', /^application\/manifest\+json/],
        ['/assets/holdfast.wasm', /^application\/wasm/],
        ['/assets/app.css', /^text\/css/],
      ]) {
        const { status, headers, etag } = await client.get(path);
        assert.equal(status, 200);
        assert.match(headers.get('content-type') ?? '', type);
        assert.equal(headers.get('cache-control'), 'no-cache');
        assert.match(
          headers.get('content-security-policy') ?? '',
          /default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self';/,
        );
        assert.equal((await client.get(path, { 'if-none-match': etag })).status, 304);
      }
    });

    test('answers the index for the routes of the app, and for nothing else', async () => {
      const route = await client.get('/orders/0192?from=list');
      assert.deepEqual([route.status, route.text], [200, '<!doctype html><title>Orders</title>']);
      assert.match(route.headers.get('content-security-policy') ?? '', /wasm-unsafe-eval/);
      assertProblem(await client.get('/assets/gone.js'), 404, /no GET/);
      assertProblem(await client.get('/api/gone'), 404, /openapi/);
    });

    test('has no controls unless it is told to', async () => {
      for (const path of ['/control', '/control/log']) {
        assertProblem(await client.get(path), 404, /no GET/);
        assertProblem(await client.request('POST', path, { body: {} }), 404, /no POST/);
      }
    });
  });
});

const programs = findPostgres();
const skip = programs ? false : 'no /usr/lib/postgresql on this machine';
describe('over a real PostgreSQL', { skip }, () => {
  /** @type {Awaited<ReturnType<typeof startPostgres>>} */
  let postgres;
  before(async () => {
    postgres = await startPostgres(/** @type {string} */ (programs));
  });
  after(() => postgres?.stop());
  proveServer(() => postgres.createDatabase());

  test('answers 503 while it is away, and carries on when it is back', async () => {
    const own = await startPostgres(/** @type {string} */ (programs));
    const server = await startServer({ database: await own.createDatabase() });
    const client = clientOf(server.url);
    assert.equal((await client.post(newOrder(), randomUUID())).status, 201);
    await own.stop();
    const away = await client.post(newOrder(), randomUUID());
    assertProblem(away, 503, /database does not answer/);
    assert.equal(away.headers.get('retry-after'), '5');
    await server.close();
  });
});
