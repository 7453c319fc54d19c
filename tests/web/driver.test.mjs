import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fakeClock, step, turn, units } from './units.mjs';

const { drive, HoldfastError } = units;
const write = number => ({ type: 'write', number });

/** A loop over a core that answers with `steps` in turn, and what passed between them. */
function fixture(steps = []) {
  const clock = fakeClock();
  const log = [];
  const core = {
    handle(events) {
      log.push(['handle', events.map(event => event.number ?? event.type)]);
      const next = steps.shift() ?? step({ results: events.map(() => ({})) });
      if (next instanceof Error) throw next;
      return next;
    },
    read(read) {
      log.push(['read', read.type]);
      return '[]';
    },
    idle: () => log.push(['idle']),
  };
  const host = {
    clock,
    soon: queueMicrotask,
    send: async effect => (log.push(['send', effect.id]), { outcome: 'timeout' }),
    sendBatch: async effect => (log.push(['sendBatch', effect.path]), 'network'),
    probe: async () => (log.push(['probe']), { outcome: 'network', check: false }),
    async *fetch(effect) {
      log.push(['fetch', effect.path]);
      yield* effect.parts ?? [{ outcome: 'network' }];
    },
    stepped: () => log.push(['stepped']),
    fail: error => log.push(['fail', error.message]),
  };
  const driver = drive(core, host, [{ type: 'open' }]);
  return { clock, log, driver };
}

test('what is posted in one turn is one step, and each gets its own result', async () => {
  const answers = [];
  const results = [{}, { record: null }, { error: { code: 'exists', message: '' } }];
  const { driver, log } = fixture([step({ results })]);
  driver.post(write(1), result => answers.push(result));
  driver.post(write(2), result => answers.push(result));
  await turn();
  assert.deepEqual(log, [['handle', ['open', 1, 2]], ['stepped']]);
  assert.deepEqual(answers, results.slice(1));
});

test('a later turn is another step', async () => {
  const { driver, log } = fixture();
  await turn();
  driver.post(write(1));
  await turn();
  assert.deepEqual(log, [['handle', ['open']], ['stepped'], ['handle', [1]], ['stepped']]);
});

test('effects are carried out in order, and their answers name their attempt', async () => {
  const send = { type: 'send', epoch: 3, id: 'm1', attempt: 2 };
  const probe = { type: 'probe', epoch: 3, probe: 7 };
  const page = { type: 'fetch', epoch: 3, pull: 4, collection: 'task', path: '/tasks?since=' };
  const members = [{ id: 'm2', attempt: 1 }];
  const batch = { type: 'sendBatch', epoch: 3, members, path: '/batch', body: '{}' };
  const steps = [step({ effects: [send, batch, probe, page] })];
  const { log, driver } = fixture(steps);
  const events = [];
  await turn();
  assert.deepEqual(log.slice(0, 6), [
    ['handle', ['open']],
    ['send', 'm1'],
    ['sendBatch', '/batch'],
    ['probe'],
    ['fetch', '/tasks?since='],
    ['stepped'],
  ]);
  assert.deepEqual(log[6], ['handle', ['answered', 'batchAnswered', 'probed']]);
  assert.deepEqual(log[8], ['handle', ['pulled']]);
  driver.stop();
  assert.equal(events.length, 0);
});

test('the parts of a page are steps of their own, and what others want goes between', async () => {
  const parts = [0, 1, 2].map(part => ({ outcome: 'network', part, last: part === 2 }));
  const page = { type: 'fetch', epoch: 3, pull: 4, collection: 'task', path: '/tasks', parts };
  const { log, driver, clock } = fixture([step({ effects: [page] })]);
  const steps = () => log.filter(([what]) => what === 'handle').map(([, events]) => events);
  await turn();
  assert.deepEqual(steps(), [['open'], ['pulled']]);
  driver.post(write(1));
  await turn();
  assert.deepEqual(steps().at(-1), [1]);
  for (const _ of parts) {
    clock.advance(0);
    await turn();
  }
  assert.deepEqual(steps(), [['open'], ['pulled'], [1], ['pulled'], ['pulled']]);
});

