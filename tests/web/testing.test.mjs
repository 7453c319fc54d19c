// `holdfast/testing` in Node, as an app's own tests would use it, over the built package.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { openHoldfast } from '../../dist/index.js';
import { openTestApi, waitUntilSynced } from '../../dist/testing.js';

let api;
let hf;
let tasks;

beforeEach(async t => {
  api = openTestApi('http://api.test/v1');
  const giveBack = api.replaceFetch();
  hf = await openHoldfast({
    name: 'tests',
    storage: 'memory',
    baseUrl: 'http://api.test/v1',
    collections: { task: {} },
    backoff: { baseMs: 1, capMs: 20 },
  });
  tasks = hf.collection('task');
  t.after(async () => {
    await hf.close();
    giveBack();
  });
});

const titles = () => api.records('/tasks').map(({ title }) => title);

test('keeps what it is sent, and shows it', async () => {
  const task = await tasks.create({ title: 'Valve' });
  await tasks.update(task.id, { done: true });
  await waitUntilSynced(hf);
  const [stored] = api.records('/tasks');
  assert.equal(stored.id, task.id);
  assert.equal(stored.done, true);
  await tasks.delete(task.id);
  await waitUntilSynced(hf);
  assert.deepEqual(api.records('/tasks'), []);
});

test('loses an answer after it took effect, and the change takes effect once', async () => {
  api.next('lose-answer', { match: ({ method }) => method === 'POST' });
  await tasks.create({ title: 'Once' });
  await waitUntilSynced(hf);
  assert.deepEqual(titles(), ['Once']);
  assert.equal(api.applied.length, 1);
  assert.equal(api.requests.filter(({ method }) => method === 'POST').length, 2);
});

test('loses a request before it took effect', async () => {
  api.next('lose-request', { times: 2 });
  await tasks.create({ title: 'Later' });
  await waitUntilSynced(hf);
  assert.equal(api.applied.length, 1);
});

test('answers with any status, with or without the effect', async () => {
  api.next({ status: 422, body: { title: 'No', detail: 'No valve.' } });
  const refused = await tasks.create({ title: 'Refused' });
  await waitUntilSynced(hf);
  assert.equal((await tasks.get(refused.id)).$sync.status, 'failed');
  assert.deepEqual(titles(), []);
  api.next({ status: 503, applied: true });
  await tasks.create({ title: 'Applied' });
  await waitUntilSynced(hf);
  assert.deepEqual(titles(), ['Applied']);
  assert.equal(api.applied.length, 1);
});

test('acts as a captive portal, which is not believed', async () => {
  api.next('portal', { times: 2, match: () => true });
  await tasks.create({ title: 'Behind' });
  await waitUntilSynced(hf);
  assert.deepEqual(titles(), ['Behind']);
});

test('lets a session expire', async () => {
  api.signedIn = false;
  const asked = new Promise(resolve => hf.addEventListener('signin', resolve, { once: true }));
  await tasks.create({ title: 'Who?' });
  await asked;
  assert.deepEqual(titles(), []);
  api.signedIn = true;
  await hf.signedIn();
  await waitUntilSynced(hf);
  assert.deepEqual(titles(), ['Who?']);
});

test('refuses the key of another request, as a server should', async () => {
  const request = { method: 'POST', path: '/tasks', headers: { 'Idempotency-Key': 'k' } };
  const first = await api.answer({ ...request, body: '{"id":"a"}' });
  assert.equal(first.status, 201);
  assert.deepEqual(await api.answer({ ...request, body: '{"id":"a"}' }), first);
  assert.equal((await api.answer({ ...request, body: '{"id":"b"}' })).status, 422);
  assert.equal(api.applied.length, 1);
});

test('refuses an older version where the request names one', async () => {
  api.put('/tasks', { id: 'a', title: 'Theirs' });
  const request = { method: 'PUT', path: '/tasks/a', headers: { 'if-match': '"9"' } };
  assert.equal((await api.answer({ ...request, body: '{"title":"Mine"}' })).status, 412);
  const current = { ...request, headers: { 'if-match': '"1"' }, body: '{"title":"Mine"}' };
  assert.equal((await api.answer(current)).headers.etag, '"2"');
});

test('lists what is new for a pull, what was deleted too', async () => {
  for (let n = 0; n < 700; n++) api.put('/tasks', { id: `t${n}`, title: `Task ${n}` });
  await hf.pull('task');
  assert.equal((await tasks.list({ limit: 1000 })).length, 700);
  api.remove('/tasks', 't3');
  await hf.pull('task');
  assert.equal(await tasks.get('t3'), undefined);
});

test('says of what is not synced in time why', async () => {
  api.online = false;
  await tasks.create({ title: 'Waiting' });
  const said = /30 ms: 1 pending\. .*cannot be reached/;
  await assert.rejects(waitUntilSynced(hf, { timeoutMs: 30 }), said);
});

test('leaves fetch as it was', async () => {
  const { fetch } = globalThis;
  const giveBack = openTestApi('http://other.test').replaceFetch();
  assert.notEqual(globalThis.fetch, fetch);
  giveBack();
  assert.equal(globalThis.fetch, fetch);
});

for (let seed = 1; seed <= 5; seed++) {
  test(`everything arrives once, however it misbehaves: seed ${seed}`, async () => {
    api.misbehave({ seed });
    const made = [];
    for (let n = 0; n < 10; n++) made.push(await tasks.create({ title: `Task ${n}` }));
    await hf.sync();
    for (const { id } of made) await tasks.update(id, { done: true });
    await hf.sync();
    for (const { id } of made.slice(0, 3)) await tasks.delete(id);
    await hf.sync();
    assert.ok(api.requests.length > 0);
    api.behave();
    await hf.sync();
    await waitUntilSynced(hf);
    assert.equal(hf.status.get().failed, 0);
    const left = api.records('/tasks');
    const ids = records => records.map(({ id }) => id).sort();
    assert.deepEqual(ids(left), ids(made.slice(3)));
    assert.ok(left.every(({ done }) => done));
    const keys = api.applied.map(({ key }) => key);
    assert.equal(new Set(keys).size, keys.length);
  });
}
