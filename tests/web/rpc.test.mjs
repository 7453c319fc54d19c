import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';

import { turn, units } from './units.mjs';

const { appFunctions, asking, callTable, relay } = units;

/** Channels of one name in one room: each hears what the others post. */
function room() {
  const channels = new Set();
  return () => {
    const channel = {
      onmessage: null,
      postMessage(data) {
        const copy = structuredClone(data);
        queueMicrotask(() => {
          for (const other of channels) if (other !== channel) other.onmessage?.({ data: copy });
        });
      },
      close: () => channels.delete(channel),
    };
    channels.add(channel);
    return channel;
  };
}

/** A page and its worker, as far as calls go. */
function tab(name, channel, rank = {}) {
  const seen = [];
  const calls = callTable((leader, batch) => line.calls(leader, batch));
  const line = relay(
    name,
    `${name}/1`,
    message => {
      if (message.type === 'leading' && !calls.led(message.leader)) return;
      if (message.type === 'answers') calls.answered(message.answers);
      seen.push(message);
    },
    channel,
    { version: '1.0.0', config: 'c', since: 0, visible: true, ...rank },
  );
  const lead = (session, asked = () => {}) => line.lead(session, asked);
  return { calls, line: { ...line, lead }, seen, call: call => calls.call(call) };
}

/**
 * What leads: answers a write as the first time, everything else by its type; or nothing, while it
 * is mute.
 */
function leader(store) {
  const heard = [];
  return {
    heard,
    mute: false,
    call(call, answer) {
      heard.push(call.number ?? call.type);
      if (call.type === 'write') store.applied[call.number] ??= ++store.count;
      if (this.mute) return;
      if (call.type === 'write') answer({ value: store.applied[call.number] });
      else if (call.id === 'gone')
        answer({ error: { code: 'not-found', message: 'There is no dead letter gone.' } });
      else answer({ value: call.type });
    },
    trigger: trigger => heard.push(trigger.type),
  };
}

const store = () => ({ applied: {}, count: 0 });
const write = number => ({ type: 'write', number });

test("the leader's own page is answered, calls of one turn in one message", async () => {
  const a = tab('a', room()());
  a.line.lead(leader(store()));
  assert.deepEqual(await Promise.all([a.call(write(1)), a.call({ type: 'status' })]), [
    1,
    'status',
  ]);
  assert.deepEqual(
    a.seen.map(message => message.type),
    ['leading', 'answers'],
  );
});

test('a follower is answered by the leader, and only it', async () => {
  const join = room();
  const [a, b, c] = [tab('a', join()), tab('b', join()), tab('c', join())];
  a.line.lead(leader(store()));
  await turn();
  assert.equal(await b.call(write(1)), 1);
  await assert.rejects(b.call({ type: 'retry', id: 'gone' }), { code: 'not-found' });
  await turn();
  assert.deepEqual(
    b.seen.map(message => message.type),
    ['leading', 'answers', 'answers'],
  );
  assert.deepEqual(
    c.seen.map(message => message.type),
    ['leading'],
  );
});

test('what was called before anybody led is answered once somebody does', async () => {
  const join = room();
  const [a, b] = [tab('a', join()), tab('b', join())];
  const answers = Promise.all([a.call(write(1)), b.call({ type: 'status' })]);
  await turn();
  a.line.lead(leader(store()));
  assert.deepEqual(await answers, [1, 'status']);
});

test('when the leader goes, the next one answers what waited, in order and once', async () => {
  const join = room();
  const [a, b] = [tab('a', join()), tab('b', join())];
  const kept = store();
  const first = Object.assign(leader(kept), { mute: true });
  a.line.lead(first);
  await turn();
  const answers = Promise.all([b.call(write(1)), b.call(write(2))]);
  await turn();
  assert.deepEqual(first.heard, [1, 2]);
  a.line.stop();
  const waiting = b.call(write(3));
  await turn();
  const second = leader(kept);
  b.line.lead(second);
  assert.deepEqual([...(await answers), await waiting], [1, 2, 3]);
  assert.deepEqual(second.heard, [1, 2, 3]);
  assert.equal(kept.count, 3);
});

