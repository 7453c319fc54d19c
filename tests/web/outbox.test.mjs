// The outbox and the dead letters through the package as it is built, in Node, against a real
// server.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { accept, heard, lines, refuse, startApi } from './api.mjs';

let api;
before(async () => (api = await startApi()));
after(() => api.close());

const references = { order: {}, note: { references: { orderId: 'order' } } };
const statusOf = async (collection, id) => (await collection.get(id)).$sync.status;

/** Refuses what has this in its path or body. */
const refusing = text => asked =>
  (asked.path + asked.body).includes(text) ? refuse() : accept(asked);

for (const [how, collections, id] of [
  ['declared', references, name => name],
  ['found in the body', undefined, () => crypto.randomUUID()],
])
  test(`a failure holds back only what refers to it, by a reference ${how}`, async t => {
    const hf = await api.open(t, collections && { collections });
    const [orders, notes] = [hf.collection('order'), hf.collection('note')];
    const [bad, good] = [id('bad'), id('good')];
    api.reply = asked =>
      asked.path === '/orders' && asked.body.includes(bad) ? refuse() : accept(asked);
    api.healthy = false;
    await orders.create({ id: bad });
    const held = await notes.create({ orderId: bad, text: 'held' });
    await orders.create({ id: good });
    const other = await notes.create({ orderId: good, text: 'goes' });
    api.healthy = true;
    const report = await hf.sync();
    assert.deepEqual(report, { accepted: 2, rejected: 1, pending: 1, reachable: true });

    assert.equal(await statusOf(orders, bad), 'failed');
    assert.equal(await statusOf(orders, good), 'synced');
    assert.equal(await statusOf(notes, other.id), 'synced');
    const [letter] = await hf.deadLetters.list();
    const { status, blockedBy, mutation } = (await notes.get(held.id)).$sync;
    const dead = { id: letter.id, kind: 'create', collection: 'order', record: bad };
    assert.deepEqual([status, blockedBy, mutation], ['pending', dead, held.$sync.mutation]);
    assert.deepEqual(letter.holds, [
      { id: held.$sync.mutation, kind: 'create', collection: 'note', record: held.id },
    ]);
    const waiting = await hf.outbox.explain(held.$sync.mutation);
    assert.match(waiting.text, /waits for the create of order .*, which failed/);
    assert.deepEqual([waiting.can, waiting.mutation.state], [['cancel'], 'waiting']);
    assert.deepEqual(waiting.mutation.waitsFor, [letter.id]);

    api.reply = accept;
    await hf.deadLetters.retry(letter.id);
    await hf.sync();
    assert.equal(await statusOf(notes, held.id), 'synced');
  });

test('with strict order everything waits for what failed', async t => {
  const hf = await api.open(t, { ordering: 'strict' });
  const orders = hf.collection('order');
  api.reply = refusing('bad');
  api.healthy = false;
  for (const id of ['a', 'bad', 'c', 'd']) await orders.create({ id });
  api.healthy = true;
  await hf.sync();
  const order = [];
  for (const id of ['a', 'bad', 'c', 'd']) order.push(await statusOf(orders, id));
  assert.deepEqual(order, ['synced', 'failed', 'pending', 'pending']);
  assert.equal(api.requests.length, 2);
});

test('what is to go after another waits for it', async t => {
  const hf = await api.open(t);
  const orders = hf.collection('order');
  api.reply = refusing('first');
  api.healthy = false;
  const first = await orders.create({ id: 'first' });
  const third = await orders.create({ id: 'third' }, { after: [first.$sync.mutation] });
  await orders.create({ id: 'free' });
  api.healthy = true;
  await hf.sync();
  assert.equal(await statusOf(orders, 'free'), 'synced');
  const [letter] = await hf.deadLetters.list();
  assert.equal((await orders.get('third')).$sync.blockedBy.id, letter.id);
  api.reply = accept;
  await hf.deadLetters.retry(letter.id);
  await hf.sync();
  assert.equal(await statusOf(orders, third.id), 'synced');
  await orders.update('third', { n: 1 }, { after: [first.$sync.mutation] }); // It is long gone.
  assert.equal((await hf.sync()).pending, 0);
});

