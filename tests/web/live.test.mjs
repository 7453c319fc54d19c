import assert from 'node:assert/strict';
import { test } from 'node:test';

import { turn, units } from './units.mjs';

const { HoldfastError, liveQueries, watchable } = units;

const text = rows =>
  JSON.stringify(rows.map(([id, n, sync]) => ({ body: { id, n }, ...(sync && { sync }) })));

function fixture() {
  const asked = [];
  const reported = [];
  const live = liveQueries(
    (collection, query) =>
      new Promise((resolve, reject) =>
        asked.push({
          collection,
          query,
          answer: async value => (resolve(value), await turn()),
          fail: async error => (reject(error), await turn()),
        }),
      ),
    error => reported.push(error.message),
  );
  const shown = [];
  const stop = live.subscribe('task', { where: { done: false } }, rows => shown.push(rows));
  return { asked, live, reported, shown, stop };
}

test('the listener is called once with the rows there are, also when there are none', async () => {
  const { asked, shown } = fixture();
  assert.deepEqual([asked[0].collection, asked[0].query], ['task', { where: { done: false } }]);
  await asked[0].answer('[]');
  assert.deepEqual(shown, [[]]);
});

test('it is asked again when its own collection changed', async () => {
  const { asked, live } = fixture();
  await asked[0].answer('[]');
  live.changed(['note']);
  assert.equal(asked.length, 1);
  live.changed(['note', 'task']);
  assert.equal(asked.length, 2);
  await asked[1].answer('[]');
  live.changed();
  assert.equal(asked.length, 3);
});

test('a burst of changes asks once more, after what is being asked', async () => {
  const { asked, live } = fixture();
  for (let i = 0; i < 100; ++i) live.changed(['task']);
  assert.equal(asked.length, 1);
  await asked[0].answer('[]');
  assert.equal(asked.length, 2);
  await asked[1].answer('[]');
  assert.equal(asked.length, 2);
});

test('the listener is not called when the answer is the same', async () => {
  const { asked, live, shown } = fixture();
  await asked[0].answer(text([['a', 1]]));
  live.changed(['task']);
  await asked[1].answer(text([['a', 1]]));
  assert.equal(shown.length, 1);
});

test('rows that did not change are the same objects', async () => {
  const { asked, live, shown } = fixture();
  await asked[0].answer(
    text([
      ['a', 1],
      ['b', 1],
      ['c', 1],
    ]),
  );
  live.changed(['task']);
  await asked[1].answer(
    text([
      ['c', 1],
      ['a', 2],
      ['b', 1, { status: 'pending', attempts: 0 }],
    ]),
  );
  const [[a, b, c], after] = shown;
  assert.equal(after[0], c);
  assert.notEqual(after[1], a);
  assert.notEqual(after[2], b);
  assert.equal(after[2].$sync.status, 'pending');
  assert.equal(after[0].$sync.status, 'synced');
});

test('once stopped the listener is never called, and nothing is asked', async () => {
  const { asked, live, shown, stop } = fixture();
  live.changed(['task']);
  stop();
  await asked[0].answer('[]');
  live.changed(['task']);
  assert.deepEqual([shown.length, asked.length], [0, 1]);
});

test('a listener that throws is reported, and is called again', async () => {
  const { asked, live, reported } = fixture();
  let calls = 0;
  live.subscribe('task', {}, () => {
    ++calls;
    throw new Error('render');
  });
  await asked[1].answer('[]');
  live.changed(['task']);
  await asked.at(-1).answer(text([['a', 1]]));
  assert.deepEqual([calls, reported], [2, ['render', 'render']]);
});

test('a query that cannot be answered is reported, and asked again later', async () => {
  const { asked, live, reported, shown } = fixture();
  await asked[0].fail(new HoldfastError('storage', 'gone'));
  live.changed();
  await asked[1].answer('[]');
  live.changed();
  await asked[2].fail(new HoldfastError('closed', 'closed'));
  assert.deepEqual([reported, shown], [['gone'], [[]]]);
});

test('a watched value calls at once and on every change', () => {
  const reported = [];
  const value = watchable({ pending: 0 }, error => reported.push(error.message));
  const seen = [];
  value.subscribe(() => {
    throw new Error('chip');
  });
  const stop = value.subscribe(({ pending }) => seen.push(pending));
  value.set({ pending: 0 });
  value.set({ pending: 1 });
  stop();
  value.set({ pending: 2 });
  assert.deepEqual(
    [seen, value.get(), reported],
    [[0, 1], { pending: 2 }, ['chip', 'chip', 'chip']],
  );
});

test('one listener can be subscribed twice, and stopped once', () => {
  const value = watchable(0, () => {});
  let calls = 0;
  const listener = () => ++calls;
  const stop = value.subscribe(listener);
  value.subscribe(listener);
  stop();
  stop();
  value.set(1);
  assert.equal(calls, 3);
});