for (const [type, value] of [
  ['discard', ['gone']],
  ['cancel', ['gone']],
  ['retry', null],
])
  test(`what is gone when its ${type} is repeated went the first time`, async () => {
    const join = room();
    const [a, b] = [tab('a', join()), tab('b', join())];
    a.line.lead(Object.assign(leader(store()), { mute: true }));
    const done = b.call({ type, id: 'gone' });
    await turn();
    a.line.stop();
    b.line.lead(leader(store()));
    assert.deepEqual(await done, value);
    await assert.rejects(b.call({ type, id: 'gone' }), { code: 'not-found' });
  });

test('news and triggers cross tabs', async () => {
  const join = room();
  const [a, b] = [tab('a', join()), tab('b', join())];
  const leading = leader(store());
  a.line.lead(leading);
  await turn();
  a.line.notify({ changed: ['task'], news: [] });
  b.line.trigger({ type: 'visible' });
  a.line.trigger({ type: 'online' });
  await turn();
  for (const { seen } of [a, b])
    assert.deepEqual(seen.at(-1), { type: 'notice', notice: { changed: ['task'], news: [] } });
  assert.deepEqual(leading.heard, ['online', 'visible']);
});

test('whoever awaits a write has heard of it: news come before answers', async () => {
  const join = room();
  const [a, b] = [tab('a', join()), tab('b', join())];
  const notice = { changed: ['task'], news: [] };
  a.line.lead({
    call(call, answer) {
      answer({ value: call.number });
      a.line.notify(notice);
    },
  });
  await turn();
  for (const { call, seen } of [a, b]) {
    seen.length = 0;
    await call(write(1));
    await turn();
    assert.deepEqual(
      seen.slice(0, 2).map(({ type }) => type),
      ['notice', 'answers'],
    );
  }
});

test('a pause outlives the leader that was told of it', async () => {
  const join = room();
  const [a, b, c] = [tab('a', join()), tab('b', join()), tab('c', join())];
  a.line.lead(leader(store()));
  await b.call({ type: 'pause' });
  assert.ok(b.line.paused());
  a.line.stop();
  b.line.lead(leader(store()));
  await turn();
  assert.ok(c.line.paused());
  await c.call({ type: 'resume' });
  assert.deepEqual([b.line.paused(), c.line.paused()], [false, false]);
});

test('a write does not overtake an earlier one that was lost with its leader', async () => {
  const join = room();
  const [a, b] = [tab('a', join()), tab('b', join())];
  a.line.lead(Object.assign(leader(store()), { mute: true }));
  await turn();
  a.line.stop();
  const first = b.call(write(1));
  await turn();
  const c = tab('c', join());
  const leading = leader(store());
  c.line.lead(leading);
  const second = b.call(write(2)); // On its way before the news of the new leader.
  assert.deepEqual(await Promise.all([first, second]), [1, 2]);
  assert.deepEqual(leading.heard, [1, 2]);
});

test('a tab that comes later is told who leads, and nobody else sends again', async () => {
  const join = room();
  const [a, b] = [tab('a', join()), tab('b', join())];
  const leading = Object.assign(leader(store()), { mute: true });
  a.line.lead(leading);
  await turn();
  void b.call(write(1));
  await turn();
  const c = tab('c', join());
  leading.mute = false;
  assert.equal(await c.call({ type: 'status' }), 'status');
  assert.deepEqual(leading.heard, [1, 'status']);
});

test('closing waits for what is under way, and abandons the rest by name', async () => {
  const posted = [];
  const calls = callTable((leader, batch) => posted.push(...batch));
  calls.led('a');
  const one = calls.call(write(1));
  const two = calls.call({ type: 'status' });
  let drained = false;
  void calls.drained().then(() => (drained = true));
  await turn();
  calls.answered([[1, { value: 'ok' }]]);
  assert.equal(await one, 'ok');
  await turn();
  assert.ok(!drained);
  calls.abandon(call => new units.HoldfastError('closed', call.type));
  await assert.rejects(two, { code: 'closed', message: 'status' });
  await turn();
  assert.ok(drained);
});