test('what was never sent is folded into one, and says so', async t => {
  const hf = await api.open(t);
  const orders = hf.collection('order');
  api.healthy = false;
  const { $sync } = await orders.create({ id: 'a', n: 1, old: true });
  const updated = await orders.update('a', { n: 2 }, { remove: ['old'] });
  await orders.update('a', { n: 3 });
  await orders.create({ id: 'gone' });
  await orders.delete('gone');
  assert.equal(updated.$sync.mutation, $sync.mutation);
  const [entry, ...others] = await hf.outbox.list();
  assert.deepEqual([entry.kind, entry.folded, entry.change.n, others], ['create', 2, 3, []]);
  assert.match((await hf.outbox.explain(entry.id)).text, /2 later changes are folded into it/);

  const reasons = (await hf.outbox.history()).map(({ kind, reason }) => `${kind} ${reason}`);
  assert.deepEqual(reasons, [
    'delete undone',
    'create undone',
    'update folded',
    'update folded',
  ]);
  const [{ id, successor }] = await hf.outbox.history({ limit: 3 }).then(all => all.slice(2));
  assert.equal(successor, entry.id);
  const folded = await hf.outbox.explain(id);
  assert.deepEqual([folded.state, folded.reason, folded.can], ['gone', 'folded', []]);
  assert.match(folded.text, new RegExp(`into the mutation ${entry.id}`));

  api.healthy = true;
  await hf.sync();
  assert.deepEqual(lines(api.requests), ['POST /orders']);
  const { updatedAt, ...sent } = JSON.parse(api.requests[0].body);
  assert.deepEqual([sent, typeof updatedAt], [{ id: 'a', n: 3 }, 'string']);
});

test('a collection that does not coalesce sends every call', async t => {
  const hf = await api.open(t, { collections: { order: { coalesce: false } } });
  const orders = hf.collection('order');
  api.healthy = false;
  await orders.create({ id: 'a', n: 1 });
  await orders.update('a', { n: 2 });
  await orders.delete('a');
  api.healthy = true;
  await hf.sync();
  assert.deepEqual(lines(api.requests), ['POST /orders', 'PUT /orders/a', 'DELETE /orders/a']);
});

test('a dead letter is edited, and goes again under a new key', async t => {
  const hf = await api.open(t);
  const orders = hf.collection('order');
  api.reply = refusing('wrong');
  const { $sync } = await orders.create({ id: 'a', valve: 'wrong', note: 'x' });
  await hf.sync();
  const [letter] = await hf.deadLetters.list();
  assert.deepEqual(
    [letter.id, letter.unknown, letter.error.detail, letter.holds],
    [$sync.mutation, false, 'Valve 7 is gone.', []],
  );
  const { can } = await hf.outbox.explain(letter.id);
  assert.deepEqual(can, ['retry', 'edit', 'discard']);
  await hf.deadLetters.edit(letter.id, { valve: 'right' }, { remove: ['note'] });
  await hf.sync();
  const [first, second] = api.requests;
  assert.notEqual(first.key, second.key);
  const { updatedAt, ...sent } = JSON.parse(second.body);
  assert.deepEqual([sent, typeof updatedAt], [{ id: 'a', valve: 'right' }, 'string']);
  assert.equal(await statusOf(orders, 'a'), 'synced');
  const gone = await hf.outbox.explain(letter.id);
  assert.deepEqual([gone.reason, `"${gone.successor}"`], ['replaced', second.key]);
  await assert.rejects(hf.deadLetters.edit(letter.id, {}), { code: 'not-found' });
});

