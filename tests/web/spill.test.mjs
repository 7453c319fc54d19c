import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { fakeClock, turn, units } from './units.mjs';

const { spillingLine } = units;

let clock;
let leader;
let journal;
let heard;
let line;

beforeEach(() => {
  clock = fakeClock();
  heard = [];
  // Applies what it is sent, in the order of numbers, while it is awake; a call that it slept
  // through stays with it until it wakes.
  leader = {
    awake: true,
    applied: 0,
    taken: [],
    waiting: [],
    call: (call, forgotten) =>
      new Promise((resolve, reject) => {
        const handle = () => {
          if (forgotten?.aborted) return;
          if (call.type === 'takeIn') {
            leader.takeIn();
            return resolve(null);
          }
          if (call.number === undefined) return resolve(leader.answers?.[call.type] ?? '[]');
          if (call.number > Math.max(leader.applied, call.acknowledged) + 1)
            return reject(new units.HoldfastError('take-journal-first', 'too early'));
          leader.take(call);
          resolve(`row ${call.number}`);
        };
        forgotten?.addEventListener('abort', () => reject(forgotten.reason));
        if (leader.awake) handle();
        else leader.waiting.push(handle);
      }),
    take(call) {
      if (call.number <= leader.applied) return;
      leader.applied = call.number;
      leader.taken.push(call.number);
    },
    takeIn() {
      for (const call of journal.calls.splice(0)) leader.take(call);
    },
    sleep: () => (leader.awake = false),
    wake() {
      leader.awake = true;
      for (const handle of leader.waiting.splice(0)) handle();
    },
    trigger() {},
    close: async () => {},
  };
  journal = {
    calls: [],
    broken: undefined,
    async add(calls) {
      if (journal.broken) throw journal.broken;
      journal.calls.push(...structuredClone(calls));
    },
    close() {},
  };
  line = spillingLine(leader, {
    clock,
    client: 'page',
    journal,
    spilling: on => heard.push(on ? 'spilling' : 'direct'),
    changed: collections => heard.push(`changed ${collections ?? 'all'}`),
    complain: reason => heard.push(reason),
  });
  line.started();
});

const write = (record = 'a') =>
  line.write({ type: 'write', id: 'm', kind: 'create', collection: 'task', record, change: '{}' });
const settled = promise =>
  promise.then(
    value => ({ value }),
    error => ({ error: error.code }),
  );
const state = promise => Promise.race([promise, turn()]);
async function pass(ms) {
  for (let i = 0; i < ms; i += 250) {
    clock.advance(250);
    await turn();
  }
}

test('what a leader answers is never spilled', async () => {
  assert.equal(await write(), 'row 1');
  assert.equal(await write(), 'row 2');
  assert.deepEqual(journal.calls, []);
  assert.equal(clock.pending(), 1);
  await pass(500);
  assert.equal(clock.pending(), 0, 'an idle page has no timer');
  assert.deepEqual(heard, []);
});

test('a write that nobody answers is on disk, and answered, within 1.5 s', async () => {
  leader.sleep();
  const one = write();
  await pass(750);
  assert.equal(await state(one), undefined);
  await pass(500);
  assert.equal((await one).body.id, 'a');
  assert.deepEqual(heard, ['spilling', 'changed task']);
  const two = await write('b');
  assert.equal(two.sync.status, 'pending');
  assert.deepEqual(
    journal.calls.map(({ number }) => number),
    [1, 2],
  );
});

test('when it wakes, what it slept through is taken once and in order', async () => {
  leader.sleep();
  void write();
  await pass(1_250);
  await write('b');
  leader.wake();
  await turn();
  const three = write('c');
  assert.equal(await three, 'row 3');
  assert.deepEqual(leader.taken, [1, 2, 3]);
  assert.deepEqual(heard.slice(-2), ['direct', 'changed all']);
});

