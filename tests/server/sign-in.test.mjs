// The sign-in: tokens that are good for a time, and what is answered without one.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { startServer } from '../../demo/server/server.mjs';
import { assertProblem, clientOf, newOrder, noon, overEachDatabase } from './fixture.mjs';

const bearer = token => ({ authorization: `Bearer ${token}` });

overEachDatabase(createDatabase => {
  let now = noon;
  let server, client;
  before(async () => {
    const database = await createDatabase();
    server = await startServer({ database, control: true, now: () => now });
    client = clientOf(server.url);
  });
  after(() => server?.close());

  function assertSignedOut(answer) {
    assertProblem(answer, 401, /Sign in/);
    assert.equal(answer.body.type, 'urn:problem-type:signed-out');
    assert.equal(answer.headers.get('www-authenticate'), 'Bearer');
  }

  test('answers a token that speaks for its user, whatever else is asked', async () => {
    const { status, body } = await client.signIn({ user: 'bo' });
    assert.equal(status, 200);
    assert.equal(body.user, 'bo');
    assert.equal(body.expiresAt, '2026-12-22T12:00:00.000Z');
    const order = newOrder();
    const key = randomUUID();
    assert.equal((await client.post(order, key, bearer(body.token))).status, 201);
    assert.equal(server.log().at(-1).owner, 'bo');
    // A key belongs to the user and not to the token.
    const { body: later } = await client.signIn({ user: 'bo' });
    assert.notEqual(later.token, body.token);
    assert.equal((await client.post(order, key, bearer(later.token))).status, 201);
    assert.equal(server.log().at(-1).effect, 'replayed');
    assertProblem(await client.signIn({ expiresIn: 0 }), 422, /“expiresIn” must be >= 1/);
  });

  test('refuses a token from the moment on that it expires, and has done nothing', async t => {
    t.after(() => void (now = noon));
    const { body } = await client.signIn({ expiresIn: 60 });
    const order = newOrder();
    const key = randomUUID();
    now = noon + 59_999;
    assert.equal((await client.get('/api/orders', bearer(body.token))).status, 200);
    now = noon + 60_000;
    assertSignedOut(await client.post(order, key, bearer(body.token)));
    assertSignedOut(await client.get('/api/orders', bearer(body.token)));
    assertSignedOut(await client.batch([], bearer(body.token)));
    assert.equal((await client.get(`/api/orders/${order.id}`)).status, 404);

    // The same request under the same key goes through after another sign-in.
    const { body: renewed } = await client.signIn();
    assert.equal((await client.post(order, key, bearer(renewed.token))).status, 201);
  });

  test('refuses every token once the control says that they have expired', async () => {
    const { body } = await client.signIn();
    assert.equal((await client.request('POST', '/control/expire')).status, 204);
    assertSignedOut(await client.get('/api/orders', bearer(body.token)));
    assertSignedOut(await client.get('/api/orders', bearer('fieldbook_guessed')));
    const { body: renewed } = await client.signIn();
    assert.equal((await client.get('/api/orders', bearer(renewed.token))).status, 200);
  });

  test('asks nobody for a sign-in until it is switched to', async () => {
    assert.equal((await client.get('/api/orders?limit=1')).status, 200);
    await client.control({ signIn: 'required' });
    assertSignedOut(await client.get('/api/orders?limit=1'));
    assertSignedOut(await client.post(newOrder(), randomUUID(), bearer('ada')));
    assertSignedOut(await client.get('/api/nowhere'));
    for (const path of ['/api/health', '/api/openapi.json']) {
      assert.equal((await client.get(path)).status, 200, path);
    }
    const { body } = await client.signIn();
    assert.equal((await client.get('/api/orders?limit=1', bearer(body.token))).status, 200);
    const member = { key: randomUUID(), method: 'POST', path: '/orders', body: newOrder() };
    const batch = await client.batch([member], bearer(body.token));
    assert.equal(batch.body.responses[0].status, 201);
    await client.control({ signIn: 'optional' });
    assert.equal((await client.post(newOrder())).status, 201);
  });

  test('keeps no token, neither in the log nor in the database', async () => {
    const { body } = await client.signIn();
    await client.get('/api/orders?limit=1', bearer(body.token));
    assert.ok(!JSON.stringify(server.log()).includes(body.token));
    assert.equal(server.log().at(-1).owner, 'ada');
  });
});