test('neither an edit nor an update changes the id of a record', async t => {
  const hf = await api.open(t);
  const orders = hf.collection('order');
  api.reply = refuse;
  const a = await orders.create({ id: 'a', n: 1 });
  await hf.sync();
  const refused = { code: 'bad-body', message: /sets another id than its record's/ };
  await assert.rejects(hf.deadLetters.edit(a.$sync.mutation, { id: 'b', n: 2 }), refused);
  await assert.rejects(orders.update('a', { id: 'b', n: 2 }), refused);
  assert.equal(hf.status.get().failed, 1);
  api.reply = accept;
  await hf.deadLetters.edit(a.$sync.mutation, { ...(await orders.get('a')), n: 2 });
  await hf.sync();
  assert.deepEqual({ ...(await orders.get('a')), updatedAt: 0 }, { id: 'a', n: 2, updatedAt: 0 });
});

test('an update of a red record corrects it', async t => {
  const hf = await api.open(t);
  const orders = hf.collection('order');
  api.reply = refusing('wrong');
  await orders.create({ id: 'a', valve: 'wrong' });
  await hf.sync();
  assert.equal(hf.status.get().failed, 1);
  const corrected = await orders.update('a', { valve: 'right' });
  assert.deepEqual([corrected.valve, corrected.$sync.status], ['right', 'pending']);
  await hf.sync();
  assert.deepEqual(lines(api.requests), ['POST /orders', 'POST /orders']);
  assert.notEqual(api.requests[0].key, api.requests[1].key);
  assert.equal(await statusOf(orders, 'a'), 'synced');
});

test('a create that is discarded names all that goes along', async t => {
  const hf = await api.open(t, { collections: references });
  const [orders, notes] = [hf.collection('order'), hf.collection('note')];
  const settled = heard(hf, 'settled');
  api.reply = refuse;
  api.healthy = false;
  const order = await orders.create({ id: 'a' });
  const note = await notes.create({ id: 'n', orderId: 'a' });
  api.healthy = true;
  await hf.sync();
  const gone = await hf.deadLetters.discard(order.$sync.mutation);
  assert.deepEqual(gone, [order.$sync.mutation, note.$sync.mutation]);
  assert.deepEqual([await orders.get('a'), await notes.get('n')], [undefined, undefined]);
  assert.deepEqual(
    settled.map(({ id, reason }) => [id, reason]),
    gone.map(id => [id, 'discarded']),
  );
  await assert.rejects(hf.deadLetters.discard(gone[0]), {
    code: 'not-found',
    message: /Nothing was recorded/,
  });
});

test('an update that is discarded is taken out of its record', async t => {
  const hf = await api.open(t);
  const orders = hf.collection('order');
  await orders.create({ id: 'a', n: 1 });
  await hf.sync();
  api.reply = refuse;
  await orders.update('a', { n: 2 });
  await hf.sync();
  assert.equal((await orders.get('a')).n, 2);
  const [letter] = await hf.deadLetters.list();
  assert.deepEqual(await hf.deadLetters.discard(letter.id), [letter.id]);
  const { n, $sync } = await orders.get('a');
  assert.deepEqual([n, $sync.status], [1, 'synced']);
});

test('a record that was never made is deleted with what refers to it only if so asked', async t => {
  const hf = await api.open(t, { collections: references });
  const [orders, notes] = [hf.collection('order'), hf.collection('note')];
  api.reply = refuse;
  api.healthy = false;
  await orders.create({ id: 'a' });
  await notes.create({ id: 'n', orderId: 'a' });
  api.healthy = true;
  await hf.sync();
  await assert.rejects(orders.delete('a'), {
    code: 'has-dependants',
    message: /^1 change of other records .* Nothing was recorded.*cascade: true/,
  });
  assert.equal((await hf.outbox.list()).length, 2);
  await orders.delete('a', { cascade: true });
  assert.deepEqual([await orders.get('a'), await notes.get('n')], [undefined, undefined]);
  assert.deepEqual(await hf.outbox.list(), []);
  assert.equal(api.requests.length, 1);
});

test('what was never sent can be cancelled, and what was sent cannot', async t => {
  const hf = await api.open(t);
  const orders = hf.collection('order');
  await orders.create({ id: 'a', n: 1 });
  await hf.sync();
  const settled = heard(hf, 'settled');
  await hf.pause();
  const { $sync } = await orders.update('a', { n: 2 });
  assert.match((await hf.outbox.explain($sync.mutation)).text, /paused/);
  assert.deepEqual(await hf.outbox.cancel($sync.mutation), [$sync.mutation]);
  assert.deepEqual(
    settled.map(({ reason }) => reason),
    ['cancelled'],
  );
  assert.equal((await orders.get('a')).n, 1);
  await assert.rejects(hf.outbox.cancel($sync.mutation), { code: 'not-found' });

  api.reply = () => undefined;
  const sent = await orders.update('a', { n: 3 });
  await hf.resume();
  await hf.sync();
  const [entry] = await hf.outbox.list();
  assert.deepEqual([entry.id, entry.state], [sent.$sync.mutation, 'outcome unknown']);
  assert.match((await hf.outbox.explain(entry.id)).text, /may have applied it.*same key/);
  await assert.rejects(hf.outbox.cancel(entry.id), {
    code: 'attempted',
    message: /it stays in the outbox/,
  });
  assert.equal(await hf.outbox.explain(crypto.randomUUID()), undefined);
});

test('what the server may have applied goes unchanged, unless that does no harm', async t => {
  const hf = await api.open(t, { maxAttempts: 1 });
  const orders = hf.collection('order');
  api.reply = () => ({ status: 500 });
  await orders.create({ id: 'a', n: 1 });
  await hf.sync();
  const [letter] = await hf.deadLetters.list();
  assert.equal(letter.unknown, true);
  assert.deepEqual((await hf.outbox.explain(letter.id)).can, ['retry', 'discard']);
  await assert.rejects(hf.deadLetters.edit(letter.id, { n: 2 }), {
    code: 'outcome-unknown',
    message: /stays a dead letter.*mayDuplicate/,
  });
  await hf.deadLetters.retry(letter.id);
  await hf.sync();
  assert.deepEqual((await hf.deadLetters.list())[0].id, letter.id);
  api.reply = accept;
  await hf.deadLetters.edit(letter.id, { n: 2 }, { mayDuplicate: true });
  await hf.sync();
  const [first, second, third] = api.requests;
  assert.deepEqual([first.key, first.body], [second.key, second.body]);
  assert.notEqual(third.key, first.key);
  assert.equal((await orders.get('a')).n, 2);
});

test('what gets no answer though the API is there is blocked, and others go on', async t => {
  const hf = await api.open(t, { backoff: { baseMs: 1, capMs: 60_000 } });
  const orders = hf.collection('order');
  api.reply = asked => (asked.body.includes('bad') ? undefined : accept(asked));
  await orders.create({ id: 'bad' });
  await orders.create({ id: 'good' });
  while (api.requests.filter(({ body }) => body.includes('bad')).length < 3) await hf.sync();
  assert.equal(await statusOf(orders, 'good'), 'synced');
  const [entry, ...others] = await hf.outbox.list();
  assert.deepEqual([entry.record, entry.state, others], ['bad', 'blocked', []]);
  assert.match(entry.error.detail, /answers probes and not this.*CORS/);
});

test('all dead letters are queued again at once, each one time', async t => {
  const hf = await api.open(t);
  const orders = hf.collection('order');
  api.reply = refuse;
  await Promise.all(Array.from({ length: 7 }, (_, n) => orders.create({ id: `o${n}` })));
  await hf.sync();
  assert.equal(hf.status.get().failed, 7);
  api.reply = refusing('o3');
  assert.equal(await hf.deadLetters.retryAll(), 7);
  await hf.sync();
  assert.deepEqual(
    (await hf.deadLetters.list()).map(({ record }) => record),
    ['o3'],
  );
  assert.equal(api.requests.length, 14);
});

test('a key past its lifetime asks by GET before a create is sent again', async t => {
  for (const found of [true, false]) {
    const hf = await api.open(t, { keyLifetimeMs: 0, backoff: { baseMs: 1, capMs: 1 } });
    const orders = hf.collection('order');
    const there = found ? { status: 200, body: { id: 'a', n: 7 } } : { status: 404 };
    const replies = [undefined, there];
    api.reply = asked => (replies.length > 0 ? replies.shift() : accept(asked));
    await orders.create({ id: 'a', n: 1 });
    while (hf.status.get().pending > 0) await hf.sync();
    const sent = ['POST /orders', 'GET /orders/a', 'POST /orders'];
    assert.deepEqual(lines(api.requests), found ? sent.slice(0, 2) : sent);
    assert.equal((await orders.get('a')).n, found ? 7 : 1);
  }
});

test('a key past its lifetime leaves the app to decide where it wants to', async t => {
  const hf = await api.open(t, {
    keyLifetimeMs: 0,
    backoff: { baseMs: 1, capMs: 1 },
    collections: { order: { onUnknown: 'ask' } },
  });
  api.reply = () => undefined;
  await hf.collection('order').create({ id: 'a' });
  while (hf.status.get().failed === 0) await hf.sync();
  const [letter] = await hf.deadLetters.list();
  assert.deepEqual([letter.unknown, letter.error.title], [true, 'Outcome unknown']);
  assert.equal(api.requests.length, 1);
});

test('the app says what statuses mean', async t => {
  const hf = await api.open(t, {
    collections: { order: { retry: [423], reject: [503], signIn: [403], isConflict: [424] } },
  });
  const orders = hf.collection('order');
  const signin = heard(hf, 'signin');
  const told = async (id, status) => {
    api.reply = () => ({ status });
    await orders.create({ id });
    await hf.sync();
    return (await orders.get(id)).$sync;
  };
  for (const [id, status] of [
    ['a', 503],
    ['b', 424],
  ]) {
    const sync = await told(id, status);
    assert.deepEqual([sync.status, sync.error.status], ['failed', status]);
  }
  const retried = await told('c', 423);
  assert.deepEqual([retried.status, retried.attempts, signin.length], ['pending', 1, 0]);
  await told('d', 403);
  assert.deepEqual([signin, hf.status.get().waitingFor], [[null], 'sign-in']);
  api.reply = accept;
  await hf.signedIn();
  await hf.sync();
  for (const id of ['c', 'd']) assert.equal(await statusOf(orders, id), 'synced');
});

for (const [what, call, code] of [
  ['an option of delete', hf => hf.collection('order').delete('a', { cascad: true }), 'bad-option'],
  ['an option of update', hf => hf.collection('order').update('a', {}, { x: 1 }), 'bad-option'],
  ['options that are none', hf => hf.collection('order').create({}, null), 'bad-option'],
  ['cascade', hf => hf.collection('order').delete('a', { cascade: 1 }), 'bad-option'],
  ['after', hf => hf.collection('order').create({}, { after: 'a' }), 'bad-option'],
  ['an id in after', hf => hf.collection('order').create({}, { after: ['a b'] }), 'bad-id'],
  ['mayDuplicate', hf => hf.deadLetters.retry('a', { mayDuplicate: 'yes' }), 'bad-option'],
  ['a patch', hf => hf.deadLetters.edit('a', [1]), 'bad-body'],
  ['a removal', hf => hf.deadLetters.edit('a', {}, { remove: ['id'] }), 'bad-body'],
  ['an id to explain', hf => hf.outbox.explain('a b'), 'bad-id'],
  ['an id to cancel', hf => hf.outbox.cancel(undefined), 'bad-id'],
  ['a limit', hf => hf.outbox.history({ limit: -1 }), 'bad-query'],
])
  test(`refused with nothing recorded: ${what}`, async t => {
    const hf = await api.open(t);
    await hf.pause();
    await hf.collection('order').create({ id: 'a' });
    await assert.rejects(call(hf), { name: 'HoldfastError', code });
    assert.equal((await hf.outbox.list()).length, 1);
    assert.deepEqual(await hf.outbox.history(), []);
  });