test('a gap is answered by asking for the journal first', async () => {
  const { call } = leader;
  let asked = '';
  leader.call = (question, forgotten) => {
    asked += ` ${question.type}`;
    if (asked === ' write')
      return Promise.reject(new units.HoldfastError('take-journal-first', 'too early'));
    return call(question, forgotten);
  };
  assert.equal(await write(), 'row 1');
  assert.equal(asked, ' write takeIn write');
});

test('a read that is answered before the journal is taken in shows what was spilled', async () => {
  leader.sleep();
  void write();
  await pass(1_250);
  leader.waiting = [];
  leader.awake = true;
  const list = { type: 'list', collection: 'task', query: {} };
  assert.deepEqual(
    JSON.parse(await line.call(list)).map(({ body }) => body.id),
    ['a'],
  );
});

test('and of what a leader answered just before it fell silent', async () => {
  const list = { type: 'list', collection: 'task', query: {} };
  await line.call(list);
  await write('a');
  leader.sleep();
  void write('b');
  await pass(1_250);
  assert.deepEqual(
    JSON.parse(await line.call(list)).map(({ body }) => body.id),
    ['a', 'b'],
  );
});

test('it reads what it wrote, laid over what it read last', async () => {
  const list = { type: 'list', collection: 'task', query: {} };
  assert.equal(await line.call(list), '[]');
  leader.sleep();
  void write();
  await pass(1_250);
  assert.deepEqual(
    JSON.parse(await line.call(list)).map(({ body }) => body.id),
    ['a'],
  );
  assert.equal(await write('a').catch(({ code }) => code), 'exists');
});

test('what cannot be known is asked for, and rejected after some seconds', async () => {
  leader.sleep();
  const read = settled(line.call({ type: 'get', collection: 'task', id: 'x' }));
  const sync = settled(line.call({ type: 'sync' }));
  await pass(1_750);
  assert.equal(await state(read), undefined);
  await pass(500);
  assert.deepEqual(await state(read), { error: 'no-leader' });
  assert.equal(await state(sync), undefined);
  await pass(8_000);
  assert.deepEqual(await state(sync), { error: 'no-leader' });
});

test('a long call of a leader that is there is waited for', async () => {
  const { call } = leader;
  let finish;
  leader.call = (asked, forgotten) =>
    asked.type === 'sync' ? new Promise(resolve => (finish = resolve)) : call(asked, forgotten);
  const sync = line.call({ type: 'sync' });
  await pass(60_000);
  assert.equal(await state(sync), undefined);
  finish('report');
  assert.equal(await sync, 'report');
  assert.deepEqual(heard, []);
});

test('without a journal a write is refused, or waits for who was sent it', async () => {
  journal.broken = new DOMException('no room', 'QuotaExceededError');
  leader.sleep();
  const sent = write('a');
  await pass(1_250);
  assert.deepEqual(await settled(write('b')), { error: 'disk-full' });
  assert.equal(await state(sent), undefined);
  leader.wake();
  assert.equal(await sent, 'row 1');
  assert.equal(await write('c'), 'row 3');
  assert.deepEqual(leader.taken, [1, 3]);
});

test('and in the end it is not waited for any more', async () => {
  journal.broken = new Error('no journal');
  leader.sleep();
  const sent = settled(write('a'));
  await pass(11_000);
  assert.deepEqual(await sent, { error: 'no-leader' });
  leader.wake();
  await pass(250);
  assert.equal(await write('b'), 'row 2');
});

test('a worker that is starting takes its time', async () => {
  line = spillingLine(leader, { clock, client: 'page', journal, complain() {}, spilling() {} });
  leader.sleep();
  const status = line.call({ type: 'status' });
  await pass(60_000);
  assert.equal(await state(status), undefined);
  leader.wake();
  assert.equal(await status, '[]');
});

test('closing keeps what is spilled, and waits for what is on its way there', async () => {
  leader.sleep();
  void write();
  await pass(1_250);
  const last = write('b');
  await line.close();
  assert.equal((await last).body.id, 'b');
  assert.equal(journal.calls.length, 2);
});
