// The package as it is built, over memory, in Node, against a real server.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';

import { HoldfastError, openHoldfast } from '../../dist/index.js';

let server;
let baseUrl;
let healthy;
let requests;
let reply;

const writes = () => requests.filter(({ url }) => url !== '/api/health');

before(async () => {
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { method, url, headers } = request;
    requests.push({ method, url, key: headers['idempotency-key'], body, headers });
    if (url === '/api/health') return response.writeHead(healthy ? 200 : 503).end('{}');
    reply(response, { method, url, body });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  baseUrl = `http://127.0.0.1:${server.address().port}/api`;
});

after(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  healthy = true;
  requests = [];
  reply = accept;
});

function accept(response, { method, body }) {
  const status = { POST: 201, PUT: 200, DELETE: 204 }[method];
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(method === 'DELETE' ? undefined : body);
}

function refuse(response) {
  response.writeHead(422, { 'content-type': 'application/problem+json' });
  response.end('{"title":"No such valve","detail":"Valve 7 is gone."}');
}

/** Opens a database of its own, closed when the test ends. */
async function open(t, options = {}) {
  const holdfast = await openHoldfast({
    name: 'memory-test',
    baseUrl,
    collections: { task: { indexes: ['n'] }, note: {} },
    storage: 'memory',
    ...options,
  });
  t.after(() => holdfast.close());
  return { holdfast, tasks: holdfast.collection('task') };
}

/** Resolves with the first event of its type. */
const heard = (holdfast, type) =>
  new Promise(resolve => holdfast.addEventListener(type, resolve, { once: true }));

test('what is written offline is there at once, and arrives in order and once', async t => {
  healthy = false;
  const { holdfast, tasks } = await open(t);
  const first = await tasks.create({ title: 'Replace the valve', n: 1 });
  const second = await tasks.create({ title: 'صمام 阀门 🔧', n: 2 });
  assert.equal((await tasks.update(first.id, { n: 3, done: null })).n, 3);
  await tasks.delete(second.id);
  const third = await tasks.create({ id: 'from:the@app', n: 5 });

  assert.deepEqual(
    { ...(await tasks.get(first.id)), updatedAt: '' },
    {
      id: first.id,
      title: 'Replace the valve',
      n: 3,
      done: null,
      updatedAt: '',
    },
  );
  assert.equal(await tasks.get(second.id), undefined);
  assert.deepEqual(
    (await tasks.list({ orderBy: '-n' })).map(({ n }) => n),
    [5, 3],
  );
  assert.equal(third.$sync.status, 'pending');
  assert.deepEqual(await holdfast.sync(), {
    accepted: 0,
    rejected: 0,
    pending: holdfast.status.get().pending,
    reachable: false,
  });
  assert.deepEqual(writes(), []);
  const keys = (await holdfast.outbox.list()).map(({ id }) => `"${id}"`);

  healthy = true;
  const report = await holdfast.sync();
  assert.deepEqual([report.rejected, report.pending, report.reachable], [0, 0, true]);
  assert.equal(report.accepted, keys.length);
  assert.deepEqual(
    writes()
      .map(({ key }) => key)
      .sort(),
    keys.sort(),
  );
  const ofFirst = writes().filter(({ url, body }) => (url + body).includes(first.id));
  assert.deepEqual(
    ofFirst.map(({ method, url, body }) => [method, url, JSON.parse(body).n]),
    [['POST', '/api/tasks', 3]],
  );
  const ofThird = JSON.parse(writes().find(({ body }) => body.includes('from:the@app')).body);
  assert.deepEqual([ofThird.id, ofThird.n], ['from:the@app', 5]);
  assert.equal((await tasks.get(first.id)).$sync.status, 'synced');
  assert.equal(holdfast.status.get().pending, 0);
  assert.deepEqual(await holdfast.outbox.list(), []);
});

test('a request whose answer was lost is sent again under the same key', async t => {
  let cut = true;
  reply = (response, request) => {
    if (!cut) return accept(response, request);
    cut = false;
    response.destroy();
  };
  const { holdfast, tasks } = await open(t, { backoff: { baseMs: 1, capMs: 1 } });
  const settled = heard(holdfast, 'settled');
  const { id } = await tasks.create({ n: 1 });
  await holdfast.sync();
  assert.equal((await settled).detail.record, id);
  const [first, second] = writes();
  assert.equal(writes().length, 2);
  assert.deepEqual([first.key, first.body], [second.key, second.body]);
});

