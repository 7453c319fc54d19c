// `holdfast/testing` with Playwright: the API is the test's, at the requests of the worker.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fillDisk, goOffline, killTab, openTestApi } from '../../dist/testing.js';
import { launch, open, serve, tab } from './tab.mjs';

test('an app is tested against an API that misbehaves on demand', async t => {
  const server = await serve();
  t.after(() => server.close());
  const browser = await launch();
  t.after(() => browser.close());
  const api = openTestApi(`${server.origin}/v1`);
  const options = { baseUrl: '/v1', backoff: { baseMs: 10, capMs: 100 } };
  const first = await browser.context.newPage();
  await api.route(first);
  await first.close();
  let page = await tab(browser.context, server.origin, 'testing', options);
  const synced = () => page.waitForFunction(() => hf.status.get().pending === 0);
  const titles = () => api.records('/tasks').map(({ title }) => title);

  await t.test('the answer of a worker’s request is lost after it took effect', async () => {
    api.next('lose-answer', { match: ({ method }) => method === 'POST' });
    await page.evaluate(() => tasks.create({ title: 'Once' }));
    await synced();
    assert.deepEqual(titles(), ['Once']);
    assert.equal(api.requests.filter(({ method }) => method === 'POST').length, 2);
  });

  await t.test('goOffline takes the network away and gives it back', async () => {
    const goOnline = await goOffline(page, api);
    await page.evaluate(() => tasks.create({ title: 'Basement' }));
    assert.equal(await page.evaluate(() => navigator.onLine), false);
    assert.deepEqual(titles(), ['Once']);
    await goOnline();
    await synced();
    assert.deepEqual(titles(), ['Once', 'Basement']);
  });

  await t.test('fillDisk refuses writes until it is lifted', async () => {
    const lift = await fillDisk(page);
    const code = await page.evaluate(async () => {
      try {
        for (let n = 0; n < 40; n++) await tasks.create({ title: 'x'.repeat(500_000) });
      } catch (error) {
        return error.code;
      }
    });
    assert.equal(code, 'disk-full');
    await lift();
  });

  await t.test('killTab leaves what was recorded, and another tab goes on', async () => {
    api.healthy = false;
    await page.evaluate(() => tasks.create({ title: 'Killed' }));
    await killTab(page);
    page = await browser.context.newPage();
    await page.goto(server.origin);
    api.healthy = true;
    await open(page, 'testing', options);
    await synced();
    assert.ok(titles().includes('Killed'));
  });
});
