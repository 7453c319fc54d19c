import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { after, before, test } from 'node:test';

import { units } from './units.mjs';

const { systemClock, transport } = units;

let server;
let origin;
let requests = [];
let reply = () => {};

before(async () => {
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { method, url, headers } = request;
    requests.push({ method, url, headers, body });
    reply(response, request);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${server.address().port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

function over(options = {}) {
  const complaints = [];
  requests = [];
  const {
    send,
    sendBatch,
    probe,
    fetch: page,
  } = transport({
    baseUrl: `${origin}/api`,
    timeoutMs: 2_000,
    healthPath: '/health',
    healthTimeoutMs: 2_000,
    fetch,
    clock: systemClock,
    closed: new AbortController().signal,
    headers: async () => ({}),
    check: async () => true,
    serverId: async () => assert.fail('Nobody asked.'),
    map: async () => assert.fail('Nobody asked.'),
    complain: reason => complaints.push(reason),
    ...options,
  });
  const attempt = async effect => (await send(effect)).outcome;
  /** All parts of a page. */
  const parts = async effect => {
    const found = [];
    for await (const part of page({ path: '/tasks', ...effect })) found.push(part);
    return found;
  };
  return { attempt, send, sendBatch, probe, parts, complaints };
}

const mutation = {
  type: 'send',
  epoch: 1,
  id: 'm1',
  attempt: 1,
  method: 'POST',
  path: '/tasks',
  body: '{"title":"é"}',
};

test("sends method, path, body, the key as a quoted string, and the app's headers", async () => {
  reply = response => {
    response.writeHead(201, {
      'content-type': 'application/json',
      etag: '"7"',
      'retry-after': '3',
    });
    response.end('{"id":"1"}');
  };
  const { attempt } = over({
    headers: async () => ({ authorization: 'Bearer x', 'Idempotency-Key': 'mine' }),
  });
  const before = Date.now();
  const answer = await attempt(mutation);
  assert.ok(answer.date);
  assert.deepEqual(answer, {
    status: 201,
    redirect: false,
    complete: true,
    contentType: 'application/json',
    etag: '"7"',
    retryAfter: '3',
    date: answer.date,
    body: '{"id":"1"}',
    sentAt: answer.sentAt,
    receivedAt: answer.receivedAt,
  });
  assert.ok(before <= answer.sentAt && answer.sentAt <= answer.receivedAt);
  const [{ method, url, headers, body }] = requests;
  assert.deepEqual([method, url, body], ['POST', '/api/tasks', '{"title":"é"}']);
  assert.equal(headers['idempotency-key'], '"m1"');
  assert.equal(headers['content-type'], 'application/json');
  assert.equal(headers.authorization, 'Bearer x');
  assert.equal(headers.accept, 'application/json');
});

test('an answer out of a cache is not dated: it says nothing of the time', async () => {
  reply = response => response.writeHead(200, { age: '30' }).end('{}');
  assert.equal((await over().attempt(mutation)).date, '');
});

test('a request without a body says nothing of its type', async () => {
  reply = response => response.writeHead(204).end();
  const answer = await over().attempt({
    ...mutation,
    method: 'DELETE',
    path: '/tasks/a%40b',
    body: '',
  });
  assert.equal(answer.status, 204);
  assert.equal(answer.complete, true);
  assert.equal(requests[0].url, '/api/tasks/a%40b');
  assert.equal(requests[0].headers['content-type'], undefined);
});

test('a body cut short is known from one that is whole', async () => {
  reply = response => {
    response.writeHead(201, { 'content-type': 'application/json', 'content-length': '100' });
    response.write('{"id":');
    setTimeout(() => response.destroy(), 20);
  };
  const answer = await over().attempt(mutation);
  assert.deepEqual([answer.status, answer.complete, answer.body], [201, false, '']);
});

test('an answer above 8 MiB is not read to its end', async () => {
  reply = response => {
    response.writeHead(200);
    response.on('error', () => {});
    response.end(Buffer.alloc(9 << 20, 32));
  };
  const answer = await over().attempt(mutation);
  assert.deepEqual([answer.status, answer.complete, answer.body], [200, false, '']);
});

test('a redirect is told, not followed', async () => {
  reply = response => response.writeHead(302, { location: `${origin}/elsewhere` }).end('moved');
  const answer = await over().attempt(mutation);
  assert.deepEqual([answer.redirect, answer.body], [true, '']);
  assert.equal(requests.length, 1);
});

test('no server, a reset and silence are told apart from an answer', async () => {
  assert.equal(await over({ baseUrl: 'http://127.0.0.1:1' }).attempt(mutation), 'network');
  reply = response => response.destroy();
  assert.equal(await over().attempt(mutation), 'network');
  reply = () => {};
  assert.equal(await over({ timeoutMs: 50 }).attempt(mutation), 'timeout');
});

test('an answer whose body never ends keeps its status', async () => {
  reply = response => response.writeHead(422).write('{');
  const answer = await over({ timeoutMs: 100 }).attempt(mutation);
  assert.deepEqual([answer.status, answer.complete], [422, false]);
});

test('closing ends what is under way', async () => {
  const closed = new AbortController();
  reply = () => setTimeout(() => closed.abort(), 20);
  assert.equal(await over({ closed: closed.signal }).attempt(mutation), 'network');
});

test('nothing is sent once it is closed, though the headers come', async () => {
  const closed = new AbortController();
  const headers = async () => (closed.abort(), {});
  assert.equal(await over({ closed: closed.signal, headers }).attempt(mutation), 'notSent');
  assert.equal(requests.length, 0);
});

for (const path of [
  '/tasks/..',
  '/tasks/%2e%2E',
  '/tasks/.',
  '/tasks/a\\b',
  '/tasks/a#b',
  '@evil.example/x',
  '/..',
])
  test(`the path ${path} leads elsewhere and is never sent`, async () => {
    const { attempt } = over();
    assert.equal(await attempt({ ...mutation, path }), 'unbuildable');
    assert.equal(requests.length, 0);
  });

test('a method that cannot be is no network error', async () => {
  assert.equal(await over().attempt({ ...mutation, method: 'CONNECT' }), 'unbuildable');
});

for (const [what, headers] of [
  [
    'throw',
    async () => {
      throw new Error('no token');
    },
  ],
  ['hold a line break', async () => ({ authorization: 'a\r\nb: c' })],
  ['hold no text', async () => ({ authorization: 7 })],
  ['have an impossible name', async () => ({ 'a b': 'c' })],
])
  test(`headers that ${what} keep the request here, with a reason`, async () => {
    const { attempt, complaints } = over({ headers });
    assert.equal(await attempt(mutation), 'notSent');
    assert.equal(requests.length, 0);
    assert.equal(complaints.length, 1);
    assert.ok(!complaints[0].includes('b: c'));
  });

test('headers that never come are waited for 10 s', async () => {
  let ring;
  const clock = { now: () => 0, after: (ms, call) => ((ring = [ms, call]), () => {}) };
  const { attempt, complaints } = over({ clock, headers: () => new Promise(() => {}) });
  const sent = attempt(mutation);
  assert.equal(ring[0], 10_000);
  ring[1]();
  assert.equal(await sent, 'notSent');
  assert.match(complaints[0], /did not answer within 10 s/);
});

test('a probe asks the health endpoint, and the app what the answer means', async () => {
  reply = response => response.end('{"ok":false}');
  const asked = [];
  const { probe } = over({ check: async answer => (asked.push(answer.body), false) });
  const { outcome, check } = await probe();
  assert.deepEqual([outcome.status, check, asked], [200, false, ['{"ok":false}']]);
  assert.deepEqual(
    [requests[0].method, requests[0].url, requests[0].body],
    ['GET', '/api/health', ''],
  );
});

test('a check that throws means unreachable', async () => {
  reply = response => response.end('{}');
  const { probe, complaints } = over({
    check: async () => {
      throw new Error('shape');
    },
  });
  assert.equal((await probe()).check, false);
  assert.match(complaints[0], /health\.check failed: shape/);
});

const create = { ...mutation, asks: 'task' };

test("the app is asked for the server's id in a good answer, with its JSON", async () => {
  reply = response => response.writeHead(201).end('{"key":{"no":7},"__proto__":{"x":1}}');
  for (const [told, serverId] of [
    [7, '7'],
    ['a-7', '"a-7"'],
  ]) {
    const asked = [];
    const serverIdOf = async (...question) => (asked.push(question), told);
    const { send, complaints } = over({ serverId: serverIdOf });
    const answer = await send(create);
    assert.deepEqual([answer.serverId, answer.outcome.complete], [serverId, true]);
    assert.deepEqual([asked, complaints], [[['task', { key: { no: 7 } }]], []]);
  }
  for (const [status, body] of [
    [201, ''],
    [200, '<!doctype html>'],
    [422, '{"id":1}'],
  ]) {
    reply = response => response.writeHead(status).end(body);
    const answer = await over().send(create);
    assert.deepEqual([answer.outcome.status, answer.outcome.complete], [status, true]);
    assert.ok(!('serverId' in answer));
  }
});

for (const [what, serverId] of [
  ['throws', () => JSON.parse('')],
  ['tells none', () => undefined],
  ['tells what is none', () => 1.5],
])
  test(`an answer is incomplete if the app ${what} of the server's id`, async () => {
    reply = response => response.writeHead(201).end('{}');
    const { send, complaints } = over({ serverId: async () => serverId() });
    const { outcome, ...rest } = await send(create);
    assert.deepEqual([outcome.status, outcome.complete, rest], [201, false, {}]);
    assert.match(complaints[0], /collections\.task\.serverId told no id: /);
  });

test("the server's id is waited for 10 s", async () => {
  reply = response => response.writeHead(201).end('{}');
  const timers = [];
  const clock = {
    now: () => 0,
    after(ms, ring) {
      timers.push([ms, ring]);
      if (ms === 10_000 && timers.length === 3) queueMicrotask(ring);
      return () => {};
    },
  };
  const { send, complaints } = over({ clock, serverId: () => new Promise(() => {}) });
  assert.equal((await send(create)).outcome.complete, false);
  assert.deepEqual(
    timers.map(([ms]) => ms),
    [10_000, 2_000, 10_000],
  );
  assert.match(complaints[0], /did not answer within 10 s/);
});

test("a batch goes with the app's headers and no key of its own", async () => {
  reply = response => response.end('{"responses":[]}');
  const { sendBatch } = over({ headers: async () => ({ authorization: 'Bearer x' }) });
  const effect = { type: 'sendBatch', epoch: 1, members: [], path: '/batch', body: '{"a":1}' };
  assert.equal((await sendBatch(effect)).body, '{"responses":[]}');
  const [{ method, url, headers, body }] = requests;
  assert.deepEqual([method, url, body], ['POST', '/api/batch', '{"a":1}']);
  assert.deepEqual(
    [headers.authorization, headers['content-type'], headers['idempotency-key']],
    ['Bearer x', 'application/json', undefined],
  );
  const refused = over({ headers: () => Promise.reject(new Error('no token')) });
  assert.equal(await refused.sendBatch(effect), 'notSent');
});

test('a page of a pull keeps its query, and names what is known of it', async () => {
  reply = response => response.end('{"records":[],"cursor":"c"}');
  const path = '/tasks?since=a%2F..%2Fb&limit=500';
  const [page, ...more] = await over().parts({ path, etag: '"7"' });
  assert.deepEqual(more, []);
  assert.deepEqual([page.outcome.body, page.last], ['{"records":[],"cursor":"c"}', true]);
  assert.equal(requests[0].url, '/api/tasks?since=a%2F..%2Fb&limit=500');
  assert.equal(requests[0].headers['if-none-match'], '"7"');
  assert.equal(requests[0].headers['idempotency-key'], undefined);
});

test('a page that has not changed is no redirect', async () => {
  reply = response => response.writeHead(304, { etag: '"7"' }).end();
  const [{ outcome }] = await over().parts({ etag: '"7"' });
  assert.deepEqual([outcome.status, outcome.redirect, outcome.etag], [304, false, '"7"']);
});

const many = Array.from({ length: 250 }, (_, n) => ({ id: `r${n}`, n }));

test('a large page comes in parts, each with what its headers say', async () => {
  reply = response => {
    response.writeHead(200, { 'content-type': 'application/json', etag: '"7"' });
    response.end(JSON.stringify({ more: true, records: many, cursor: 'c' }));
  };
  const parts = await over().parts();
  assert.deepEqual(
    parts.map(({ part, last }) => [part, last]),
    [
      [0, false],
      [1, false],
      [2, true],
    ],
  );
  assert.ok(parts.every(({ outcome }) => outcome.etag === '"7"' && outcome.status === 200));
  const pages = parts.map(({ outcome }) => JSON.parse(outcome.body));
  assert.deepEqual(
    pages.flatMap(({ records }) => records),
    many,
  );
  assert.deepEqual([pages[1].cursor, pages[2].cursor, pages[2].more], [undefined, 'c', true]);
});

test('a page that is cut says so, after what had arrived', async () => {
  reply = response => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1 << 20 });
    response.write(`{"records":${JSON.stringify(many).slice(0, -1)}`, () => response.destroy());
  };
  const parts = await over().parts();
  assert.equal(parts[0].outcome.complete, true);
  assert.deepEqual([parts.at(-1).outcome.complete, parts.at(-1).last], [false, true]);
});

