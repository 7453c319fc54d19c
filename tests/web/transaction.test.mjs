// Transactions, the server's ids, batches and sign-in through the package as it is built, in Node,
// against a real server.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { accept, heard, lines, refuse, startApi } from './api.mjs';

let api;
before(async () => (api = await startApi()));
after(() => api.close());

const statusOf = async (collection, id) => (await collection.get(id)).$sync.status;

test('a transaction is recorded as a whole, and sent in its order', async t => {
  const hf = await api.open(t);
  const [orders, notes] = [hf.collection('order'), hf.collection('note')];
  await orders.create({ id: 'old', n: 1 });
  await orders.create({ id: 'done' });
  await hf.sync();
  api.healthy = false;
  api.requests = [];
  const made = await hf.transaction(tx => {
    const order = tx.order.create({ title: 'Valve', at: undefined, $sync: 'ignored' });
    const note = tx.note.create({ orderId: order.id, lines: [1] });
    tx.order.update('old', { n: 2 }, { remove: ['title'] });
    tx.order.delete('done');
    return { order, note };
  });
  const { order, note } = made;
  assert.deepEqual(order, { title: 'Valve', id: order.id });
  assert.deepEqual(note, { orderId: order.id, lines: [1], id: note.id });
  assert.equal((await notes.get(note.id)).orderId, order.id);
  assert.equal((await orders.get('old')).n, 2);
  assert.equal(await orders.get('done'), undefined);
  assert.equal((await hf.outbox.list()).length, 4);

  api.healthy = true;
  assert.equal((await hf.sync()).accepted, 4);
  assert.deepEqual(lines(api.requests), [
    'POST /orders',
    'POST /notes',
    'PUT /orders/old',
    'DELETE /orders/done',
  ]);
});

test('in a transaction all waits for what failed before it, and nothing else does', async t => {
  const hf = await api.open(t);
  const orders = hf.collection('order');
  api.reply = asked => (asked.body.includes('bad') ? refuse() : accept(asked));
  api.healthy = false;
  await hf.transaction(tx => {
    for (const id of ['a', 'bad', 'c']) tx.order.create({ id });
  });
  await orders.create({ id: 'other' });
  api.healthy = true;
  await hf.sync();
  const order = [];
  for (const id of ['a', 'bad', 'c', 'other']) order.push(await statusOf(orders, id));
  assert.deepEqual(order, ['synced', 'failed', 'pending', 'synced']);
  assert.equal((await orders.get('c')).$sync.blockedBy.record, 'bad');
});

test('a transaction returns what its function does, and an empty one writes nothing', async t => {
  const hf = await api.open(t);
  assert.equal(await hf.transaction(() => 7), 7);
  assert.equal(await hf.transaction(() => undefined), undefined);
  assert.deepEqual(await hf.outbox.list(), []);
});

for (const [what, write, expected] of [
  ['a bad body', tx => tx.order.create({ at: new Date(0) }), { code: 'bad-body' }],
  ['a bad id', tx => tx.order.create({ id: 'a/b' }), { code: 'bad-id' }],
  ['another id', tx => tx.order.update('a', { id: 'b' }), { code: 'bad-body' }],
  ['an id that is taken', tx => tx.order.create({ id: 'there' }), { code: 'exists' }],
  [
    'an update of nothing',
    tx => tx.order.update('none', {}),
    { code: 'not-found', message: /^Write 2 of the transaction: / },
  ],
  ['an unknown option', tx => tx.order.delete('there', { cascade: true }), { code: 'bad-option' }],
  [
    'what was caught',
    tx => {
      try {
        tx.order.create([]);
      } catch {
        // It was not asked for.
      }
    },
    { code: 'bad-body' },
  ],
  [
    'a function that throws',
    () => {
      throw new RangeError('mine');
    },
    { name: 'RangeError', message: 'mine' },
  ],
  [
    'a promise',
    async tx => {
      await null;
      tx.order.create({ id: 'late' });
    },
    { code: 'bad-option', message: /returned a promise.*Nothing was recorded/ },
  ],
  [
    'too many writes',
    tx => {
      for (let n = 0; n < 1_000; ++n) tx.order.create({ n });
    },
    { code: 'too-large' },
  ],
  [
    'too much',
    tx => {
      for (let n = 0; n < 17; ++n) tx.order.create({ text: 'x'.repeat(1_048_000) });
    },
    { code: 'too-large' },
  ],
])
  test(`a transaction is refused with nothing recorded: ${what}`, async t => {
    const hf = await api.open(t);
    await hf.pause();
    await hf.collection('order').create({ id: 'there' });
    const before = await hf.outbox.list();
    await assert.rejects(
      hf.transaction(tx => {
        tx.order.create({ id: 'first' });
        return write(tx);
      }),
      expected,
    );
    assert.deepEqual(await hf.outbox.list(), before);
    assert.equal(await hf.collection('order').get('first'), undefined);
    assert.equal((await hf.collection('order').create({ id: 'next' })).id, 'next');
  });

