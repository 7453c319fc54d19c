// The switches and the request log.

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
      control: true,
      seed: 500,
      now: () => noon,
    });
    client = clientOf(server.url);
  });
  after(() => server?.close());

  test('starts with valid orders in many scripts', async () => {
    const { body } = await client.get('/api/orders?limit=1000');
    assert.equal(body.records.length, 500);
    assert.equal(new Set(body.records.map(({ id }) => id)).size, 500);
    const text = JSON.stringify(body.records);
    assert.match(text, /\p{Script=Arabic}/u);
    assert.match(text, /\p{Script=Devanagari}/u);
    assert.match(text, /\p{Script=Han}/u);
    assert.match(text, /\p{Emoji_Presentation}/u);
    assert.match(text, /[àçéłšüżŻÓĐ]/);
    for (const record of body.records.slice(0, 50)) {
      assert.deepEqual((await client.put(record)).body, record);
    }
  });

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

  test('shows its switches, changes those given, and refuses what is none', async () => {
    const shown = {
      health: 200,
      fail: null,
      refuse: null,
      signIn: 'optional',
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

  test('fails what matches, as often as it is told, without an effect', async () => {
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

  test('refuses the changes of one record, as long as it has the title that it had', async () => {
    const order = newOrder({ title: 'Boiler' });
    const refuse = { id: order.id, title: order.title };
    await client.control({ refuse });
    const key = randomUUID();
    const refused = await client.post(order, key);
    assertProblem(refused, 422, /“title” is refused/);
    assert.deepEqual(
      refused.body.errors.map(({ pointer }) => pointer),
      ['#/title'],
    );
    assert.equal((await client.post(newOrder({ title: 'Boiler' }))).status, 201);
    assert.equal((await client.get(`/api/orders/${order.id}`)).status, 404);
    const mended = { ...order, title: 'Boiler, flat 3B' };
    assert.equal((await client.post(mended, key)).status, 201);
    assertProblem(await client.put({ ...order, notes: 'Again' }), 422, /“title” is refused/);
    assertProblem(await client.delete(order.id), 422, /switch/);
    assert.equal((await client.get(`/api/orders/${order.id}`)).body.title, mended.title);

    await client.control({ refuse: { id: order.id } });
    assertProblem(await client.put(mended), 422, /switch/);
    await client.control({ refuse: null });
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

    const entries = (await client.log()).filter(entry => entry.key === key);
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
    while (!server.log().some(entry => entry.key === key && entry.effect === 'applied')) {
      await new Promise(resolve => setImmediate(resolve));
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
    while (!server.log().some(entry => entry.effect === 'applied' && entry.body?.id === order.id)) {
      await new Promise(resolve => setImmediate(resolve));
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
      batch: null,
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
