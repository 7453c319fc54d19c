// The packed package in a bare page: what is promised on the surface, with a real disk, a real
// network and a browser that dies.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { barePage, startBare } from './bare.mjs';
import { makeProfile, startBrowser, until } from './browser.mjs';

const status = (page) => page.evaluate(() => hf.status.get());
const reachable = (page) => until(async () => (await status(page)).reachable, 'reachable');
const drained = (page) =>
  until(async () => (await status(page)).pending === 0, 'the outbox is empty');

async function start(t, options) {
  const server = await startBare(t);
  const profile = await makeProfile(t);
  const browser = await startBrowser(t, profile);
  const page = await barePage(browser, server.url, options);
  return { server, profile, browser, page };
}

test('writes, reads and delivers in a page with a strict CSP', async (t) => {
  const { server, browser, page } = await start(t);
  await reachable(page);
  const created = await page.evaluate(async () => {
    const record = await orders.create(order('Check the boiler'));
    return { record, sync: record.$sync, keys: Object.keys(record) };
  });
  assert.match(created.record.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  assert.equal(created.sync.status, 'pending');
  assert.ok(!created.keys.includes('$sync'));
  await drained(page);
  const { id } = created.record;
  assert.equal((await server.orders())[0].id, id);
  const updated = await page.evaluate((id) => orders.update(id, { priority: 1 }), id);
  assert.equal(updated.priority, 1);
  await drained(page);
  assert.equal((await server.orders())[0].priority, 1);
  assert.equal(
    await page.evaluate(async (id) => (await orders.get(id)).$sync.status, id),
    'synced',
  );
  await page.evaluate((id) => orders.delete(id), id);
  assert.equal(await page.evaluate(async (id) => (await orders.get(id)) ?? 'none', id), 'none');
  await drained(page);
  assert.deepEqual(await server.orders(), []);
  assert.deepEqual(
    server.writes().map(({ method, status }) => `${method} ${status}`),
    ['POST 201', 'PUT 200', 'DELETE 204'],
  );
  const { storage, leader } = await status(page);
  assert.deepEqual({ storage, leader }, { storage: 'opfs', leader: true });
  assert.deepEqual(browser.errors, []);
});

test('an unanswered mutation is sent again under its key after a kill', async (t) => {
  let { server, profile, browser, page } = await start(t);
  await reachable(page);
  await server.control({ delayMs: 60_000 });
  await page.evaluate(() => void orders.create(order('In flight')));
  await until(() => server.writes().length === 1, 'the first attempt has arrived');
  await browser.kill();
  await server.control({ delayMs: 0 });
  browser = await startBrowser(t, profile);
  page = await barePage(browser, server.url);
  await drained(page);
  const [first, ...again] = server.writes();
  assert.ok(again.length >= 1);
  for (const attempt of again) {
    assert.equal(attempt.key, first.key);
    assert.deepEqual(attempt.body, first.body);
  }
  assert.equal((await server.orders()).length, 1);
  assert.equal(server.writes().filter(({ effect }) => effect === 'applied').length, 1);
});

test('a refused mutation is in deadLetters until it is retried or discarded', async (t) => {
  const { server, page } = await start(t);
  await reachable(page);
  await server.control({ fail: { status: 422, match: { method: 'POST' } } });
  const ids = await page.evaluate(async () => {
    const records = [await orders.create(order('One')), await orders.create(order('Two'))];
    return records.map(({ id }) => id);
  });
  await until(async () => (await status(page)).failed === 2, 'both are refused');
  const letters = await page.evaluate(() => hf.deadLetters.list());
  assert.deepEqual(letters.map(({ record }) => record).sort(), [...ids].sort());
  for (const letter of letters) {
    assert.equal(letter.state, 'failed');
    assert.equal(letter.error.status, 422);
    assert.match(letter.error.detail ?? letter.error.title, /failing API/);
  }
  const sync = await page.evaluate(async (id) => (await orders.get(id)).$sync, ids[0]);
  assert.equal(sync.status, 'failed');
  assert.equal(sync.error.status, 422);
  assert.equal(await page.evaluate(() => heard.filter((e) => e.type === 'deadletter').length), 2);

  await server.control({ fail: null });
  const [retried, discarded] = letters;
  await page.evaluate((id) => hf.deadLetters.retry(id), retried.id);
  await page.evaluate((id) => hf.deadLetters.discard(id), discarded.id);
  await drained(page);
  assert.deepEqual((await server.orders()).map(({ id }) => id), [retried.record]);
  const left = await page.evaluate(() => orders.list());
  assert.deepEqual(left.map(({ id }) => id), [retried.record]);
  assert.deepEqual(await page.evaluate(() => hf.deadLetters.list()), []);
  const again = await page.evaluate(
    (id) => attempt(() => hf.deadLetters.retry(id)),
    discarded.id,
  );
  assert.equal(again.code, 'not-found');
});

test('bad input is refused with a clear error, and nothing is recorded', async (t) => {
  const { page } = await start(t);
  const codes = await page.evaluate(async () => {
    await hf.pause();
    const kept = await orders.create(order('Kept'));
    const before = JSON.stringify([await hf.outbox.list(), await orders.list()]);
    const answers = {};
    const refuse = async (name, work) => {
      answers[name] = await attempt(work);
      const after = JSON.stringify([await hf.outbox.list(), await orders.list()]);
      if (after !== before) answers[name] = 'recorded something';
    };
    const cycle = {};
    cycle.self = cycle;
    let deep = 1;
    for (let i = 0; i < 65; i++) deep = { deep };
    const body = (value) => () => orders.create({ title: 'Bad', value });
    await refuse('an array', () => orders.create([]));
    await refuse('a string', () => orders.create('order'));
    await refuse('null', () => orders.create(null));
    await refuse('a Date', body(new Date()));
    await refuse('NaN', body(NaN));
    await refuse('Infinity', body(Infinity));
    await refuse('a bigint', body(1n));
    await refuse('a function', body(() => 1));
    await refuse('a Map', body(new Map()));
    await refuse('a lone surrogate', body('\ud800'));
    await refuse('an integer past 2^53', body(2 ** 53));
    await refuse('a cycle', body(cycle));
    await refuse('too deep', body(deep));
    await refuse('__proto__', body(JSON.parse('{"__proto__":1}')));
    await refuse('too large', body('x'.repeat(1 << 20)));
    for (const id of ['', '.', '..', 'a/b', 'a b', 'é', 'x'.repeat(129)]) {
      await refuse(`id '${id.slice(0, 5)}'`, () => orders.create({ ...order('Bad'), id }));
    }
    await refuse('a known id', () => orders.create({ ...order('Bad'), id: kept.id }));
    await refuse('an unknown record', () => orders.update('nowhere', { title: 'x' }));
    await refuse('an unknown record to delete', () => orders.delete('nowhere'));
    await refuse('an unknown collection', () => hf.collection('nothing').create({}));
    return answers;
  });
  for (const [name, answer] of Object.entries(codes)) {
    assert.equal(typeof answer.code, 'string', `${name}: ${JSON.stringify(answer)}`);
    assert.ok(answer.message.length > 20, `${name}: ${answer.message}`);
  }
  assert.equal(codes['NaN'].code, 'bad-body');
  assert.match(codes['NaN'].message, /value/, 'the message says where');
  assert.equal(codes["id '..'"].code, 'bad-id');
  assert.equal(codes['too large'].code, 'too-large');
  assert.equal(codes['a known id'].code, 'exists');
  assert.equal(codes['an unknown record'].code, 'not-found');
  assert.equal(codes['an unknown collection'].code, 'unknown-collection');
});

test('a full disk refuses writes, loses nothing, and still drains', async (t) => {
  const { server, browser, page } = await start(t, { collections: { order: { path: '/orders' } } });
  await reachable(page);
  await server.control({ offline: true });
  const kept = await page.evaluate(() => orders.create(order('Before')).then(({ id }) => id));
  const session = await page.context().newCDPSession(page);
  const quota = (quotaSize) =>
    session.send('Storage.overrideQuotaForOrigin', { origin: server.url, quotaSize });
  const { usage } = await page.evaluate(() => navigator.storage.estimate());
  await quota(usage + 200_000);
  const answer = await page.evaluate(async () => {
    const written = [];
    for (let i = 0; i < 1000; i++) {
      const refused = await attempt(async () => {
        written.push((await orders.create({ ...order('Filler'), notes: 'x'.repeat(9_000) })).id);
      });
      if (refused !== 'done') return { refused, written };
    }
    return { written };
  });
  assert.equal(answer.refused?.code, 'disk-full', JSON.stringify(answer.refused));
  const there = async () =>
    page.evaluate(async () => (await orders.list()).map(({ id }) => id).sort());
  const expected = [kept, ...answer.written].sort();
  assert.deepEqual(await there(), expected, 'what was refused is nowhere, what was not is there');

  // Still full, the outbox drains.
  await server.control({ offline: false });
  await page.evaluate(() => hf.sync());
  await drained(page);
  assert.deepEqual((await server.orders()).map(({ id }) => id).sort(), expected);

  // Room again: writing goes on.
  await quota(0);
  await session.send('Storage.overrideQuotaForOrigin', { origin: server.url });
  await page.evaluate(() => orders.create(order('After')));
  await drained(page);
  assert.deepEqual(browser.errors, []);
});

test('two tabs share one database, and the second takes over from the first', async (t) => {
  const { server, browser, page } = await start(t);
  await reachable(page);
  const second = await barePage(browser, server.url);
  assert.equal((await status(page)).leader, true);
  assert.equal((await status(second)).leader, false);
  await second.evaluate(() => {
    globalThis.seen = [];
    orders.subscribe({}, (rows) => (seen = rows.map(({ title }) => title)));
  });
  await page.evaluate(() => orders.create(order('From the first')));
  await until(
    async () => (await second.evaluate(() => seen)).includes('From the first'),
    'the second tab sees it',
  );
  await second.evaluate(() => orders.create(order('From the second')));
  assert.deepEqual(
    (await page.evaluate(() => orders.list({ orderBy: 'title' }))).map(({ title }) => title),
    ['From the first', 'From the second'],
  );
  await page.close();
  const id = await second.evaluate(() => orders.create(order('After')).then(({ id }) => id));
  await until(async () => (await status(second)).leader, 'the second leads');
  await drained(second);
  assert.ok((await server.orders()).some((order) => order.id === id));
  assert.equal((await server.orders()).length, 3);
  assert.equal(server.writes().filter(({ effect }) => effect === 'applied').length, 3);
});

test('a reload in the middle of a burst loses nothing that was acknowledged', async (t) => {
  const { server, page } = await start(t);
  await server.control({ health: 503 });
  const acknowledged = [];
  await page.exposeFunction('acknowledge', (id) => void acknowledged.push(id));
  for (let round = 0; round < 5; round++) {
    await page.evaluate(() => {
      for (let i = 0; i < 200; i++)
        void orders.create(order(`${i}`)).then(({ id }) => acknowledge(id));
    });
    const before = acknowledged.length;
    await until(() => acknowledged.length > before + 20, 'some are acknowledged');
    await page.reload();
    await page.waitForSelector('html[data-loaded]', { state: 'attached' });
    await page.evaluate(() => open());
  }
  const ids = new Set(
    await page.evaluate(async () => (await orders.list({ limit: 10_000 })).map(({ id }) => id)),
  );
  assert.deepEqual(acknowledged.filter((id) => !ids.has(id)), []);
  await server.control({ health: 200 });
  await page.evaluate(() => hf.sync());
  await until(async () => (await status(page)).pending === 0, 'all is sent', 60_000);
  const applied = server.writes().filter(({ effect }) => effect === 'applied');
  assert.equal(applied.length, ids.size);
});