test('a transaction that is over writes nothing any more', async t => {
  const hf = await api.open(t);
  let kept;
  await hf.transaction(tx => void (kept = tx));
  assert.throws(() => kept.order.create({}), { code: 'closed', message: /is over/ });
  await assert.rejects(hf.transaction(7), { code: 'bad-option' });
  assert.deepEqual(await hf.outbox.list(), []);
});

for (const [how, options, answered] of [
  ['in its id', {}, { id: 17 }],
  ['where the app finds it', { serverId: ({ key }) => key.number }, { key: { number: 17 } }],
])
  test(`the id that the server chooses, told ${how}, is sent in paths and references`, async t => {
    const hf = await api.open(t, {
      collections: { order: options, note: { references: { orderId: 'order' } } },
    });
    const [orders, notes] = [hf.collection('order'), hf.collection('note')];
    const created = { status: 201, body: { title: 'Valve', ...answered } };
    api.reply = asked => (asked.path === '/orders' ? created : accept(asked));
    api.healthy = false;
    const { id } = await orders.create({ title: 'Valve' });
    const note = await notes.create({ orderId: id });
    api.healthy = true;
    await hf.sync();
    const [create, referring] = api.requests;
    assert.deepEqual(JSON.parse(create.body).id, options.serverId ? undefined : id);
    assert.equal(JSON.parse(referring.body).orderId, 17);
    assert.deepEqual([(await orders.get(id)).id, (await notes.get(note.id)).orderId], [id, id]);

    await orders.update(id, { title: 'Pump' });
    await hf.sync();
    await orders.delete(id);
    await hf.sync();
    assert.deepEqual(lines(api.requests.slice(2)), ['PUT /orders/17', 'DELETE /orders/17']);
    assert.equal(JSON.parse(api.requests[2].body).id, 17);
  });

for (const [what, serverId] of [
  ['throws', () => JSON.parse('')],
  ['tells no id', () => undefined],
])
  test(`a function for the server's id that ${what}: the create goes again`, async t => {
    const mute = t.mock.method(console, 'warn', () => {});
    let asked = 0;
    const hf = await api.open(t, {
      backoff: { baseMs: 1, capMs: 1 },
      collections: { order: { serverId: ({ no }) => (++asked === 1 ? serverId() : no) } },
    });
    api.reply = () => ({ status: 201, body: { no: 'n-1' } });
    const { id } = await hf.collection('order').create({});
    while (hf.status.get().pending > 0) await hf.sync();
    assert.deepEqual([api.requests.length, asked], [2, 2]);
    assert.equal(api.requests[0].key, api.requests[1].key);
    assert.match(mute.mock.calls[0].arguments[0], /collections\.order\.serverId told no id: /);
    assert.equal(await statusOf(hf.collection('order'), id), 'synced');
  });

test('an answer without JSON holds no id: the app decides', async t => {
  const hf = await api.open(t, { collections: { order: { serverId: ({ id }) => id } } });
  api.reply = () => ({ status: 201 });
  await hf.collection('order').create({});
  await hf.sync();
  const [letter] = await hf.deadLetters.list();
  assert.deepEqual([letter.unknown, letter.error.title], [true, 'No id']);
});

