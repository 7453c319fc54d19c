// The demo's app in a browser, beside what the basement test shows: by keyboard alone, with a
// server that refuses, with words that look like markup, and when a new version comes.

import assert from 'node:assert/strict';
import { appendFile, cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { buildDemo } from '../../../demo/build.mjs';
import { startServer } from '../../../demo/server/server.mjs';
import { makeProfile, startBrowser, until } from '../../browser/browser.mjs';
import { byTestId, chip, createOrder, opened, openOrder, startDemo } from '../../browser/demo.mjs';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** A tab with the demo in it, its orders shown; what breaks the policy of its pages is an error. */
async function openDemo(t, url, browser) {
  browser ??= await startBrowser(t, await makeProfile(t));
  const page = await browser.page();
  page.on('console', message => {
    if (/Content Security Policy/.test(message.text())) browser.errors.push(message.text());
  });
  await page.goto(url);
  await opened(page);
  return { browser, page };
}

const rows = page => page.locator(byTestId('order-row'));
const focused = page =>
  page.evaluate(() => {
    const { dataset, className } = document.activeElement;
    return dataset.testid ?? className;
  });

test('everything is done by keyboard alone', async t => {
  const demo = await startDemo(t);
  const { browser, page } = await openDemo(t, demo.url);
  await rows(page).first().waitFor();
  const titles = await rows(page).locator('.row-title').allTextContents();
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  const reach = async (id, key = 'Tab') => {
    for (let left = 20; (await focused(page)) !== id; left -= 1) {
      assert.ok(left > 0, `${key} reaches ${id}`);
      await press(key);
    }
  };

  // Ticked off, an order leaves the list, and the focus goes to the one in its place.
  await reach('done-toggle');
  await press('ArrowDown', 'Space');
  await until(async () => (await rows(page).count()) === titles.length - 1, 'it leaves the list');
  const name = page.locator(':focus').getAttribute('aria-label');
  assert.equal(await name, `Done: ${titles[2]}`);

  await press('Tab', 'Enter');
  await until(async () => (await focused(page)) === 'detail-title', 'the order is read out');
  await reach('edit', 'Shift+Tab');
  await press('Enter');
  await reach('title-input');
  await page.keyboard.type('By keyboard');
  await press('Enter');
  await until(async () => (await focused(page)) === 'detail-title', 'the form is saved');
  assert.equal(await page.locator(byTestId('detail-title')).textContent(), 'By keyboard');

  await reach('delete', 'Shift+Tab');
  await press('Enter', 'Escape');
  assert.equal(await focused(page), 'delete');
  await press('Enter', 'Tab', 'Enter');
  await until(async () => page.url().endsWith('#/'), 'deleted, and back in the list');
  await until(() => demo.writes().length === 3, 'all of it is sent');
  assert.deepEqual(browser.errors, []);
});

test('what the server refuses is red, and is retried or discarded', async t => {
  const demo = await startDemo(t);
  const { browser, page } = await openDemo(t, demo.url);
  await rows(page).first().waitFor();
  await page.locator(byTestId('switch-failing')).check();
  const id = await createOrder(page, 'Refused order');
  const isRefused = async () => (await chip(page)).failed === 1;
  await until(isRefused, 'the chip counts it');
  const marks = page.locator(`[data-id="${id}"] ${byTestId('mark')}`);
  const statuses = await marks.evaluateAll(all => all.map(({ dataset }) => dataset.status));
  assert.deepEqual(statuses, ['failed', 'failed'], 'in the list and above the order');

  const sheet = page.locator(byTestId('outbox-sheet'));
  const letter = sheet.locator(byTestId('dead-letter'));
  await page.locator(byTestId('chip')).click();
  await letter.waitFor();
  assert.equal(await letter.getAttribute('data-record'), id);
  assert.match(await letter.textContent(), /Refused order.*did not accept.*switch.*is on/su);

  const refusals = demo.writes().length;
  await letter.locator(byTestId('retry')).click();
  await until(() => demo.writes().length === refusals + 1, 'it is sent again');
  await until(isRefused, 'and refused again');

  await page.locator(byTestId('close-outbox')).click();
  await page.locator(byTestId('switch-failing')).uncheck();
  await page.locator(byTestId('chip')).click();
  await letter.locator(byTestId('retry')).click();
  await until(async () => (await chip(page)).state === 'sent', 'it is accepted');
  assert.equal(await letter.count(), 0);
  await page.locator(byTestId('close-outbox')).click();

  await page.locator(byTestId('switch-failing')).check();
  await openOrder(page, id);
  await page.locator(`${byTestId('detail')} ${byTestId('done-toggle')}`).click();
  await until(isRefused, 'a change of it is refused');
  await page.locator(`${byTestId('standing')} button`).click();
  await letter.locator(byTestId('discard')).click();
  await until(async () => (await chip(page)).state === 'sent', 'nothing is left of it');
  const status = page.locator(byTestId('detail'));
  await until(async () => (await status.getAttribute('data-status')) === 'open', 'it is as it was');
  assert.deepEqual(browser.errors, []);
});

test('words that look like markup are words', async t => {
  const demo = await startDemo(t);
  const { browser, page } = await openDemo(t, demo.url);
  const title = '<img src=x onerror="throw 1">&lt;b&gt;';
  await createOrder(page, title);
  assert.equal(await page.locator(byTestId('detail-title')).textContent(), title);
  await page.locator('.back').click();
  await page.locator(byTestId('filter-all')).click();
  const shown = rows(page).filter({ hasText: title });
  assert.equal(await shown.locator('.row-title').textContent(), title);
  assert.equal(await page.locator('img[src=x]').count(), 0);
  assert.deepEqual(browser.errors, []);
});

test('nothing moves on the page while it opens', async t => {
  const demo = await startDemo(t, { seed: 500 });
  const { browser, page } = await openDemo(t, demo.url);
  await rows(page).first().waitFor();
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    await page.reload();
    await rows(page).first().waitFor();
    await until(async () => (await chip(page)).state === 'sent', 'the API is reached');
    const shift = await page.evaluate(
      () =>
        new Promise(resolve => {
          new PerformanceObserver(list => {
            resolve(list.getEntries().reduce((sum, { value }) => sum + value, 0));
          }).observe({ type: 'layout-shift', buffered: true });
          setTimeout(() => resolve(0), 500);
        }),
    );
    assert.ok(shift < 0.001, `${shift} at ${width} px`);
  }
  assert.deepEqual(browser.errors, []);
});

