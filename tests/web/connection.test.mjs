import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fakeClock, turn, units } from './units.mjs';

const { connect } = units;

/** A page whose workers do what the test says: each keeps what it was posted. */
function fixture({ create } = {}) {
  const workers = [];
  const heard = [];
  const clock = fakeClock();
  const window = new EventTarget();
  const host = {
    clock,
    window,
    createWorker() {
      create?.();
      const worker = {
        posted: [],
        ended: false,
        postMessage: message => worker.posted.push(message),
        terminate: () => (worker.ended = true),
        lead: () =>
          worker.say({ type: 'leading', leader: `me/${workers.indexOf(worker)}`, own: true }),
        say: message => worker.onmessage({ data: [message] }),
        break: message => worker.onerror({ message, preventDefault() {} }),
        calls: () =>
          worker.posted.filter(({ type }) => type === 'calls').flatMap(({ calls }) => calls),
      };
      workers.push(worker);
      return worker;
    },
  };
  const listener = {
    notice: notice => heard.push(['notice', notice]),
    leading: own => heard.push(['leading', own]),
    lost: () => heard.push(['lost']),
    ask: async question =>
      question.type === 'headers' ? { a: 'b' } : Promise.reject(new Error('no check')),
    complain: reason => heard.push(['complain', reason]),
  };
  const line = connect({ name: 'a' }, host, listener);
  return { clock, heard, line, window, workers };
}
const write = { type: 'write', kind: 'create', collection: 'task', record: 't1' };
const trap = { type: 'failed', error: { code: 'storage', message: 'unreachable.' } };

test('a worker is started and told everything before it is asked', async () => {
  const { line, workers } = fixture();
  void line.call(write);
  void line.call({ type: 'status' });
  line.trigger({ type: 'online' });
  await turn();
  workers[0].lead();
  await turn();
  assert.deepEqual(
    workers[0].posted.map(({ type }) => type),
    ['start', 'trigger', 'calls'],
  );
  assert.deepEqual(workers[0].calls(), [
    [1, write],
    [2, { type: 'status' }],
  ]);
});

test('after a trap another worker is asked what was not answered', async () => {
  const { heard, line, workers } = fixture();
  const answered = line.call({ type: 'status' });
  const waiting = line.call(write);
  workers[0].lead();
  await turn();
  workers[0].say({ type: 'answers', answers: [[1, { value: '{}' }]] });
  workers[0].say(trap);
  workers[1].lead();
  await turn();
  assert.equal(await answered, '{}');
  assert.ok(workers[0].ended);
  assert.deepEqual(workers[1].calls(), [[2, write]]);
  workers[1].say({ type: 'answers', answers: [[2, { value: 'row' }]] });
  assert.equal(await waiting, 'row');
  assert.deepEqual(heard, [['leading', true], ['lost'], ['leading', true]]);
  assert.deepEqual(
    workers.map(({ posted }) => posted[0].start.session),
    [1, 2],
  );
});

test('who leads is told to the page once, however often it is heard', () => {
  const { heard, workers } = fixture();
  for (const leader of ['a/1', 'a/1', 'b/1', 'b/1', 'a/1'])
    workers[0].say({ type: 'leading', leader, own: false });
  assert.deepEqual(heard, [
    ['leading', false],
    ['leading', false],
    ['leading', false],
  ]);
});

test('an error that nobody caught counts as a trap; an ended worker is not heard', async () => {
  const { heard, workers } = fixture();
  workers[0].lead();
  workers[0].break('out of memory');
  workers[0].lead();
  assert.equal(workers.length, 2);
  assert.deepEqual(heard, [['leading', true], ['lost']]);
});

test('five crashes within a minute end it, a minute later one may try again', async () => {
  const { clock, line, workers } = fixture();
  const call = line.call(write);
  for (let i = 0; i < 5; ++i) {
    workers[i].lead();
    workers[i].say(trap);
  }
  await assert.rejects(call, {
    code: 'storage',
    message:
      /stopped 5 times within a minute.*unreachable\..*task t1 may or may not have been recorded/s,
  });
  assert.equal(workers.length, 5);
  await assert.rejects(line.call({ type: 'status' }), { code: 'storage' });
  clock.advance(60_001);
  const again = line.call({ type: 'status' });
  workers[5].lead();
  await turn();
  workers[5].say({ type: 'answers', answers: [[workers[5].calls()[0][0], { value: 'ok' }]] });
  assert.equal(await again, 'ok');
});

