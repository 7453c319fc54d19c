// The basement test: a technician goes down with work to do, comes up again, and everything that
// was done there reaches the office, in order and once. Real parts throughout: the built demo, a
// browser that is killed, its disk, the demo's server over PostgreSQL, and that server's own log.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { makeProfile, startBrowser, until } from './browser.mjs';
import {
  chip,
  createOrder,
  deleteOrder,
  listed,
  opened,
  openOrder,
  retitle,
  startDemo,
} from './demo.mjs';

const titles = ['Replace the valve', 'استبدال المضخة', '更换电梯钢缆 🛗'];

for (const cutAnswers of ['none', 'first']) {
  const how = cutAnswers === 'first' ? ', the answer of every first request lost' : '';
  test(`what is done in the basement arrives in order and once${how}`, async t => {
    const demo = await startDemo(t);
    const profile = await makeProfile(t);
    let browser = await startBrowser(t, profile);
    let page = await browser.page(demo.url);
    await opened(page);
    await until(async () => (await chip(page)).reachable === 'true', 'the API is reachable');
    await until(async () => Object.keys(await listed(page)).length === 20, '20 orders are pulled');
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    const [kept, deleted] = (await demo.orders()).slice(0, 2).map(({ id }) => id);

    // Down the stairs.
    await demo.control({ offline: true });
    const created = [];
    for (const title of titles) created.push(await createOrder(page, title));
    await retitle(page, created[0], 'Replace both valves');
    await retitle(page, kept, 'Looked at, needs a part');
    await deleteOrder(page, deleted);
    const expected = { 'Replace both valves': created[0], 'Looked at, needs a part': kept };
    const isThere = async () => {
      const list = await listed(page);
      assert.equal(Object.keys(list).length, 22);
      assert.equal(list[deleted], undefined);
      for (const id of created) assert.equal(list[id].mark, 'pending');
      assert.equal(list[kept].mark, 'pending');
      for (const [title, id] of Object.entries(expected)) {
        assert.ok(list[id].text.includes(title), `${list[id].text} has the title '${title}'`);
      }
      assert.equal((await chip(page)).pending, 6);
    };
    await isThere();

    // The app is reloaded, then the battery dies, and it is opened again: still no network.
    await page.reload();
    await opened(page);
    await isThere();
    await browser.kill();
    browser = await startBrowser(t, profile);
    page = await browser.page(demo.url);
    await opened(page);
    await isThere();
    assert.deepEqual(demo.writes(), []);

    // Up again: the server can be reached, but says that it is not well.
    const before = demo.log().length;
    await demo.control({ offline: false, health: 503, cutAnswers });
    await page.evaluate(() => dispatchEvent(new Event('online')));
    const probes = () =>
      demo
        .log()
        .slice(before)
        .filter(({ path }) => path === '/api/health');
    await until(() => probes().length >= 3, 'three probes');
    assert.deepEqual(demo.writes(), []);
    assert.equal((await chip(page)).pending, 6);

    // It is well.
    await demo.control({ health: 200 });
    await until(async () => (await chip(page)).pending === 0, 'the outbox is empty', 30_000);
    const applied = demo.writes().filter(({ effect }) => effect === 'applied');
    const line = ({ method, path }) => `${method} ${path}`;
    assert.deepEqual(
      applied.map(line).sort(),
      [
        ...created.map(() => 'POST /api/orders'),
        `PUT /api/orders/${created[0]}`,
        `PUT /api/orders/${kept}`,
        `DELETE /api/orders/${deleted}`,
      ].sort(),
    );
    assert.equal(new Set(applied.map(({ key }) => key)).size, 6);
    const posted = applied.findIndex(({ body }) => body?.id === created[0]);
    const put = applied.findIndex(entry => line(entry) === `PUT /api/orders/${created[0]}`);
    assert.ok(posted < put, 'a record is created before it is changed');
    for (const { key, body } of demo.writes()) {
      const first = applied.find(entry => entry.key === key);
      assert.deepEqual(body, first.body, 'every attempt carries the same bytes');
    }
    if (cutAnswers === 'first') {
      assert.equal(demo.writes().filter(({ cut }) => cut).length, 6);
      assert.equal(demo.writes().filter(({ effect }) => effect === 'replayed').length, 6);
    } else {
      assert.equal(demo.writes().length, 6);
    }

    const atServer = new Map((await demo.orders()).map(order => [order.id, order.title]));
    assert.equal(atServer.size, 22);
    assert.equal(atServer.has(deleted), false);
    for (const [title, id] of Object.entries(expected)) assert.equal(atServer.get(id), title);
    assert.equal(atServer.get(created[1]), titles[1]);
    assert.equal(atServer.get(created[2]), titles[2]);

    const list = await listed(page);
    assert.deepEqual(
      Object.values(list).filter(({ mark }) => mark !== null),
      [],
      'no mark is left',
    );
    assert.equal((await chip(page)).state, 'sent');
    await openOrder(page, created[0]);
    assert.deepEqual(browser.errors, []);
  });
}
