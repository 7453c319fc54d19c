// The demo's app with changes that depend on one another: one order fails while another goes
// through, what waits says for what, and whoever is signed out signs in again.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { makeProfile, startBrowser, until } from '../../browser/browser.mjs';
import {
  addNote,
  byTestId,
  chip,
  createOrder,
  deleteOrder,
  opened,
  openOrder,
  startDemo,
} from '../../browser/demo.mjs';

/** The demo with a tab of it, as wide as a phone. */
async function openDemo(t, width = 390) {
  const demo = await startDemo(t);
  const browser = await startBrowser(t, await makeProfile(t));
  const page = await browser.page();
  await page.setViewportSize({ width, height: 844 });
  await page.goto(demo.url);
  await opened(page);
  await until(async () => (await chip(page)).state === 'sent', 'the API is reached');
  return { demo, browser, page };
}

const isSent = page => async () => (await chip(page)).state === 'sent';
const isRefused = page => async () => (await chip(page)).failed === 1;
const letterOf = (page, id) => page.locator(`${byTestId('dead-letter')}[data-record="${id}"]`);
const focused = page => page.evaluate(() => document.activeElement.dataset.testid);
const plain = text => text.replace(/[\u2068\u2069]/g, '');

/** Nothing sticks out at the side, in the page and in what is open above it. */
async function assertFits(page) {
  const wide = await page.evaluate(() =>
    [...document.querySelectorAll('body, body *')]
      .filter(element => element.checkVisibility() && !element.closest('svg, .visually-hidden'))
      .filter(element => element.getBoundingClientRect().right > innerWidth + 0.5)
      .map(element => element.outerHTML.slice(0, 80)),
  );
  assert.deepEqual(wide, []);
}

/** Two orders, made offline, of which the server refuses the first, with a note, by its title. */
async function makeTwo(page) {
  await page.locator(byTestId('switch-offline')).check();
  const other = await createOrder(page, 'Goes through');
  const refused = await createOrder(page, 'Refused as it is', 'The key is under the mat');
  await page.locator(byTestId('switch-refuse')).check();
  await page.locator(byTestId('switch-offline')).uncheck();
  await until(isRefused(page), 'one is refused');
  return { refused, other };
}

test('one order fails, the other goes through, and what waits says for what', async t => {
  const { demo, browser, page } = await openDemo(t);
  const { refused, other } = await makeTwo(page);
  const made = async id => (await demo.orders()).some(order => order.id === id);
  await until(() => made(other), 'the other order is on the server');
  assert.equal(await made(refused), false);
  assert.deepEqual(await demo.notes(), []);

  const note = page.locator(byTestId('note'));
  const words = /key is under.*Waits for the new order “Refused as it is”, which failed/su;
  await until(async () => words.test(plain(await note.textContent())), 'its note says why');
  const mark = note.locator(byTestId('mark'));
  assert.equal(await mark.getAttribute('data-status'), 'pending');
  assert.equal(await mark.getAttribute('data-blocked'), '');
  await assertFits(page);

  await page.locator(`${byTestId('standing')} button`).click();
  const letter = letterOf(page, refused);
  await letter.waitFor();
  const holds = plain(await letter.locator(byTestId('holds')).textContent());
  assert.equal(holds, 'Holds back the note “The key is under the mat”.');
  const why = page.locator(`${byTestId('outbox-entry')} ${byTestId('why')}`);
  assert.match(plain(await why.textContent()), /waits for .*“Refused as it is”, which failed/u);
  await assertFits(page);
  assert.deepEqual(browser.errors, []);
});

test('what is refused is mended in the field that the server names, and sent anew', async t => {
  const { demo, browser, page } = await openDemo(t);
  const { refused } = await makeTwo(page);
  await page.locator(byTestId('chip')).click();
  const letter = letterOf(page, refused);

  // As it is, it is refused again.
  await letter.waitFor();
  const attempts = () => demo.writes().filter(({ body }) => body?.id === refused);
  const before = attempts().length;
  await letter.locator(byTestId('retry')).click();
  await until(() => attempts().length === before + 1, 'it is sent again');
  await until(isRefused(page), 'and refused again');

  await letter.locator(byTestId('edit-letter')).focus();
  await page.keyboard.press('Enter');
  const form = letter.locator(byTestId('letter-form'));
  assert.deepEqual(
    await form.locator('[data-field]').evaluateAll(all => all.map(({ dataset }) => dataset.field)),
    ['title'],
  );
  assert.equal(await page.evaluate(() => document.activeElement.value), 'Refused as it is');
  await assertFits(page);

  await form.locator(byTestId('cancel-letter')).click();
  assert.equal(await focused(page), 'edit-letter');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('Taken as it is now');
  await page.keyboard.press('Enter');
  await until(isSent(page), 'all of it is accepted');
  assert.equal(await letter.count(), 0);

  const order = (await demo.orders()).find(({ id }) => id === refused);
  assert.equal(order.title, 'Taken as it is now');
  assert.deepEqual(
    (await demo.notes()).map(({ orderId, text }) => [orderId, text]),
    [[refused, 'The key is under the mat']],
  );
  const keys = attempts().map(({ key }) => key);
  assert.equal(new Set(keys).size, keys.length, 'each under its own key');
  assert.deepEqual(browser.errors, []);
});