test("a refused mutation is a dead letter with the server's problem, and can go again", async t => {
  reply = refuse;
  const { holdfast, tasks } = await open(t);
  const buried = heard(holdfast, 'deadletter');
  const { id } = await tasks.create({ n: 1 });
  const { detail } = await buried;
  assert.deepEqual([detail.record, detail.problem.detail], [id, 'Valve 7 is gone.']);
  const record = await tasks.get(id);
  assert.deepEqual([record.$sync.status, record.$sync.error.status], ['failed', 422]);
  const [letter] = await holdfast.deadLetters.list();
  assert.deepEqual([letter.kind, letter.state, letter.change.n], ['create', 'failed', 1]);
  assert.equal(holdfast.status.get().failed, 1);

  reply = accept;
  await holdfast.deadLetters.retry(letter.id);
  await holdfast.sync();
  assert.equal((await tasks.get(id)).$sync.status, 'synced');
  assert.deepEqual(await holdfast.deadLetters.list(), []);
  await assert.rejects(holdfast.deadLetters.retry(letter.id), { code: 'not-found' });
});

test('a dead letter that is discarded takes its record along', async t => {
  reply = refuse;
  const { holdfast, tasks } = await open(t);
  const buried = heard(holdfast, 'deadletter');
  const { id } = await tasks.create({ n: 1 });
  await holdfast.deadLetters.discard((await buried).detail.id);
  assert.equal(await tasks.get(id), undefined);
  assert.equal(holdfast.status.get().failed, 0);
});

test('a pause sends nothing until it is over', async t => {
  const { holdfast, tasks } = await open(t);
  await holdfast.pause();
  await tasks.create({ n: 1 });
  assert.equal((await holdfast.sync()).pending, 1);
  assert.deepEqual([writes().length, holdfast.status.get().waitingFor], [0, 'paused']);
  await holdfast.resume();
  assert.equal((await holdfast.sync()).pending, 0);
  assert.equal(writes().length, 1);
});

test('a sign-in is asked for once, and goes on with new credentials', async t => {
  reply = response => response.writeHead(401).end();
  let token = 'old';
  const { holdfast, tasks } = await open(t, {
    headers: async () => ({ authorization: `Bearer ${token}` }),
  });
  const signin = heard(holdfast, 'signin');
  await tasks.create({ n: 1 });
  await signin;
  assert.equal(holdfast.status.get().waitingFor, 'sign-in');
  reply = accept;
  token = 'new';
  await holdfast.signedIn();
  assert.equal((await holdfast.sync()).pending, 0);
  assert.equal(writes().at(-1).headers.authorization, 'Bearer new');
  assert.equal(writes()[0].key, writes().at(-1).key);
});

test('the app says what a healthy answer is', async t => {
  const asked = [];
  const check = async response => {
    asked.push([response.status, await response.json()]);
    return false;
  };
  const { holdfast, tasks } = await open(t, { health: { check } });
  await tasks.create({ n: 1 });
  assert.equal((await holdfast.sync()).reachable, false);
  assert.deepEqual(asked[0], [200, {}]);
  assert.deepEqual(writes(), []);
});

test('a pull brings what is new, and not what is unsettled', async t => {
  const { holdfast, tasks } = await open(t);
  await holdfast.pause();
  await tasks.create({ id: 'mine', n: 1 });
  await holdfast.resume();
  const records = [
    { id: 'mine', n: 100 },
    { id: 'theirs', n: 200 },
  ];
  reply = (response, request) => {
    if (!request.url.startsWith('/api/tasks?')) return response.writeHead(500).end();
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ records, deleted: [], cursor: 'c1', more: false }));
  };
  await holdfast.pull('task');
  assert.equal((await tasks.get('mine')).n, 1);
  assert.equal((await tasks.get('theirs')).n, 200);
  reply = response => response.writeHead(500).end();
  await assert.rejects(holdfast.pull('task'), error => {
    assert.ok(error instanceof HoldfastError);
    assert.equal(error.code, 'pull-failed');
    return true;
  });
});