test('crashes far apart are forgiven', () => {
  const { clock, workers } = fixture();
  for (let i = 0; i < 20; ++i) {
    workers[i].lead();
    workers[i].say(trap);
    clock.advance(15_001);
  }
  assert.equal(workers.length, 21);
});

test('a worker whose script cannot be loaded is refused for good', async () => {
  const { line, workers } = fixture();
  const call = line.call({ type: 'status' });
  workers[0].break('');
  await assert.rejects(call, { code: 'worker-load', message: /worker-src/ });
  await assert.rejects(line.call(write), { code: 'worker-load' });
  assert.equal(workers.length, 1);
});

test('a worker that cannot be made at all is refused likewise', async () => {
  const { line } = fixture({
    create() {
      throw new DOMException('origin', 'SecurityError');
    },
  });
  await assert.rejects(line.call(write), { code: 'worker-load', message: /SecurityError: origin/ });
});

test('a first worker that cannot hold the database says why, and is not tried again', async () => {
  const { line, workers } = fixture();
  const call = line.call({ type: 'status' });
  workers[0].say({ type: 'failed', error: { code: 'no-opfs', message: 'too old' } });
  await assert.rejects(call, { code: 'no-opfs', message: 'too old' });
  assert.equal(workers.length, 1);
});

test('a page put aside ends its worker, and asks another when it is back', async () => {
  const { heard, line, window, workers } = fixture();
  const call = line.call(write);
  workers[0].lead();
  await turn();
  window.dispatchEvent(new Event('pagehide'));
  assert.ok(workers[0].ended);
  void line.call({ type: 'status' });
  await turn();
  assert.equal(workers.length, 1);
  window.dispatchEvent(new Event('pageshow'));
  window.dispatchEvent(new Event('pageshow'));
  workers[1].lead();
  await turn();
  assert.equal(workers.length, 2);
  assert.deepEqual(workers[1].calls(), [
    [1, write],
    [2, { type: 'status' }],
  ]);
  workers[1].say({ type: 'answers', answers: [[1, { value: 'row' }]] });
  assert.equal(await call, 'row');
  assert.deepEqual(heard, [['leading', true], ['lost'], ['leading', true]]);
});

test("the app's functions are asked here, and answered also when they throw", async () => {
  const { workers } = fixture();
  workers[0].say({ type: 'asked', asked: [1, { type: 'headers' }] });
  workers[0].say({ type: 'asked', asked: [2, { type: 'check' }] });
  await turn();
  const told = workers[0].posted.filter(({ type }) => type === 'told').map(({ told }) => told);
  assert.deepEqual(told[0], [1, { value: { a: 'b' } }]);
  assert.deepEqual(told[1], [2, { error: { code: 'bad-option', message: 'no check' } }]);
});

test('closing waits for what is under way, then for the worker to let go', async () => {
  const { line, workers } = fixture();
  const call = line.call(write);
  workers[0].lead();
  await turn();
  let closed = false;
  const closing = line.close().then(() => (closed = true));
  await turn();
  assert.ok(!workers[0].posted.some(({ type }) => type === 'close'));
  await assert.rejects(line.call(write), { code: 'closed', message: /Nothing was recorded/ });
  workers[0].say({ type: 'answers', answers: [[1, { value: 'row' }]] });
  assert.equal(await call, 'row');
  await turn();
  assert.equal(workers[0].posted.at(-1).type, 'close');
  assert.ok(!closed);
  workers[0].say({ type: 'closed' });
  await closing;
  assert.ok(workers[0].ended);
  await line.close();
});

test('closing gives up after 5 s on what nobody answers, and says so', async () => {
  const { clock, line } = fixture();
  const call = line.call(write);
  const closing = line.close();
  await turn();
  clock.advance(5_000);
  await turn();
  clock.advance(5_000);
  await closing;
  await assert.rejects(call, { code: 'closed', message: /may or may not have been recorded/ });
});
