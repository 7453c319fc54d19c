// Pulling in a real browser over a real disk, beside what is unsettled: what arrives while writes
// go up, how far it is, what a reload finds, and what a visible page does by itself.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';

import { accept, launch, open, serve, tab } from './tab.mjs';

let api;
let browser;
let name;
let names = 0;

before(async () => {
  api = await serve();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  api?.close();
});

beforeEach(async () => {
  name = `pull/${++names}`;
  Object.assign(api, { healthy: true, reply: accept, files: {}, requests: [] });
  for (const page of browser.context.pages().slice(1)) await page.close();
});

const respond = (response, status, body, headers = {}) => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(body === undefined ? undefined : JSON.stringify(body));
};

/** Answers pulls as `list` says, with what is asked; writes as `write` does. */
const answering = (list, write) => (response, asked) =>
  asked.method === 'GET' ? list(response, asked) : write(response, asked);

test('a pull goes beside what is unsettled, which stays on top, also after a reload', async () => {
  const count = 3_000;
  const list = (response, { url }) => {
    const since = Number(new URL(url, api.origin).searchParams.get('since') ?? 0);
    const records = Array.from({ length: Math.min(1_000, count - since) }, (_, n) => ({
      id: `r${since + n}`,
      title: 'theirs',
      n: since + n,
    }));
    respond(response, 200, { records, cursor: since + 1_000, more: since + 1_000 < count });
  };
  // What is written is refused, or gets no answer: it stays unsettled, and stops no pull.
  const write = (response, { method }) =>
    method === 'POST' ? respond(response, 422, { title: 'No' }) : response.destroy();
  api.reply = answering(list, write);
  const collections = { task: { pull: { limit: 1_000 } } };
  const page = await tab(browser.context, api.origin, name, { collections });
  await page.evaluate(async () => {
    globalThis.seen = [];
    hf.status.subscribe(({ pulled, more }) => seen.push([pulled, more]));
    await tasks.create({ id: 'mine', title: 'mine' });
    while (!(await tasks.get('r7'))) await new Promise(resolve => setTimeout(resolve, 5));
    await tasks.update('r7', { title: 'mine' });
    await hf.pull('task');
  });
  const found = () =>
    page.evaluate(async () => {
      const of = async id => {
        const { title, $sync } = await tasks.get(id);
        return [title, $sync.status];
      };
      const all = await tasks.list({ limit: 10_000 });
      return { all: all.length, mine: await of('mine'), r7: await of('r7'), r9: await of('r9') };
    });
  const wanted = {
    all: count + 1,
    mine: ['mine', 'failed'],
    r7: ['mine', 'pending'],
    r9: ['theirs', 'synced'],
  };
  assert.deepEqual(await found(), wanted);
  const seen = await page.evaluate(() => globalThis.seen);
  assert.ok(seen.some(([pulled, more]) => more && pulled > 0 && pulled < count), `${seen}`);
  await page.reload();
  await open(page, name, { collections });
  assert.deepEqual(await found(), wanted);
});

test('a visible page is kept up to date by itself, and an unchanged list costs a 304', async () => {
  let title = 'first';
  const statuses = [];
  const list = (response, { headers }) => {
    const etag = `"${title}"`;
    const known = headers['if-none-match'] === etag;
    statuses.push(known ? 304 : 200);
    respond(response, known ? 304 : 200, known ? undefined : [{ id: 'a', title }], { etag });
  };
  api.reply = answering(list, accept);
  const collections = { task: { pull: { full: true, intervalMs: 200 } } };
  const page = await tab(browser.context, api.origin, name, { collections });
  const shown = text =>
    page.evaluate(async text => {
      while ((await tasks.get('a'))?.title !== text)
        await new Promise(resolve => setTimeout(resolve, 20));
    }, text);
  await shown('first');
  while (!statuses.includes(304)) await page.waitForTimeout(50);
  title = 'second';
  await shown('second');
  assert.ok(statuses.lastIndexOf(200) > statuses.indexOf(304));
});