test('a discard names what goes along, and takes it', async t => {
  const { demo, browser, page } = await openDemo(t);
  const { refused } = await makeTwo(page);
  await addNote(page, 'There is a dog');
  await page.locator(byTestId('chip')).click();
  const letter = letterOf(page, refused);
  await letter.locator(byTestId('discard')).click();
  const question = page.locator('.confirm');
  assert.match(
    plain(await question.textContent()),
    /never had this order.*the note “The key is under the mat” and the note “There is a dog”/u,
  );
  await assertFits(page);
  await page.keyboard.press('Escape');
  assert.equal(await letter.count(), 1);

  await letter.locator(byTestId('discard')).click();
  await page.locator(byTestId('confirm-discard')).click();
  await until(isSent(page), 'nothing is left of it');
  assert.deepEqual(await demo.notes(), []);
  assert.equal((await demo.orders()).some(({ id }) => id === refused), false);
  assert.equal(await page.locator(`[data-id="${refused}"]`).count(), 0);
  assert.deepEqual(browser.errors, []);
});

test('a note is added, comes back from the server, and goes', async t => {
  const { demo, browser, page } = await openDemo(t, 1280);
  const id = await createOrder(page, 'With notes', 'The first');
  const second = await addNote(page, '<b>The second</b> 🔧');
  await until(isSent(page), 'they are sent');
  assert.deepEqual(
    (await demo.notes()).map(({ text }) => text),
    ['The first', '<b>The second</b> 🔧'],
  );
  await page.reload();
  await opened(page);
  await openOrder(page, id);
  await page.locator(`${byTestId('note')}[data-id="${second}"]`).waitFor();

  await page.locator(`[data-id="${second}"] ${byTestId('delete-note')}`).click();
  await page.locator(byTestId('confirm-delete-note')).click();
  await until(async () => (await demo.notes()).length === 1, 'it is deleted');

  // The API deletes no order with notes on it: they go first.
  await deleteOrder(page, id);
  await until(isSent(page), 'all of it is deleted');
  assert.deepEqual(await demo.notes(), []);
  const deletions = demo.writes().filter(({ method }) => method === 'DELETE');
  assert.deepEqual(
    deletions.map(({ path, status }) => [path.split('/')[2], status]),
    [
      ['notes', 204],
      ['notes', 204],
      ['orders', 204],
    ],
  );
  assert.deepEqual(browser.errors, []);
});

test('whoever is signed out goes on working, and signs in again', async t => {
  const { demo, browser, page } = await openDemo(t);
  const banner = page.locator(byTestId('signed-out'));
  await createOrder(page, 'Before');
  await until(isSent(page), 'it is sent');
  assert.equal(await banner.isVisible(), false);

  await page.locator(byTestId('expire')).click();
  const id = await createOrder(page, 'After', 'With a note');
  await banner.waitFor();
  await until(async () => /2 changes are safe/.test(await banner.textContent()), 'it counts');
  await assertFits(page);
  // Whatever is tried meanwhile, it is the one change, and nothing comes of it.
  const [{ key, path }] = demo.writes().filter(({ status }) => status === 401);
  assert.equal(path, '/api/orders');

  // It is not forgotten by a reload.
  await page.reload();
  await opened(page);
  await banner.waitFor();
  await page.locator(byTestId('sign-in')).focus();
  await page.keyboard.press('Enter');
  await until(isSent(page), 'all of it is sent');
  await until(async () => !(await banner.isVisible()), 'the banner is gone');
  assert.equal(await focused(page), 'chip');
  const applied = demo
    .writes()
    .filter(({ body, effect }) => body?.id === id && effect === 'applied');
  assert.deepEqual(
    applied.map(({ key, owner }) => [key, owner]),
    [[key, 'ada']],
  );
  assert.deepEqual(
    demo.writes().filter(entry => entry.status === 401 && entry.key !== key),
    [],
  );
  assert.equal((await demo.notes())[0].text, 'With a note');
  assert.deepEqual(browser.errors, []);
});
