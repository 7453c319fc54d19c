// Pulling, through the surface, from a real server.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { accept, heard, lines, startApi } from './api.mjs';

let api;
before(async () => {
  api = await startApi();
});
after(() => api.close());

/** Opens with `pull` for one collection; `reply` answers what is no write. */
async function open(t, pull, reply, options = {}) {
  const collections = { order: { pull, ...options } };
  const hf = await api.open(t, { collections });
  api.reply = asked => (asked.method === 'GET' ? reply(asked) : accept(asked));
  return { hf, orders: hf.collection('order') };
}

const page = (records, rest = {}) => ({ status: 200, body: { records, deleted: [], ...rest } });

test('what is opened is pulled, and says so', async t => {
  const { hf, orders } = await open(t, true, () => page([{ id: 'a' }], { cursor: '1' }));
  const ends = heard(hf, 'pulled');
  while (ends.length === 0) await pause(5);
  assert.deepEqual(ends, [{ collection: 'order', pulled: 1 }]);
  assert.deepEqual(await orders.list(), [{ id: 'a' }]);
  assert.deepEqual([hf.status.get().pulled, hf.status.get().more], [1, false]);
  assert.deepEqual(lines(api.requests), ['GET /orders?limit=500']);
});

test('a change is pulled after it was sent', async t => {
  const { hf } = await open(t, { intervalMs: 0 }, () => page([], { cursor: '1' }));
  const ends = heard(hf, 'pulled');
  while (ends.length === 0) await pause(5);
  await hf.collection('order').create({ id: 'a' });
  await hf.sync();
  await hf.pull('order');
  assert.deepEqual(lines(api.requests), [
    'GET /orders?limit=500',
    'POST /orders',
    'GET /orders?limit=500&since=1',
  ]);
});

test('an unchanged list costs a 304', async t => {
  const reply = ({ headers }) =>
    headers['if-none-match'] === '"7"'
      ? { status: 304 }
      : { status: 200, headers: { etag: '"7"' }, body: [{ id: 'a' }] };
  const { hf, orders } = await open(t, { full: true }, reply);
  await hf.pull();
  assert.deepEqual(await hf.pull(), { pulled: 0 });
  assert.deepEqual(await orders.list(), [{ id: 'a' }]);
  assert.equal(api.requests.at(-1).headers['if-none-match'], '"7"');
});

test('of a list what is missing is deleted, and never when it was cut', async t => {
  let body = [{ id: 'a' }, { id: 'b' }];
  const { hf, orders } = await open(t, { full: true }, () => body && { status: 200, body });
  await hf.pull();
  await orders.update('b', { mine: 1 });
  body = undefined; // The connection is cut.
  await assert.rejects(hf.pull(), { code: 'pull-failed' });
  assert.equal((await orders.list()).length, 2);
  await hf.pause();
  await orders.create({ id: 'c' });
  await hf.resume();
  await hf.sync();
  body = [{ id: 'b', mine: 1 }, { id: 'c' }];
  await hf.pull();
  assert.deepEqual(
    (await orders.list()).map(({ id }) => id),
    ['b', 'c'],
  );
});

test("the app's own endpoint and its own answers", async t => {
  const reply = ({ path }) =>
    path === '/changes?n=2'
      ? { status: 200, body: { data: [{ key: 1 }, { key: 2 }], next: 'x y' } }
      : { status: 200, body: { data: [{ key: 3, gone: true }], next: null } };
  const { hf, orders } = await open(
    t,
    {
      path: '/changes?after={cursor}&n={limit}',
      limit: 2,
      intervalMs: 0,
      map: ({ data, next }) => ({
        records: data.filter(({ gone }) => !gone).map(({ key }) => ({ id: key })),
        deleted: data.filter(({ gone }) => gone).map(({ key }) => key),
        more: next !== null,
        ...(next === null ? {} : { cursor: next }),
      }),
    },
    reply,
  );
  assert.deepEqual(await hf.pull('order'), { pulled: 3 });
  assert.deepEqual(await orders.list(), [{ id: '1' }, { id: '2' }]);
  assert.deepEqual(lines(api.requests), ['GET /changes?n=2', 'GET /changes?after=x%20y&n=2']);
});

test('an app whose function fails is told what it did, and nothing is lost', async t => {
  const warn = t.mock.method(console, 'warn', () => {});
  const map = () => {
    throw new Error('no data in it');
  };
  const { hf } = await open(t, { map, intervalMs: 0 }, () => page([]));
  await assert.rejects(hf.pull('order'), error => {
    assert.equal(error.code, 'pull-failed');
    assert.match(error.message, /pull\.map gave no page: no data in it/);
    assert.match(error.message, /What had arrived is kept/);
    return true;
  });
  assert.match(warn.mock.calls[0].arguments[0], /no data in it/);
});

test('a 401 asks to sign in, once, and new credentials go on', async t => {
  let signedIn = false;
  const reply = () => (signedIn ? page([{ id: 'a' }]) : { status: 401 });
  const { hf, orders } = await open(t, true, reply);
  const asked = heard(hf, 'signin');
  await assert.rejects(hf.pull('order'), { code: 'pull-failed' });
  assert.equal(asked.length, 1);
  assert.equal(hf.status.get().waitingFor, 'sign-in');
  const before = api.requests.length;
  await pause(50);
  assert.equal(api.requests.length, before);
  signedIn = true;
  await hf.signedIn();
  while ((await orders.list()).length === 0) await pause(5);
  assert.equal(asked.length, 1);
});

test('a stuck outbox does not stop pulls', async t => {
  const { hf, orders } = await open(t, { intervalMs: 0 }, () => page([{ id: 'theirs' }]));
  api.reply = asked => (asked.method === 'GET' ? page([{ id: 'theirs' }]) : { status: 422 });
  await orders.create({ id: 'mine' });
  await orders.update('mine', { n: 1 });
  await hf.sync();
  assert.equal(hf.status.get().failed, 1);
  await hf.pull('order');
  assert.equal((await orders.list()).length, 2);
});

test('what is not to be pulled is not', async t => {
  const { hf } = await open(t, false, () => assert.fail('Nobody asked.'));
  await assert.rejects(hf.pull('order'), { code: 'bad-option', message: /pull is false/ });
  assert.deepEqual(await hf.pull(), { pulled: 0 });
});

test('while the API is away a pull says so, and is made up for when it is back', async t => {
  let away = true;
  const { hf, orders } = await open(t, true, () => (away ? { status: 503 } : page([{ id: 'a' }])));
  await assert.rejects(hf.pull('order'), { code: 'pull-failed', message: /answered 503/ });
  away = false;
  await hf.sync();
  while ((await orders.list()).length === 0) await pause(5);
});