for (const [what, call, code] of [
  ['a body that is no object', tasks => tasks.create([]), 'bad-body'],
  ['a value that JSON cannot hold', tasks => tasks.create({ at: new Date(0) }), 'bad-body'],
  ['a bad id', tasks => tasks.create({ id: 'a/b' }), 'bad-id'],
  ['a record over the limit', tasks => tasks.create({ a: 'x'.repeat(1 << 20) }), 'too-large'],
  ['an id that is taken', tasks => tasks.create({ id: 'taken' }), 'exists'],
  ['an update of nothing', tasks => tasks.update('none', { n: 1 }), 'not-found'],
  ['a deletion of nothing', tasks => tasks.delete('none'), 'not-found'],
  ['another id', tasks => tasks.update('taken', { id: 'b' }), 'bad-body'],
  ['a field that is none', tasks => tasks.list({ where: { 'a b': 1 } }), 'bad-query'],
  ['an unknown comparison', tasks => tasks.list({ where: { n: { near: 1 } } }), 'bad-query'],
  ['an undefined condition', tasks => tasks.list({ where: { n: undefined } }), 'bad-query'],
  ['an order that is no name', tasks => tasks.list({ orderBy: [1] }), 'bad-query'],
  ['a limit below 0', tasks => tasks.list({ limit: -1 }), 'bad-query'],
])
  test(`refused with nothing recorded: ${what}`, async t => {
    healthy = false;
    const { holdfast, tasks } = await open(t);
    await tasks.create({ id: 'taken', n: 1 });
    await assert.rejects(call(tasks), error => {
      assert.ok(error instanceof HoldfastError, String(error));
      assert.equal(error.code, code);
      return true;
    });
    assert.equal((await holdfast.outbox.list()).length, 1);
    assert.equal((await tasks.list()).length, 1);
  });

test('a collection that was not declared is an error at once', async t => {
  const { holdfast } = await open(t);
  assert.throws(() => holdfast.collection('tasks'), {
    code: 'unknown-collection',
    message: /task, note/,
  });
});

test('what is called together is one step', async t => {
  healthy = false;
  const { tasks } = await open(t);
  const made = await Promise.all(Array.from({ length: 50 }, (_, n) => tasks.create({ n })));
  assert.deepEqual(
    made.map(({ n }) => n),
    Array.from({ length: 50 }, (_, n) => n),
  );
  assert.equal((await tasks.list({ limit: 1_000 })).length, 50);
});

test('once closed, calls are refused and nothing is sent any more', async t => {
  reply = response => response.writeHead(500).end();
  const { holdfast, tasks } = await open(t, {
    backoff: { baseMs: 1, capMs: 1 },
    maxAttempts: 1_000,
  });
  const pause = ms => new Promise(resolve => setTimeout(resolve, ms));
  await tasks.create({ n: 1 });
  await pause(50);
  const under = tasks.create({ n: 2 });
  await holdfast.close();
  assert.equal((await under).n, 2);
  await assert.rejects(tasks.create({ n: 3 }), { code: 'closed', message: /Nothing was recorded/ });
  await pause(20); // What was on the wire arrives.
  const sent = requests.length;
  assert.ok(sent > 2);
  await pause(100);
  assert.equal(requests.length, sent);
  await holdfast.close();
});

test('without storage in memory, Node is told what to do', async () => {
  const options = { name: 'a', baseUrl, collections: { task: {} } };
  await assert.rejects(openHoldfast(options), { code: 'no-opfs', message: /storage: 'memory'/ });
});

test('a wasm that is not there is told by its address', async () => {
  const options = { name: 'a', baseUrl, collections: { task: {} }, storage: 'memory' };
  healthy = true;
  reply = response => response.writeHead(404).end();
  await assert.rejects(openHoldfast({ ...options, wasmUrl: `${baseUrl}/x.wasm` }), {
    code: 'wasm-load',
    message: /x\.wasm was answered with 404/,
  });
  reply = response =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>');
  await assert.rejects(openHoldfast({ ...options, wasmUrl: `${baseUrl}/x.wasm` }), {
    code: 'wasm-load',
    message: /is not wasm, it came as text\/html/,
  });
});
