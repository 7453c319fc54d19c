import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';

import { fakeClock, turn, units } from './units.mjs';

const { HoldfastError, liveQueries, steady, watchable } = units;

function fixture() {
  const clock = fakeClock();
  const reported = [];
  const live = liveQueries(clock, error => reported.push(error.message));
  return { clock, live, reported };
}

/** Watches what is read from tasks, and answers when the test says so. */
function watch({ clock, live }, parts = {}, signal) {
  const asked = [];
  const shown = [];
  const stop = live.watch(
    {
      reads: ['task'],
      ask: () =>
        new Promise((resolve, reject) =>
          asked.push({
            answer: async text => (resolve(text), await turn()),
            fail: async error => (reject(error), await turn()),
          }),
        ),
      show: text => shown.push(text),
      ...parts,
    },
    signal,
  );
  /** The rest is over. */
  const rest = () => clock.advance(100);
  return { asked, shown, stop, rest };
}

test('it is asked at once, and what it answers is shown', async () => {
  const { asked, shown } = watch(fixture());
  await asked[0].answer('[]');
  assert.deepEqual(shown, ['[]']);
});

test('it is asked again when something changed that it is read from', async () => {
  const all = fixture();
  const { asked, rest } = watch(all);
  const anything = watch(all, { reads: undefined });
  const nothing = watch(all, { reads: [] });
  for (const one of [{ asked }, anything, nothing]) await one.asked[0].answer('[]');
  rest();
  all.live.changed(['note']);
  assert.deepEqual([asked.length, anything.asked.length, nothing.asked.length], [1, 2, 1]);
  all.live.changed(['note', 'task']);
  assert.equal(asked.length, 2);
  await asked[1].answer('[]');
  rest();
  all.live.changed();
  assert.deepEqual([asked.length, nothing.asked.length], [3, 2]);
});

test('one record is asked for again when it changed, or any of them may have', async () => {
  for (const [changed, asks] of [
    [['task/a'], true],
    [['task'], true],
    [['task/b', 'note/a', 'tasks', 'task/a.b'], false],
    [undefined, true],
  ]) {
    const all = fixture();
    const { asked, rest } = watch(all, { reads: ['task/a'] });
    const list = watch(all);
    for (const one of [{ asked }, list]) await one.asked[0].answer('[]');
    rest();
    all.live.changed(changed);
    assert.deepEqual([asked.length, list.asked.length], [asks ? 2 : 1, 2], String(changed));
  }
});

test('a burst of changes while it is asked asks once more', async () => {
  const all = fixture();
  const { asked, rest } = watch(all);
  for (let i = 0; i < 100; ++i) all.live.changed(['task']);
  assert.equal(asked.length, 1);
  await asked[0].answer('[]');
  rest();
  assert.equal(asked.length, 2);
  await asked[1].answer('[]');
  rest();
  assert.equal(asked.length, 2);
});

test('a thousand changes in half a second are shown a few times, the last one right', async () => {
  const all = fixture();
  let n = 0;
  const { shown, rest } = watch(all, { ask: async () => String(n) });
  await turn();
  rest();
  for (n = 1; n <= 1_000; ++n) {
    all.live.changed(['task']);
    await turn();
    if (n === 1) assert.deepEqual(shown, ['0', '1'], 'the first without delay');
    if (n % 2) all.clock.advance(1);
  }
  --n;
  rest();
  await turn();
  assert.equal(shown.at(-1), '1000');
  assert.ok(shown.length <= 12, `${shown.length} times`);
  rest();
  rest();
  n = 7;
  all.live.changed(['task']);
  await turn();
  assert.equal(shown.at(-1), '7', 'after it there is no delay again');
});

test('what is the same as before is not shown', async () => {
  const all = fixture();
  const { asked, shown, rest } = watch(all);
  await asked[0].answer('[1]');
  rest();
  all.live.changed(['task']);
  await asked[1].answer('[1]');
  assert.equal(shown.length, 1);
});

test('once stopped nothing is asked or shown, and nothing of it is left', async () => {
  for (const how of ['stop', 'abort', 'stop all', 'hopeless'])
    for (const when of ['asking', 'resting', 'stale', 'idle']) {
      const all = fixture();
      const controller = new AbortController();
      const { asked, shown, stop, rest } = watch(all, {}, controller.signal);
      if (when !== 'asking') await asked[0].answer('[]');
      if (when === 'idle') rest();
      if (when === 'stale' || how === 'hopeless') all.live.changed(['task']);
      const seen = shown.length;
      if (how === 'stop') stop();
      if (how === 'abort') controller.abort();
      if (how === 'stop all') all.live.stop();
      if (how === 'hopeless') {
        rest();
        await asked.at(-1).fail(new HoldfastError('too-slow', 'slow'));
        assert.deepEqual(all.reported, ['slow']);
      }
      const times = asked.length;
      await asked.at(-1).answer('[2]');
      all.live.changed(['task']);
      assert.equal(all.clock.pending(), 0, `${how} while ${when}`);
      rest();
      assert.deepEqual([shown.length, asked.length], [seen, times], `${how} while ${when}`);
      assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
      stop();
    }
});

test('one whose signal is aborted already is never asked', () => {
  const { asked, stop } = watch(fixture(), {}, AbortSignal.abort());
  stop();
  assert.equal(asked.length, 0);
});

test('what cannot be answered is reported, and asked again later', async () => {
  const all = fixture();
  const { asked, shown, rest } = watch(all);
  await asked[0].fail(new HoldfastError('storage', 'gone'));
  rest();
  all.live.changed();
  await asked[1].answer('[]');
  rest();
  all.live.changed();
  await asked[2].fail(new HoldfastError('closed', 'closed'));
  assert.deepEqual([all.reported, shown], [['gone'], ['[]']]);
});

test('rows that did not change are the same objects', () => {
  const text = rows =>
    JSON.stringify(rows.map(([id, n, sync]) => ({ body: { id, n }, ...(sync && { sync }) })));
  const rows = steady(
    answer => answer,
    row => row.body.id,
    row => ({ ...row.body, sync: row.sync }),
  );
  const [a, b, c] = rows(
    text([
      ['a', 1],
      ['b', 1],
      ['c', 1],
    ]),
  );
  const after = rows(
    text([
      ['c', 1],
      ['a', 2],
      ['b', 1, 'pending'],
    ]),
  );
  assert.equal(after[0], c);
  assert.notEqual(after[1], a);
  assert.notEqual(after[2], b);
  assert.deepEqual(after[2], { id: 'b', n: 1, sync: 'pending' });
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
