// Last write wins between devices whose clocks disagree, against the demo's API: the change that
// was made later in true time stays, whichever device made it and whichever arrives first.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';

import { startServer } from '../../demo/server/server.mjs';
import glue from '../../dist/holdfast.js';
import { units } from './units.mjs';

const { connectMemory, parseJson, readOptions, systemClock } = units;
const minute = 60_000;

let server;
let module;

before(async () => {
  server = await startServer();
  const wasm = new URL('../../dist/holdfast.wasm', import.meta.url);
  module = await WebAssembly.compile(await readFile(wasm));
});
after(() => server?.close());

/** A device whose clock is wrong by `error` milliseconds. */
async function device(t, name, error) {
  const clock = { now: () => Date.now() + error, after: systemClock.after };
  const settings = readOptions(
    { name, baseUrl: `${server.url}/api`, collections: { order: {} }, storage: 'memory' },
    undefined,
  );
  const listener = { notice() {}, leading() {}, lost() {}, ask() {}, complain: assert.fail };
  const host = { clock, fetch, glue, module };
  const start = { ...settings, asks: { headers: false, check: false } };
  const line = await connectMemory(start, host, listener);
  t.after(() => line.close());
  let last = 0;
  return {
    /** Writes what a page would have written so many minutes ago. */
    write: (kind, record, change, minutesAgo = 0) =>
      line.call({
        type: 'write',
        client: name,
        number: ++last,
        acknowledged: last - 1,
        at: clock.now() - minutesAgo * minute,
        id: `${name}-${record}-${last}`,
        kind,
        collection: 'order',
        record,
        change: JSON.stringify(kind === 'create' ? change : { set: change }),
      }),
    offline: () => line.call({ type: 'pause' }),
    async sync() {
      await line.call({ type: 'resume' });
      const report = await line.call({ type: 'sync' });
      assert.deepEqual([report.accepted, report.pending], [1, 0]);
    },
    pull: () => line.call({ type: 'pull', collection: 'order' }),
    get: async id => parseJson(await line.call({ type: 'get', collection: 'order', id })).body,
  };
}

for (const error of [10 * minute, -10 * minute, 300 * minute])
  describe(`one device's clock shows ${error / minute} minutes too many`, () => {
    for (const [later, first] of [
      ['off', 'off'],
      ['off', 'right'],
      ['right', 'off'],
      ['right', 'right'],
    ])
      test(`the ${later} one's later change stays, the ${first} one's arriving first`, async t => {
        const id = randomUUID();
        const devices = {
          right: await device(t, `${id}-right`, 0),
          off: await device(t, `${id}-off`, error),
        };
        const { right, off } = devices;
        await right.write('create', id, { title: 'Replace the valve' }, 30);
        await right.sync();
        await off.pull();
        await right.offline();
        await off.offline();

        const earlier = later === 'off' ? 'right' : 'off';
        await devices[earlier].write('update', id, { notes: `by the ${earlier} one` }, 4);
        await devices[later].write('update', id, { notes: `by the ${later} one` }, 2);
        await devices[first].sync();
        await devices[first === 'off' ? 'right' : 'off'].sync();
        await right.pull();
        await off.pull();

        const wanted = `by the ${later} one`;
        const answer = await (await fetch(`${server.url}/api/orders/${id}`)).json();
        assert.equal(answer.notes, wanted);
        assert.deepEqual(await right.get(id), answer);
        assert.deepEqual(await off.get(id), answer);
        // And the time it says is the true one, to the second and the way of an answer.
        assert.ok(Math.abs(Date.parse(answer.updatedAt) - (Date.now() - 2 * minute)) < 20_000);
      });
  });
