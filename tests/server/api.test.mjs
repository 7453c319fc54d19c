// The REST API: what each request is answered.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { startServer } from '../../demo/server/server.mjs';
import { assertProblem, clientOf, defaults, newOrder, noon, overEachDatabase } from './fixture.mjs';

overEachDatabase(createDatabase => {
  let server, client;
  before(async () => {
    server = await startServer({
      database: await createDatabase(),
      now: () => noon,
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
    assert.deepEqual(both.body.errors.map(error => error.pointer).sort(), [
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
    assertProblem(await client.post('{"__proto__":{}}'), 400, /JSON/);
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
    assert.deepEqual(
      first.records.map(record => record.id),
      [c.id, d.id],
    );
    assert.deepEqual([first.deleted, first.more], [[b.id], true]);
    const second = (await client.get(`/api/orders?since=${first.cursor}&limit=3`)).body;
    assert.deepEqual(
      second.records.map(record => record.title),
      ['Changed'],
    );
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
    const writing = Promise.all(orders.map(order => client.post(order, randomUUID())));
    const pull = async () => {
      const { body } = await client.get(`/api/orders?since=${cursor}&limit=7`);
      for (const record of body.records) seen.add(record.id);
      cursor = body.cursor;
      return body.more;
    };
    for (let i = 0; i < 40; i += 1) await pull();
    await writing;
    while (await pull());
    assert.deepEqual(
      orders.filter(order => !seen.has(order.id)),
      [],
    );
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
    assert.deepEqual(Object.keys(body.paths).sort(), [
      '/api/batch',
      '/api/health',
      '/api/notes',
      '/api/notes/{id}',
      '/api/orders',
      '/api/orders/{id}',
      '/api/sign-in',
    ]);
    for (const path of ['/api/orders/{id}', '/api/notes/{id}']) {
      assert.deepEqual(Object.keys(body.paths[path]), ['get', 'put', 'delete']);
    }
    const schemas = ['Order', 'OrderInput', 'Note', 'NoteInput', 'Problem'];
    assert.deepEqual(Object.keys(body.components.schemas), schemas);
    const { responses } = body.paths['/api/batch'].post;
    assert.deepEqual(Object.keys(responses), ['200', '413', '422', 'default']);
    const { body: order } = await client.post({ title: 'Described' });
    assert.deepEqual(body.components.schemas.Order.required, Object.keys(order));
  });
});
