import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import glue from '../../dist/holdfast.js';
import { fakeClock, noon, turn, units } from './units.mjs';

const { compileBytes, memoryFile, openCore, readOptions, replay, snapshotOf } = units;
const wasm = readFileSync(new URL('../../dist/holdfast.wasm', import.meta.url));
const module = await compileBytes(wasm, 'dist/holdfast.wasm');

const { config } = readOptions({
  name: 'a',
  baseUrl: 'http://localhost/api',
  collections: { task: {} },
});
const files = () => Array.from({ length: 4 }, () => memoryFile());
const write = number => ({
  type: 'write',
  client: 'page',
  number,
  acknowledged: number - 1,
  at: noon,
  id: `m${number}`,
  kind: 'create',
  collection: 'task',
  record: `t${number}`,
  change: '{"n":1}',
});
const looks = core =>
  ['status', 'outbox', 'history']
    .map(type => core.read({ type, limit: 100 }))
    .concat(core.read({ type: 'list', collection: 'task', query: {} }));

/** A database in which three writes wait, and a copy of its files. */
async function database() {
  const held = files();
  const core = await openCore(glue, module, config, held);
  core.handle([{ type: 'open' }, write(1), write(2), write(3)], noon);
  core.close();
  const copy = held.map(file => {
    const bytes = new Uint8Array(file.getSize());
    file.read(bytes, { at: 0 });
    return memoryFile(bytes);
  });
  return { held, copy };
}

const accepted = ({ body }) => ({
  outcome: {
    status: 201,
    redirect: false,
    complete: true,
    contentType: 'application/json',
    etag: '',
    retryAfter: '',
    date: '',
    body,
  },
});
const well = {
  probe: async () => ({ ...accepted({ body: '{}' }), check: true }),
  sendBatch: () => assert.fail('no batch'),
};

/** Replays over a copy, and then takes the steps that were recorded over the files themselves. */
async function play({ send, stop = new AbortController().signal, record = () => {} }) {
  const { held, copy } = await database();
  const steps = [];
  const core = await openCore(glue, module, config, copy);
  const host = {
    clock: fakeClock(),
    stop,
    transport: { ...well, send },
    async record(step) {
      await turn();
      steps.push(structuredClone(step));
      await record(step);
    },
  };
  const time = setInterval(() => host.clock.advance(500), 1);
  const left = await replay(core, host, [{ type: 'open' }, { type: 'sync' }]).finally(() =>
    clearInterval(time),
  );
  const after = await openCore(glue, module, config, held);
  for (const { events, now } of steps) after.handle(events, now);
  return { left, core, after, steps };
}

test('who takes the same steps stands where the replay ended', async () => {
  const sent = [];
  const { left, core, after } = await play({
    send: async effect => (sent.push(effect.id), accepted(effect)),
  });
  assert.equal(left, 0);
  assert.deepEqual(sent.sort(), ['m1', 'm2', 'm3']);
  assert.deepEqual(looks(after), looks(core));
  assert.deepEqual(JSON.parse(after.read({ type: 'outbox', limit: 10 })), []);
});

test('an attempt is recorded before it is made', async () => {
  let recorded = 0;
  await play({
    record: ({ events }) => void (recorded += events.length),
    send: async effect => {
      assert.ok(recorded >= 3, 'open, sync and the probe');
      return accepted(effect);
    },
  });
});

test('what was claimed and never answered is unknown to whoever leads next', async () => {
  const stop = new AbortController();
  const { left, after } = await play({
    stop: stop.signal,
    send: () => {
      setImmediate(() => stop.abort());
      return new Promise(() => {});
    },
  });
  assert.equal(left, 3);
  after.handle([{ type: 'open' }], noon + 1);
  const entries = JSON.parse(after.read({ type: 'outbox', limit: 10 }));
  assert.deepEqual(
    entries.map(({ state, attempts }) => [state, attempts]),
    Array(3).fill(['outcome unknown', 1]),
  );
});

test('nothing is sent of a step that could not be recorded', async () => {
  const failing = play({
    record: async ({ events }) => {
      if (events.some(({ type }) => type === 'probed')) throw new Error('no room');
    },
    send: () => assert.fail('sent'),
  });
  await assert.rejects(failing, /no room/);
});

test('what has to wait for long is left to another time', async () => {
  const { left } = await play({ send: async () => ({ outcome: 'network' }) });
  assert.equal(left, 3);
});

test('a copy is read as far as it goes, and grows', () => {
  const file = memoryFile(new Uint8Array([1, 2, 3]));
  const read = (length, at) => {
    const buffer = new Uint8Array(length);
    return [...buffer.subarray(0, file.read(buffer, { at }))];
  };
  assert.deepEqual([read(2, 1), read(9, 2), read(1, 7)], [[2, 3], [3], []]);
  assert.equal(file.write(new Uint8Array([9]), { at: 5 }), 1);
  assert.deepEqual(read(9, 0), [1, 2, 3, 0, 0, 9]);
  file.truncate(2);
  file.truncate(4);
  assert.deepEqual(read(9, 0), [1, 2, 0, 0]);
});

test('files that are too large together are not copied', async () => {
  const directory = {
    async getFileHandle(name) {
      if (name === 'none') throw new DOMException('none', 'NotFoundError');
      return { getFile: async () => new Blob(['abc']) };
    },
  };
  assert.equal(await snapshotOf(directory, ['a', 'b'], 5), undefined);
  const copies = await snapshotOf(directory, ['a', 'none'], 5);
  assert.deepEqual(
    copies.map(file => file.getSize()),
    [3, 0],
  );
});
