// The Idempotency-Key: one effect and one answer a key.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { startServer } from '../../demo/server/server.mjs';
import { assertProblem, clientOf, defaults, newOrder, noon, overEachDatabase } from './fixture.mjs';

const hour = 60 * 60 * 1000;

overEachDatabase(createDatabase => {
  let now = noon;
  let server, client;
  before(async () => {
    server = await startServer({ database: await createDatabase(), now: () => now });
    client = clientOf(server.url);
  });
  after(() => server?.close());

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

  test('is kept for 24 hours', async t => {
    t.after(() => void (now = noon));
    const order = newOrder();
    const key = randomUUID();
    await client.post(order, key);
    now = noon + 24 * hour - 1;
    assert.equal((await client.post(order, key)).status, 201);
    now = noon + 24 * hour;
    assertProblem(await client.post(order, key), 409, /id .* was used/);
  });

  test('has one effect among 2 × 50 identical requests at once', async () => {
    const requests = [newOrder(), newOrder()].map(order => ({ order, key: randomUUID() }));
    const lastChange = async () => Number((await client.get('/api/orders?limit=1000')).body.cursor);
    const before = await lastChange();
    const answers = await Promise.all(
      requests.flatMap(({ order, key }) =>
        Array.from({ length: 50 }, () => client.post(order, key)),
      ),
    );
    const statuses = new Set(answers.map(answer => answer.status));
    assert.deepEqual(
      [...statuses].filter(status => ![201, 409].includes(status)),
      [],
    );
    for (const answer of answers.filter(({ status }) => status === 409)) {
      assert.match(answer.body.type, /in-progress/);
      assert.equal(answer.headers.get('retry-after'), '1');
    }
    for (const { order, key } of requests) {
      assert.deepEqual((await client.post(order, key)).body, { ...defaults, ...order });
      const entries = server.log().filter(entry => entry.key === key);
      assert.equal(entries.length, 51);
      assert.equal(entries.filter(entry => entry.effect === 'applied').length, 1);
    }
    assert.equal(await lastChange(), before + 2);
  });
});
