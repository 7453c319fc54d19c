// Batches: each member comes to what it would by itself.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { startServer } from '../../demo/server/server.mjs';
import {
  assertProblem,
  clientOf,
  defaults,
  newNote,
  newOrder,
  noon,
  overEachDatabase,
} from './fixture.mjs';

const post = (order, key = randomUUID()) => ({ key, method: 'POST', path: '/orders', body: order });
const put = (order, key = randomUUID()) => ({
  key,
  method: 'PUT',
  path: `/orders/${order.id}`,
  body: order,
});
const remove = (id, key = randomUUID()) => ({ key, method: 'DELETE', path: `/orders/${id}` });

overEachDatabase(createDatabase => {
  let server, client;
  before(async () => {
    const database = await createDatabase();
    server = await startServer({ database, control: true, now: () => noon });
    client = clientOf(server.url);
  });
  after(() => server?.close());

  test('answers each member in its place as it would be answered by itself', async () => {
    const order = newOrder();
    const note = newNote({ orderId: order.id });
    const { status, body } = await client.batch([
      post(order),
      { key: randomUUID(), method: 'POST', path: '/notes', body: note },
      put({ ...order, title: 'Changed' }),
      remove(randomUUID()),
      post({ ...newOrder(), title: '' }),
      post(order),
    ]);
    assert.equal(status, 200);
    const [created, noted, replaced, gone, invalid, again] = body.responses;
    const stored = { ...defaults, ...order };
    const { etag } = await client.get(`/api/notes/${note.id}`);
    assert.deepEqual([created.status, created.body], [201, stored]);
    assert.equal(created.headers.location, `/api/orders/${order.id}`);
    assert.deepEqual([noted.status, noted.body, noted.headers.etag], [201, note, etag]);
    assert.deepEqual([replaced.status, replaced.body], [200, { ...stored, title: 'Changed' }]);
    assert.deepEqual([gone.status, gone.body.type], [404, 'urn:problem-type:no-such-order']);
    assert.deepEqual([invalid.status, invalid.body.errors[0].pointer], [422, '#/title']);
    assert.deepEqual([again.status, again.body.type], [409, 'urn:problem-type:id-taken']);
    assert.match(gone.headers['content-type'], /^application\/problem\+json/);
  });

  test('leaves the body out where there is none', async () => {
    const order = newOrder();
    await client.post(order);
    const { body } = await client.batch([remove(order.id)]);
    assert.deepEqual(body, { responses: [{ status: 204, headers: {} }] });
  });

  test('knows the keys of single requests, and they those of its members', async () => {
    const [one, two] = [newOrder({ notes: 'a\u00e9\u{1f600}' }), newOrder()];
    const keys = [randomUUID(), randomUUID()];
    // Written in another way, it is still the same change.
    const single = await client.post(JSON.stringify(one, null, 2), keys[0]);
    const first = await client.batch([post(one, keys[0]), post(two, keys[1])]);
    const second = await client.batch([post(two, keys[1]), post(one, keys[0])]);
    assert.deepEqual(first.body.responses[0].body, single.body);
    assert.deepEqual(second.body.responses.toReversed(), first.body.responses);
    assert.equal((await client.post(two, keys[1])).status, 201);

    const reused = await client.batch([post(newOrder(), keys[0]), remove(one.id, keys[1])]);
    for (const { status, body } of reused.body.responses) {
      assert.deepEqual([status, body.type], [422, 'urn:problem-type:idempotency-key-reused']);
    }
    const effects = server.log().filter(({ key }) => key === keys[1]);
    assert.deepEqual(
      effects.map(({ effect }) => effect),
      ['applied', 'replayed', 'replayed', 'none'],
    );
  });

  test('has one effect a key among many batches at once', async () => {
    const members = Array.from({ length: 5 }, () => post(newOrder()));
    const batches = await Promise.all(Array.from({ length: 8 }, () => client.batch(members)));
    for (const { status, body } of batches) {
      assert.equal(status, 200);
      for (const { status } of body.responses) assert.ok([201, 409].includes(status), status);
    }
    for (const { key } of members) {
      const effects = server.log().filter(entry => entry.key === key && entry.effect === 'applied');
      assert.equal(effects.length, 1);
    }
  });

  test('takes 100 members and no more', async () => {
    const members = Array.from({ length: 100 }, () => remove(randomUUID()));
    const { body } = await client.batch(members);
    assert.equal(body.responses.length, 100);
    assertProblem(await client.batch([...members, remove(randomUUID())]), 422, /more than 100/);
    assertProblem(await client.batch([]), 422, /fewer than 1/);
  });

  test('refuses as a whole what is no batch, and carries nothing of it out', async () => {
    const order = newOrder();
    const refused = async (member, detail) =>
      assertProblem(await client.batch([post(order), member]), 422, detail);
    await refused({ ...remove(order.id), key: '' }, /“requests\/1\/key”/);
    await refused({ ...remove(order.id), method: 'GET' }, /“requests\/1\/method”/);
    await refused({ ...remove(order.id), headers: {} }, /“requests\/1\/headers” is not a known/);
    await refused({ key: 'a', method: 'POST' }, /“requests\/1\/path” is missing/);
    assertProblem(await client.request('POST', '/api/batch', { body: {} }), 422, /is missing/);
    const large = { ...order, notes: 'a'.repeat(4 * 1024 * 1024) };
    assertProblem(await client.batch([post(large)]), 413, /4 MiB/);
    assert.equal((await client.get(`/api/orders/${order.id}`)).status, 404);
  });

  test('takes members of 1 MiB each', async () => {
    const [order, larger] = [newOrder(), newOrder()];
    const room = 1024 * 1024 - JSON.stringify({ ...order, notes: '' }).length;
    const { body } = await client.batch([
      post({ ...order, notes: 'a'.repeat(room) }),
      post({ ...larger, notes: 'a'.repeat(room + 1) }),
    ]);
    assert.deepEqual(
      body.responses.map(({ status }) => status),
      [201, 413],
    );
    assert.match(body.responses[1].body.detail, /1 MiB/);
  });

  test('leads nowhere but to records', async () => {
    const paths = [
      '/batch',
      '/sign-in',
      '/../control',
      '/orders/../../control',
      '/orders/%2e%2e/batch',
      '/orders?limit=1',
      '//orders',
      '/ordersx',
      '/orders/a/b',
    ];
    const { body } = await client.batch(
      paths.map(path => ({ key: randomUUID(), method: 'POST', path, body: { requests: [] } })),
    );
    for (const { status } of body.responses) assert.equal(status, 404);
    const patch = { key: randomUUID(), method: 'PATCH', path: '/orders/1', body: {} };
    assert.equal((await client.batch([patch])).body.responses[0].status, 404);
  });

  test('speaks for one user, and quotes the keys of its members', async () => {
    const order = newOrder();
    const member = post(order, 'a "quoted" \\ key');
    const ada = { authorization: 'Bearer ada' };
    assert.equal((await client.batch([member], ada)).body.responses[0].status, 201);
    assert.equal((await client.batch([member], ada)).body.responses[0].status, 201);
    assert.equal((await client.batch([member])).body.responses[0].status, 409);
  });

  test('logs each member with its key and the batch that it came in', async () => {
    await client.request('DELETE', '/control/log');
    const order = newOrder();
    const members = [post(order), remove(randomUUID())];
    await client.batch(members, { authorization: 'Bearer ada' });
    const [batch, ...entries] = await client.log();
    const common = { at: new Date(noon).toISOString(), owner: 'ada', cut: false };
    assert.deepEqual(batch, {
      ...common,
      order: batch.order,
      method: 'POST',
      path: '/api/batch',
      key: null,
      batch: null,
      body: { requests: members },
      status: 200,
      effect: 'none',
    });
    const ofMember = { ...common, batch: batch.order };
    assert.deepEqual(entries, [
      {
        ...ofMember,
        order: batch.order + 1,
        method: 'POST',
        path: '/api/orders',
        key: members[0].key,
        body: order,
        status: 201,
        effect: 'applied',
      },
      {
        ...ofMember,
        order: batch.order + 2,
        method: 'DELETE',
        path: `/api${members[1].path}`,
        key: members[1].key,
        body: null,
        status: 404,
        effect: 'none',
      },
    ]);
  });

  test('fails the members that match, and lets the others through', async () => {
    const [one, two] = [newOrder({ title: 'Boiler, flat 3B' }), newOrder()];
    await client.control({ fail: { status: 503, retryAfter: 7, match: { titleContains: '3B' } } });
    const { body } = await client.batch([post(one), post(two)]);
    await client.control({ fail: null });
    const [failed, created] = body.responses;
    assert.deepEqual([failed.status, failed.headers['retry-after']], [503, '7']);
    assert.equal(created.status, 201);
    assert.equal((await client.get(`/api/orders/${one.id}`)).status, 404);
  });

  test('cuts the answer to a batch once, after its effects are committed', async () => {
    await client.control({ cutAnswers: 'first' });
    const members = [post(newOrder()), post(newOrder())];
    await assert.rejects(client.batch(members), /fetch failed/);
    const again = await client.batch(members);
    await client.control({ cutAnswers: 'none' });
    assert.deepEqual(
      again.body.responses.map(({ status }) => status),
      [201, 201],
    );
    for (const { key } of members) {
      const entries = server.log().filter(entry => entry.key === key);
      assert.deepEqual(
        entries.map(({ effect, cut }) => [effect, cut]),
        [
          ['applied', true],
          ['replayed', false],
        ],
      );
    }
  });

  test('leaves effects and keys together when the server goes in the middle', async () => {
    const members = Array.from({ length: 100 }, () => post(newOrder()));
    const cut = assert.rejects(client.batch(members), /fetch failed/);
    const [{ key }] = members;
    while (!server.log().some(entry => entry.key === key && entry.effect === 'applied')) {
      await new Promise(resolve => setImmediate(resolve));
    }
    await client.control({ offline: true });
    await cut;
    await client.control({ offline: false });
    // What the first batch still does is in progress for the second.
    const isDone = ({ body }) => body.responses.every(({ status }) => status === 201);
    while (!isDone(await client.batch(members)));
    for (const { key } of members) {
      const effects = server.log().filter(entry => entry.key === key && entry.effect === 'applied');
      assert.equal(effects.length, 1);
    }
  });
});