test('a question is answered once, and those nobody answers are forgotten', async () => {
  const asked = [];
  const { ask, told } = asking(question => asked.push(question));
  const headers = ask({ type: 'headers' });
  told([1, { value: { a: 'b' } }]);
  told([1, { value: {} }]);
  assert.deepEqual(await headers, { a: 'b' });
  const check = ask({ type: 'check' });
  told([2, { error: { code: 'storage', message: 'boom' } }]);
  await assert.rejects(check, { message: 'boom' });
  const first = ask({ type: 'headers' });
  let settled = false;
  void first.then(() => (settled = true));
  for (let i = 0; i < 100; ++i) void ask({ type: 'headers' });
  told([3, { value: {} }]);
  await turn();
  assert.ok(!settled);
});

test("the app's functions are asked by their questions, where there are any", async () => {
  const asked = [];
  const ask = async question => (asked.push(question), question.type);
  const without = appFunctions({ headers: false, check: false }, ask);
  assert.deepEqual([await without.headers(), await without.check({}), asked], [{}, true, []]);
  const { headers, serverId } = appFunctions({ headers: true, check: true }, ask);
  assert.equal(await headers(), 'headers');
  assert.equal(await serverId('task', { no: 7 }), 'serverId');
  assert.deepEqual(asked[1], { type: 'serverId', collection: 'task', answer: { no: 7 } });
});

test('it works over the real BroadcastChannel', async () => {
  const a = tab('a', track(new BroadcastChannel('holdfast:rpc-test')));
  const b = tab('b', track(new BroadcastChannel('holdfast:rpc-test')));
  a.line.lead(leader(store()));
  assert.equal(await b.call(write(1)), 1);
});

/** Whom the leader offers its place to, and who is offered one. */
function contest(...ranks) {
  const join = room();
  const tabs = ranks.map((rank, i) => tab(`tab ${i}`, join(), rank));
  const log = [];
  tabs.forEach(({ line }, i) => line.offered(() => log.push(i)));
  const lead = i =>
    tabs[i].line.lead(leader(store()), offer => {
      tabs[i].line.follow();
      offer();
    });
  return { tabs, lead, log };
}

test('a hidden leader offers its place to a visible tab, and to no other', async () => {
  const { tabs, lead, log } = contest({ visible: false }, { visible: false }, { visible: true });
  lead(0);
  await turn();
  await turn();
  assert.deepEqual(log, [2]);
  lead(2);
  await turn();
  tabs[0].line.trigger({ type: 'visible' });
  await turn();
  assert.deepEqual(log, [2], 'both are visible: it stays');
  tabs[2].line.trigger({ type: 'hidden' });
  await turn();
  await turn();
  assert.deepEqual(log, [2, 0]);
});

test('a tab that becomes visible asks', async () => {
  const { tabs, lead, log } = contest({ visible: false }, { visible: false });
  lead(0);
  await turn();
  assert.deepEqual(log, []);
  tabs[1].line.trigger({ type: 'visible' });
  await turn();
  assert.deepEqual(log, [1]);
});

test('an older leader offers its place to a newer tab, hidden or not, and not back', async () => {
  const { tabs, lead, log } = contest({}, { version: '1.0.1', visible: false });
  lead(0);
  await turn();
  await turn();
  assert.deepEqual(log, [1]);
  lead(1);
  await turn();
  await turn();
  tabs[0].line.trigger({ type: 'visible' });
  await turn();
  assert.deepEqual(log, [1]);
  assert.equal(tabs[0].seen.findLast(({ type }) => type === 'leading').newer, true);
});

const channels = [];
const track = channel => (channels.push(channel), channel);
afterEach(() => {
  for (const channel of channels.splice(0)) channel.close();
});
