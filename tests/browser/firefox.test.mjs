// The package in a stock Firefox: files in OPFS, the lock, the journal and the change of leader.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';

import { until } from './browser.mjs';
import { accept, launchFirefox, open, serve, tab } from './tab.mjs';

let api;
let browser;
let name;
let names = 0;

before(async () => {
  api = await serve();
  browser = await launchFirefox();
});

after(async () => {
  await browser?.close();
  api?.close();
});

beforeEach(async () => {
  name = `firefox/${++names}`;
  Object.assign(api, { healthy: true, reply: accept, requests: [] });
  for (const page of (await browser.pages()).slice(1)) await page.close();
});

const newTab = () => tab(browser, api.origin, name);
const numbers = page =>
  page.evaluate(async () => (await tasks.list({ orderBy: 'n' })).map(({ n }) => n));
const create = (page, count, from = 0) =>
  page.evaluate(
    async (count, from) => {
      for (let n = from; n < from + count; ++n) await tasks.create({ n });
    },
    count,
    from,
  );
const leads = page =>
  until(() => page.evaluate(() => hf.status.get().leader), 'the tab leads');
const upTo = n => [...Array(n).keys()];

test('what is written offline outlives a reload, and is sent once', async () => {
  api.healthy = false;
  const page = await newTab();
  assert.equal(await page.evaluate(() => hf.status.get().storage), 'opfs');
  await create(page, 20);
  await page.reload();
  await open(page, name);
  assert.deepEqual(await numbers(page), upTo(20));
  api.healthy = true;
  const report = await page.evaluate(() => hf.sync());
  assert.deepEqual([report.rejected, report.pending, report.reachable], [0, 0, true]);
  assert.equal(new Set(api.writes().map(({ key }) => key)).size, 20);
  assert.equal(api.writes().length, 20);
});

test('a hidden tab makes way, and takes over again when the other goes amid writes', async () => {
  api.healthy = false;
  const first = await newTab();
  await create(first, 1);
  const second = await newTab(); // Which hides the first.
  await leads(second);
  const written = create(first, 100, 1);
  await until(async () => (await numbers(second)).length > 10, 'some are written');
  await second.close();
  await written;
  await leads(first);
  assert.deepEqual(await numbers(first), upTo(101));
});

test('while nobody has the files a write goes to the journal, and comes back', async () => {
  const page = await newTab();
  await create(page, 1);
  await page.evaluate(
    name =>
      new Promise(had => {
        void navigator.locks.request(`holdfast:${name}`, { steal: true }, () => {
          had();
          return new Promise(resolve => (globalThis.letGo = resolve));
        });
      }),
    name,
  );
  await until(() => page.evaluate(() => !hf.status.get().leader), 'its term is over');
  await create(page, 1, 1);
  assert.equal(await page.evaluate(() => hf.status.get().storage), 'spill');
  await page.evaluate(() => letGo());
  await leads(page);
  await until(() => page.evaluate(() => hf.status.get().storage === 'opfs'), 'it is taken in');
  assert.deepEqual(await numbers(page), upTo(2));
  await page.evaluate(() => hf.sync());
  assert.equal(api.writes().length, 2);
});