test('headers are asked before each attempt, and a sign-in holds everything once', async t => {
  let token = 'old';
  const asked = [];
  const hf = await api.open(t, {
    headers: () => {
      asked.push(token);
      return { authorization: token };
    },
  });
  const signin = heard(hf, 'signin');
  api.reply = request =>
    request.headers.authorization === 'new' ? accept(request) : { status: 401 };
  api.healthy = false;
  for (let n = 0; n < 9; ++n) await hf.collection('order').create({ n });
  api.healthy = true;
  await hf.sync();
  assert.deepEqual(signin, [null]);
  const { pending, failed, waitingFor } = hf.status.get();
  assert.deepEqual([pending, failed, waitingFor], [9, 0, 'sign-in']);
  const [entry] = await hf.outbox.list();
  assert.match((await hf.outbox.explain(entry.id)).text, /new sign-in: all go after signedIn\(\)/);
  const before = api.requests.length;
  token = 'new';
  await hf.signedIn();
  assert.equal((await hf.sync()).pending, 0);
  assert.deepEqual(signin, [null]);
  assert.equal(api.requests.length, before + 9);
  assert.equal(asked.length, api.requests.length + api.probes);
});

test('without a word from the app one request a probe asks whether headers are new', async t => {
  let token = 'old';
  const hf = await api.open(t, { headers: () => ({ authorization: token }) });
  const signin = heard(hf, 'signin');
  api.reply = request =>
    request.headers.authorization === 'new' ? accept(request) : { status: 401 };
  for (let n = 0; n < 9; ++n) await hf.collection('order').create({ n });
  await hf.sync();
  const before = [api.requests.length, api.probes];
  for (let round = 0; round < 5; ++round) await hf.sync();
  assert.equal(api.requests.length - before[0], 5);
  assert.ok(api.probes - before[1] >= 5);
  token = 'new';
  assert.equal((await hf.sync()).pending, 0);
  assert.deepEqual(signin, [null]);
});

/** What a server does that takes batches: each by itself, answered in their order. */
function batched({ path, body, method, headers }) {
  if (path !== '/batch') return accept({ method, body });
  assert.equal(headers['idempotency-key'], undefined);
  const { requests } = JSON.parse(body);
  const responses = requests.map(each =>
    each.body?.n === 2
      ? refuse()
      : { ...accept({ method: each.method, body: JSON.stringify(each.body) }), headers: {} },
  );
  return { status: 200, body: { responses } };
}

test('a batch carries a key each, and is answered one by one', async t => {
  const hf = await api.open(t, {
    batch: { path: '/batch', max: 3 },
    headers: () => ({ authorization: 'Bearer x' }),
  });
  const orders = hf.collection('order');
  api.reply = batched;
  api.healthy = false;
  for (let n = 0; n < 4; ++n) await orders.create({ id: `o${n}`, n });
  const ids = (await hf.outbox.list()).map(({ id }) => id);
  api.healthy = true;
  const { accepted, rejected } = await hf.sync();
  assert.deepEqual([accepted, rejected], [3, 1]);
  const [first, ...others] = api.requests;
  assert.equal(first.path, '/batch');
  assert.equal(first.headers.authorization, 'Bearer x');
  const { requests } = JSON.parse(first.body);
  assert.deepEqual(
    requests.map(({ key, method, path }) => [key, method, path]),
    ids.slice(0, 3).map(id => [id, 'POST', '/orders']),
  );
  assert.deepEqual(lines(others), ['POST /orders']);
  assert.equal(await statusOf(orders, 'o2'), 'failed');
});

for (const status of [404, 405, 501])
  test(`where batches are answered by ${status}, all go one by one`, async t => {
    const hf = await api.open(t, { batch: { path: '/batch' } });
    api.reply = asked => (asked.path === '/batch' ? { status } : accept(asked));
    api.healthy = false;
    for (let n = 0; n < 4; ++n) await hf.collection('order').create({ n });
    api.healthy = true;
    await hf.sync();
    assert.equal(hf.status.get().pending, 0);
    for (let n = 0; n < 4; ++n) await hf.collection('order').create({ n });
    await hf.sync();
    assert.equal(lines(api.requests).filter(line => line === 'POST /batch').length, 1);
    assert.equal(api.requests.length, 1 + 8);
  });
