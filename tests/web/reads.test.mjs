// What an app reads, through the built package over memory in Node: lists, pages, counts, SQL, and
// all of it live.

import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';

import { openHoldfast } from '../../dist/index.js';

/** Opens a database of its own, closed when the test ends. Nobody answers at its API. */
async function open(t, task = {}) {
  const hf = await openHoldfast({
    name: 'reads-test',
    baseUrl: 'http://127.0.0.1:9/api',
    collections: { task, note: {} },
    storage: 'memory',
  });
  t.after(() => hf.close());
  await hf.pause();
  return { hf, tasks: hf.collection('task'), notes: hf.collection('note') };
}

/** Waits until `look` says yes. */
async function until(look) {
  for (let i = 0; i < 500; ++i) {
    if (look()) return;
    await new Promise(resolve => setTimeout(resolve, 10));
  }
  assert.fail(`never: ${look}`);
}

/** Lets what is under way be asked, answered and shown. */
const settle = () => new Promise(resolve => setTimeout(resolve, 150));

const refused = (promise, code, message) =>
  assert.rejects(promise, error => error.code === code && message.test(error.message));

test('lists find what is nested, by several conditions, and are counted', async t => {
  const { tasks } = await open(t, { indexes: ['address.city', ['done', '-n']] });
  for (const [n, city] of ['Chur', 'Arosa', null, 'Chur', undefined].entries())
    await tasks.create({ n, done: n % 2 === 0, ...(city === undefined || { address: { city } }) });
  const list = async query => (await tasks.list({ orderBy: 'n', ...query })).map(({ n }) => n);
  assert.deepEqual(await list({ where: { 'address.city': 'Chur' } }), [0, 3]);
  assert.deepEqual(await list({ where: { 'address.city': { isNull: true } } }), [2, 4]);
  assert.deepEqual(await list({ where: { 'address.city': { like: '%r%', prefix: 'C' } } }), [0, 3]);
  const either = { or: [{ n: { gt: 3 } }, { not: { done: true } }] };
  assert.deepEqual(await list({ where: either }), [1, 3, 4]);
  assert.deepEqual(await list({ where: { and: [either, { n: { lt: 4 } }] } }), [1, 3]);
  assert.deepEqual(await list({ limit: 2, offset: 3 }), [3, 4]);
  assert.deepEqual(await list({ orderBy: ['done', '-n'] }), [3, 1, 4, 2, 0]);
  assert.equal(await tasks.count(), 5);
  assert.equal(await tasks.count({ where: either, limit: 1 }), 3);
  for (const where of [
    { or: { n: 1 } },
    { not: [{ n: 1 }] },
    { and: [{ n: { near: 1 } }] },
    { or: [1] },
    { 'n.': 1 },
  ])
    await refused(tasks.list({ where }), 'bad-query', /Nothing was read|an't be|cannot be/);
  await refused(tasks.list({ offset: -1 }), 'bad-query', /offset must be a whole number/);
  await refused(tasks.list({ orderBy: 'n', after: [1] }), 'bad-query', /after takes the last row/);
});

test('pages go on after the last row, whatever is written between', async t => {
  const { tasks } = await open(t);
  for (let n = 0; n < 30; ++n) await tasks.create({ id: `t${n}`, n: n % 3 });
  const query = { orderBy: '-n', limit: 7 };
  const seen = [];
  let page = await tasks.list(query);
  while (page.length > 0) {
    seen.push(...page.map(({ id }) => id));
    await tasks.delete(seen[0] === page[0].id ? 't29' : seen[0]).catch(() => {});
    await tasks.create({ n: 9 });
    page = await tasks.list({ ...query, after: page.at(-1) });
  }
  assert.equal(seen.length, new Set(seen).size);
  assert.deepEqual(
    seen.filter(id => id !== 't29').toSorted(),
    Array.from({ length: 29 }, (_, n) => `t${n}`).toSorted(),
  );
});

test('SQL reads a view a collection, by the declared types', async t => {
  const { hf, tasks, notes } = await open(t, {
    fields: { done: 'boolean', n: 'number', tags: 'json', 'address.city': 'text' },
  });
  const n = Number.MAX_SAFE_INTEGER;
  const a = await tasks.create({ done: true, n, tags: ['x', 1], address: { city: '' } });
  await tasks.create({ done: false, n: 0.5, tags: 'x' });
  await notes.create({ taskId: a.id });
  assert.deepEqual(
    await hf.query('SELECT id, done, n, tags, "address.city", body FROM task WHERE n = ?', [a.n]),
    [{ id: a.id, done: true, n: a.n, tags: ['x', 1], 'address.city': '', body: { ...a } }],
  );
  assert.deepEqual(
    await hf.query(
      "SELECT count(*) AS notes FROM note JOIN task ON task.id = note.body ->> 'taskId' WHERE done",
    ),
    [{ notes: 1 }],
  );
  assert.deepEqual(
    await hf.query('SELECT ? AS a, ? AS b, ? AS c', [null, [1], { x: 'it\'s' }]),
    [{ a: null, b: '[1]', c: '{"x":"it\'s"}' }],
  );
  await refused(hf.query('DELETE FROM task'), 'bad-query', /A query is a SELECT/);
  await refused(hf.query('SELECT * FROM hf_outbox'), 'bad-query', /not the app's/);
  await refused(hf.query(7), 'bad-query', /SQL as text/);
  // The stack in wasm is small.
  for (const [open, close] of [
    ['SELECT * FROM (', ')'],
    ['SELECT (', ')'],
    ['SELECT 1 AS a UNION ', ''],
    ['SELECT abs(', ')'],
    ['SELECT NOT ', ''],
  ])
    for (const depth of [40, 90, 150, 1_000, 5_000]) {
      const isWhole = open.startsWith('SELECT * ') || open.includes('UNION');
      const sql = isWhole
        ? open.repeat(depth) + 'SELECT 1 AS a'
        : 'SELECT ' + open.slice(7).repeat(depth) + '1';
      const asked = hf.query(sql + close.repeat(depth));
      await asked.catch(({ code }) => assert.equal(code, 'bad-query'));
    }
  assert.equal((await hf.query('SELECT 1 AS a')).length, 1);
  await refused(hf.query('SELECT ? AS a', [NaN]), 'bad-query', /params\[0\] is NaN/);
});

test('SQL that takes too long is ended after a second, and the rest goes on', async t => {
  const { hf, tasks } = await open(t);
  const start = Date.now();
  const endless =
    'WITH RECURSIVE i (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i) SELECT max(n) FROM i';
  await refused(hf.query(endless), 'too-slow', /longer than 1 s\. Nothing was read/);
  const took = Date.now() - start;
  assert.ok(took >= 1_000, `${took} ms`);
  await tasks.create({ n: 1 });
  assert.equal(await tasks.count(), 1);
});

test('lists, records, counts and SQL are live, each told of what it can see', async t => {
  const { hf, tasks, notes } = await open(t, { fields: { n: 'number' } });
  const shown = { list: [], record: [], count: [], sql: [] };
  const controller = new AbortController();
  const { signal } = controller;
  const query = { where: { n: { gte: 2 } }, orderBy: 'n' };
  const sql = 'SELECT id, n FROM task WHERE n >= ? ORDER BY n';
  tasks.subscribe(query, rows => shown.list.push(rows), { signal });
  tasks.subscribe('a', record => shown.record.push(record?.n), { signal });
  tasks.subscribeCount(query, count => shown.count.push(count), { signal });
  hf.subscribe(sql, [2], rows => shown.sql.push(rows), { signal });
  await until(() => Object.values(shown).every(values => values.length === 1));
  assert.deepEqual(shown, { list: [[]], record: [undefined], count: [0], sql: [[]] });

  await tasks.create({ id: 'a', n: 2 });
  await tasks.create({ id: 'b', n: 3 });
  await until(() => shown.count.at(-1) === 2 && shown.sql.at(-1).length === 2);
  await until(() => shown.list.at(-1).length === 2 && shown.record.at(-1) === 2);
  const [list, rows] = [shown.list.at(-1), shown.sql.at(-1)];
  await tasks.update('b', { n: 4 });
  await until(() => shown.list.at(-1)[1].n === 4 && shown.sql.at(-1)[1].n === 4);
  assert.equal(shown.list.at(-1)[0], list[0], 'the same object');
  assert.equal(shown.sql.at(-1)[0], rows[0], 'the same object');
  assert.deepEqual(
    shown.list.at(-1).map(({ id, n }) => ({ id, n })),
    shown.sql.at(-1),
  );
  await tasks.delete('a');
  await until(() => shown.record.at(-1) === undefined && shown.count.at(-1) === 1);

  await settle();
  const times = Object.values(shown).map(values => values.length);
  await notes.create({ n: 9 });
  await tasks.create({ n: 1 });
  await settle();
  controller.abort();
  await tasks.create({ n: 9 });
  await settle();
  assert.deepEqual(
    Object.values(shown).map(values => values.length),
    times,
  );
  assert.equal(getEventListeners(signal, 'abort').length, 0);
  assert.throws(() => tasks.subscribe({ near: 1 }, () => {}), { code: 'bad-query' });
  assert.throws(() => tasks.subscribe('', () => {}), { code: 'bad-id' });
  assert.throws(() => tasks.subscribe({}, () => {}, { once: true }), { code: 'bad-option' });
});

test('a thousand changes are a handful of callbacks, the last one right', async t => {
  const { tasks } = await open(t);
  const shown = [];
  tasks.subscribe({ orderBy: '-n', limit: 50 }, rows => shown.push(rows[0]?.n));
  await until(() => shown.length === 1);
  await Promise.all(Array.from({ length: 500 }, (_, n) => tasks.create({ n })));
  for (let n = 500; n < 1_000; ++n) await tasks.create({ n });
  await until(() => shown.at(-1) === 999);
  await settle();
  assert.equal(shown.at(-1), 999);
  assert.ok(shown.length < 20, `${shown.length} times`);
});

test('SQL that cannot be answered is reported once, and asked no more', async t => {
  const { hf, tasks } = await open(t);
  const errors = t.mock.method(console, 'error', () => {});
  hf.subscribe('SELECT nothing FROM task', [], () => assert.fail('shown'));
  await until(() => errors.mock.callCount() === 1);
  assert.equal(errors.mock.calls[0].arguments[0].code, 'bad-query');
  await settle();
  await tasks.create({ n: 1 });
  await settle();
  assert.equal(errors.mock.callCount(), 1);
});