test('a page that is silent for too long is cut, one that is only slow is not', async () => {
  const slow = over({ timeoutMs: 300 });
  reply = async response => {
    for (const piece of ['{"records":[', '{"id":"a"}', '],"cur', 'sor":"c"}']) {
      response.write(piece);
      await new Promise(resolve => setTimeout(resolve, 150));
    }
    response.end();
  };
  assert.equal((await slow.parts()).at(-1).outcome.body, '{"records":[{"id":"a"}],"cursor":"c"}');
  reply = response => response.write('{"records":[');
  assert.equal((await slow.parts()).at(-1).outcome.complete, false);
  reply = () => {};
  assert.equal((await slow.parts()).at(-1).outcome, 'timeout');
});

test("the app's function makes the page, and is to blame where it does not", async () => {
  reply = response => response.end(JSON.stringify({ data: many }));
  const asked = [];
  const maps = async (collection, answer) => {
    asked.push(collection);
    return { records: answer.data, deleted: ['x'], cursor: 9 };
  };
  const parts = await over({ map: maps }).parts({ collection: 'task', maps: true });
  const pages = parts.map(({ outcome }) => JSON.parse(outcome.body));
  assert.deepEqual(asked, ['task']);
  assert.deepEqual(
    pages.flatMap(({ records }) => records),
    many,
  );
  assert.deepEqual(
    pages.map(({ cursor }) => cursor),
    [undefined, undefined, 9],
  );
  for (const [map, flaw] of [
    [async () => Promise.reject(new Error('no data')), /pull\.map gave no page: no data/],
    [async () => ({ items: [] }), /it returned no \{ records: \[…\] \}/],
    [async () => undefined, /it returned no/],
  ]) {
    const { parts, complaints } = over({ map });
    assert.match((await parts({ collection: 'task', maps: true })).at(-1).flaw, flaw);
    assert.match(complaints[0], flaw);
  }
  reply = response => response.writeHead(404).end();
  const [refused] = await over().parts({ collection: 'task', maps: true });
  assert.equal(refused.outcome.status, 404);
});