test('of a page that the core has done with nothing more is read', async () => {
  const parts = [0, 1].map(part => ({ outcome: 'network', part, last: false }));
  const page = { type: 'fetch', epoch: 3, pull: 4, collection: 'task', path: '/tasks', parts };
  const ended = { type: 'pullEnded', collection: 'task', pulled: 0, error: {} };
  const { log, clock } = fixture([step({ effects: [page] }), step({ effects: [ended] })]);
  await turn();
  clock.advance(0);
  await turn();
  assert.equal(log.filter(([what]) => what === 'handle').length, 2);
});

test('there is one alarm: the one that the latest step asked for', async () => {
  const clockAt = Date.UTC(2026, 0, 1, 12);
  const { clock, log, driver } = fixture([
    step({ wakeAt: clockAt + 5_000 }),
    step({ wakeAt: clockAt + 60_000 }),
  ]);
  await turn();
  driver.post(write(1));
  await turn();
  clock.advance(59_999);
  await turn();
  assert.equal(log.filter(([what]) => what === 'handle').length, 2);
  clock.advance(1);
  await turn();
  assert.deepEqual(log.filter(([what]) => what === 'handle').at(-1), ['handle', ['tick']]);
});

test('a read sees the writes that were called before it', async () => {
  const { driver, log } = fixture();
  driver.post(write(1));
  driver.read({ type: 'status' }, () => log.push(['answer']));
  await turn();
  assert.deepEqual(log, [['handle', ['open', 1]], ['stepped'], ['read', 'status'], ['answer']]);
});

test('a read that nothing precedes is answered at once', async () => {
  const { driver, log } = fixture();
  await turn();
  log.length = 0;
  driver.read({ type: 'status' }, () => log.push(['answer']));
  assert.deepEqual(log, [['read', 'status'], ['answer']]);
});

test('a step that could not be stored: callers are told, all is opened anew', async () => {
  const answers = [];
  const { driver, log } = fixture([step(), new HoldfastError('storage', 'flush failed')]);
  await turn();
  log.length = 0;
  driver.post(write(1), result => answers.push(result));
  await turn();
  assert.deepEqual(answers, [{ error: { code: 'storage', message: 'flush failed' } }]);
  assert.deepEqual(log, [
    ['handle', [1]],
    ['fail', 'flush failed'],
  ]);
});

test('a full disk ends nothing as long as every event had a caller', async () => {
  const answers = [];
  const { driver, log } = fixture([step(), new HoldfastError('disk-full', 'full')]);
  await turn();
  driver.post(write(1), result => answers.push(result.error.code));
  await turn();
  driver.post(write(2), result => answers.push(result));
  await turn();
  assert.deepEqual(answers, ['disk-full', {}]);
  assert.ok(!log.some(([what]) => what === 'fail'));
});

test('a trap answers nobody, for nobody knows, and fails once', async () => {
  const answers = [];
  const { driver, log, clock } = fixture([step(), new WebAssembly.RuntimeError('unreachable')]);
  await turn();
  log.length = 0;
  driver.post(write(1), result => answers.push(result));
  await turn();
  driver.post(write(2), result => answers.push(result));
  driver.read({ type: 'status' }, text => answers.push(text));
  clock.advance(10_000);
  await turn();
  assert.deepEqual(answers, []);
  assert.deepEqual(log, [
    ['handle', [1]],
    ['fail', 'unreachable'],
  ]);
});

test('an answer that comes after the end reaches nothing', async () => {
  const { driver, log } = fixture([step({ effects: [{ type: 'send', id: 'm1' }], wakeAt: 0 })]);
  await Promise.resolve();
  driver.stop();
  await turn();
  assert.deepEqual(log, [['handle', ['open']], ['send', 'm1'], ['stepped']]);
});

test('the core may tidy once a second has passed without a step', async () => {
  const { clock, driver, log } = fixture();
  await turn();
  clock.advance(900);
  driver.post(write(1));
  await turn();
  clock.advance(900);
  assert.ok(!log.some(([what]) => what === 'idle'));
  clock.advance(1_100);
  assert.equal(log.filter(([what]) => what === 'idle').length, 1);
  clock.advance(60_000);
  assert.equal(log.filter(([what]) => what === 'idle').length, 1);
});