test('a new version waits to be asked for, and is then whole in every tab', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-demo-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const [dist, out] = [join(folder, 'dist'), join(folder, 'out')];
  await cp(join(root, 'dist'), dist, { recursive: true });
  await buildDemo({ dist, out });
  const server = await startServer({ staticDir: out, seed: 5 });
  t.after(() => server.close());
  const { browser, page } = await openDemo(t, server.url);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  const { page: other } = await openDemo(t, `${server.url}/#/new`, browser);
  await other.fill(byTestId('title-input'), 'Not saved yet');

  await appendFile(join(dist, 'worker.js'), '\n// The next version.\n');
  await buildDemo({ dist, out });
  const isNew = tab =>
    tab.evaluate(async () => (await (await fetch('worker.js')).text()).includes('next version'));
  await page.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update());
  const reload = page.locator(`${byTestId('toast')} button`);
  await reload.waitFor();
  assert.equal(await isNew(page), false);

  const loaded = Promise.all([page, other].map(tab => tab.waitForEvent('load')));
  await reload.click();
  await loaded;
  await Promise.all([opened(page), opened(other)]);
  assert.deepEqual([await isNew(page), await isNew(other)], [true, true]);
  assert.equal(await other.inputValue(byTestId('title-input')), 'Not saved yet');
  assert.equal((await page.evaluate(() => caches.keys())).length, 1);
  assert.deepEqual(browser.errors, []);
});
