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
  name = `tabs/${++names}`;
  Object.assign(api, { healthy: true, reply: accept, files: {}, requests: [] });
  for (const page of browser.context.pages().slice(1)) await page.close();
});

const create = (page, body) => page.evaluate(body => tasks.create(body).then(({ id }) => id), body);
const numbers = page =>
  page.evaluate(async () => (await tasks.list({ orderBy: 'n' })).map(({ n }) => n));
const status = page => page.evaluate(() => hf.status.get());

/** Waits until `look`, run in the page, says yes. */
const until = (page, look) => page.waitForFunction(look, undefined, { timeout: 10_000 });

test('what is written offline outlives a reload, and is sent once the API is healthy', async () => {
  api.healthy = false;
  const page = await tab(browser.context, api.origin, name);
  await create(page, { n: 1, title: 'صمام 阀门 🔧' });
  const id = await create(page, { n: 2 });
  await page.evaluate(id => tasks.update(id, { n: 3 }), id);
  assert.equal((await status(page)).storage, 'opfs');
  await page.reload();
  await open(page, name);
  assert.deepEqual(await numbers(page), [1, 3]);
  assert.deepEqual(api.writes(), []);
  api.healthy = true;
  const report = await page.evaluate(() => hf.sync());
  assert.deepEqual([report.rejected, report.pending, report.reachable], [0, 0, true]);
  assert.equal(new Set(api.writes().map(({ key }) => key)).size, api.writes().length);
  assert.ok(api.writes()[0].body.includes('صمام 阀门 🔧'));
  assert.equal(JSON.parse(api.writes().at(-1).body).n, 3);
  assert.deepEqual(page.problems, []);
});

test('two tabs have one database: reads, writes, live queries and status in both', async () => {
  api.healthy = false;
  const first = await tab(browser.context, api.origin, name);
  const second = await tab(browser.context, api.origin, name);
  assert.deepEqual([(await status(first)).leader, (await status(second)).leader], [true, false]);
  for (const page of [first, second])
    await page.evaluate(() => {
      globalThis.shown = [];
      tasks.subscribe({ orderBy: 'n' }, rows => shown.push(rows.map(({ n }) => n).join()));
    });
  await create(first, { n: 1 });
  await create(second, { n: 2 });
  for (const page of [first, second]) {
    await until(page, () => shown.at(-1) === '1,2');
    assert.deepEqual(await numbers(page), [1, 2]);
    await until(page, () => hf.status.get().pending === 2);
  }
  const refused = second.evaluate(() => tasks.update('none', {}).catch(error => error.code));
  assert.equal(await refused, 'not-found');
  await second.evaluate(() =>
    hf.addEventListener('settled', () => (globalThis.settled ??= []).push(1)),
  );
  api.healthy = true;
  const { accepted } = await second.evaluate(() => hf.sync());
  assert.equal(accepted, 2);
  await until(second, () => settled.length === 2);
  assert.deepEqual([...first.problems, ...second.problems], []);
});

test('lists, records, counts and SQL are live in a second tab, until it stops them', async () => {
  api.healthy = false;
  const first = await tab(browser.context, api.origin, name);
  const second = await tab(browser.context, api.origin, name);
  await second.evaluate(() => {
    globalThis.shown = {};
    globalThis.watching = new AbortController();
    const { signal } = watching;
    const show = what => value => (shown[what] = value);
    tasks.subscribe({ where: { n: { gte: 2 } }, orderBy: 'n' }, show('list'), { signal });
    tasks.subscribe('a', show('record'), { signal });
    tasks.subscribeCount({}, show('count'), { signal });
    hf.subscribe("SELECT body ->> 'n' AS n FROM task ORDER BY 1", [], show('sql'), { signal });
  });
  await create(first, { id: 'a', n: 2 });
  await create(first, { n: 1 });
  await until(second, () => shown.count === 2 && shown.record?.n === 2);
  await until(second, () => shown.list[0]?.n === 2 && shown.sql.map(({ n }) => n).join() === '1,2');
  await second.evaluate(() => (globalThis.kept = shown.list[0]));
  await first.evaluate(() =>
    Promise.all(Array.from({ length: 200 }, (_, n) => tasks.create({ n: n + 9 }))),
  );
  await until(second, () => shown.count === 202 && shown.sql.length === 202);
  await until(second, () => shown.list.length === 201);
  assert.ok(await second.evaluate(() => shown.list[0] === kept));
  await second.evaluate(() => watching.abort());
  await first.evaluate(() => tasks.delete('a'));
  assert.equal(await second.evaluate(() => tasks.get('a').then(task => task === undefined)), true);
  assert.ok(await second.evaluate(() => shown.record.n === 2));
  assert.deepEqual([...first.problems, ...second.problems], []);
});

test('when the leading tab goes, another takes over and answers what waited', async () => {
  api.healthy = false;
  const first = await tab(browser.context, api.origin, name);
  const second = await tab(browser.context, api.origin, name);
  const third = await tab(browser.context, api.origin, name);
  const written = [second, third].map((page, tab) =>
    page.evaluate(async tab => {
      const rows = [];
      for (let i = 0; i < 100; ++i) rows.push((await tasks.create({ n: tab * 100 + i })).n);
      return rows;
    }, tab),
  );
  await until(second, () => tasks.list().then(rows => rows.length > 20));
  await first.close({ runBeforeUnload: false });
  assert.deepEqual((await Promise.all(written)).flat(), [...Array(200).keys()]);
  assert.deepEqual(await numbers(third), [...Array(200).keys()]);
  const leaders = [await status(second), await status(third)].filter(({ leader }) => leader);
  assert.equal(leaders.length, 1);
  api.healthy = true;
  await third.evaluate(() => hf.sync());
  const made = api.writes().map(({ body }) => JSON.parse(body).n);
  assert.deepEqual(
    made.toSorted((a, b) => a - b),
    [...Array(200).keys()],
  );
});

test('closing gives the database to the next tab, and leaves nothing behind', async () => {
  const first = await tab(browser.context, api.origin, name);
  const second = await tab(browser.context, api.origin, name);
  await first.evaluate(() => hf.close());
  await until(second, () => hf.status.get().leader);
  await create(second, { n: 1 });
  const code = await first.evaluate(() => tasks.create({ n: 2 }).catch(error => error.code));
  assert.equal(code, 'closed');
  await open(first, name);
  assert.deepEqual(await numbers(first), [1]);
});

test('a worker that traps is replaced, and what waited is done once', async () => {
  api.healthy = false;
  let traps = 2;
  api.files['worker.js'] = async response => {
    response.writeHead(200, { 'content-type': 'text/javascript' });
    // The core does its work, and dies before it can say so.
    const patch = `
      const { prototype } = Array;
      let left = 3;
      const { parse } = JSON;
      JSON.parse = (...args) => {
        if (String(args[0]).startsWith('{"results"') && --left === 0)
          throw new WebAssembly.RuntimeError('unreachable');
        return parse(...args);
      };`;
    const worker = await (await fetch(`${api.origin}/dist/worker.js?plain`)).text();
    response.end(traps-- > 0 ? patch + worker : worker);
  };
  const page = await tab(browser.context, api.origin, name);
  const made = await page.evaluate(async () => {
    const rows = [];
    for (let n = 0; n < 10; ++n) rows.push((await tasks.create({ n })).n);
    return rows;
  });
  assert.deepEqual(made, [...Array(10).keys()]);
  assert.deepEqual(await numbers(page), made);
  assert.ok(traps < 0, 'it trapped twice');
});

test('a page that is put aside lets go of the database, and takes it up again', async () => {
  const first = await tab(browser.context, api.origin, name);
  const second = await tab(browser.context, api.origin, name);
  await first.evaluate(() =>
    dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })),
  );
  await until(second, () => hf.status.get().leader);
  assert.equal((await status(first)).leader, false);
  const later = create(first, { n: 1 });
  await first.evaluate(() =>
    dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })),
  );
  await later;
  assert.deepEqual(await numbers(second), [1]);
});

/** Makes a page look hidden or visible to itself: headless Chromium shows all of its tabs. */
const look = (page, state) =>
  page.evaluate(state => {
    Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, state);

test('a hidden leader makes way for the tab that is looked at, and no call fails', async () => {
  const pages = [];
  for (let i = 0; i < 3; ++i) pages.push(await tab(browser.context, api.origin, name));
  const [first, second, third] = pages;
  await look(second, 'hidden');
  await first.evaluate(() => {
    globalThis.made = (async () => {
      for (let n = 0; n < 100; ++n) await tasks.create({ n });
    })();
  });
  await look(first, 'hidden');
  await until(third, () => hf.status.get().leader);
  await first.evaluate(() => made);
  assert.deepEqual(await numbers(second), [...Array(100).keys()]);
  const leads = await Promise.all(pages.map(page => status(page).then(({ leader }) => leader)));
  assert.deepEqual(leads, [false, false, true]);
  await look(first, 'visible');
  await create(first, { n: 100 });
  assert.ok((await status(third)).leader, 'both are looked at: it stays');
});

test('a tab of a newer app takes over, and the older one is told to reload', async () => {
  const older = await tab(browser.context, api.origin, name);
  await create(older, { n: 1 });
  const newer = await tab(browser.context, api.origin, name, {
    collections: { task: { indexes: ['n', 'm'] } },
  });
  await until(newer, () => hf.status.get().leader);
  assert.deepEqual(await numbers(newer), [1]);
  const code = await older.evaluate(() => tasks.create({ n: 2 }).catch(error => error.code));
  assert.equal(code, 'newer-version');
  await newer.close();
  await until(older, () => hf.status.get().leader);
  await create(older, { n: 3 });
  assert.deepEqual(await numbers(older), [1, 3]);
});

test('who loses the lock neither writes nor sends, and takes up both later', async () => {
  const page = await tab(browser.context, api.origin, name);
  await create(page, { n: 1 });
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
  await until(page, () => !hf.status.get().leader);
  api.requests.length = 0;
  const written = page.evaluate(() => tasks.create({ n: 2 }).then(() => hf.status.get().storage));
  assert.equal(await written, 'spill');
  assert.deepEqual(api.requests, []);
  await page.evaluate(() => letGo());
  await until(page, () => hf.status.get().storage === 'opfs' && hf.status.get().leader);
  assert.deepEqual(await numbers(page), [1, 2]);
});

test("the app's headers and check are asked in the leading page", async () => {
  const page = await browser.context.newPage();
  await page.goto(api.origin);
  await until(page, () => 'holdfast' in globalThis);
  const said = await page.evaluate(async name => {
    const said = [];
    const hf = await holdfast.openHoldfast({
      name,
      baseUrl: '/api',
      collections: { task: {} },
      headers: async () => (said.push('headers'), { authorization: 'Bearer x' }),
      health: { check: async response => (said.push(await response.text()), true) },
    });
    await hf.collection('task').create({ n: 1 });
    await hf.sync();
    return said;
  }, name);
  assert.ok(said.includes('headers') && said.includes('{}'), said.join());
  assert.equal(api.writes().length, 1);
});

const answer = (status, type, text) => response =>
  response.writeHead(status, { 'content-type': type }).end(text);

for (const [what, files, code, message] of [
  ['no worker', { 'worker.js': answer(404, 'text/plain', '') }, 'worker-load', /workerUrl/],
  ['no wasm', { 'holdfast.wasm': answer(404, 'text/plain', '') }, 'wasm-load', /with 404/],
  [
    'a start page instead',
    { 'holdfast.wasm': answer(200, 'text/html', '<p>') },
    'wasm-load',
    /html/,
  ],
  [
    'damaged wasm',
    { 'holdfast.wasm': answer(200, 'application/wasm', '\0asm and more') },
    'wasm-load',
    /could not be compiled/,
  ],
])
  test(`${what}: an error that says so`, async () => {
    api.files = files;
    const page = await browser.context.newPage();
    await page.goto(api.origin);
    const error = await open(page, name).catch(error => error);
    assert.match(String(error), /HoldfastError/);
    const caught = await page.evaluate(
      name =>
        holdfast
          .openHoldfast({ name, baseUrl: '/api', collections: { task: {} } })
          .catch(({ code, message }) => ({ code, message })),
      name,
    );
    assert.equal(caught.code, code);
    assert.match(caught.message, message);
  });

test('wasm under a wrong MIME type works all the same', async () => {
  api.files['holdfast.wasm'] = async response => {
    const bytes = await (await fetch(`${api.origin}/dist/holdfast.wasm?plain`)).arrayBuffer();
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    response.end(Buffer.from(bytes));
  };
  const page = await tab(browser.context, api.origin, name);
  await create(page, { n: 1 });
});

test('a page over plain http is told that it needs https', async () => {
  const page = await browser.context.newPage();
  await page.goto(api.origin.replace('localhost', 'insecure.test'));
  await assert.rejects(open(page, name), /Serve the page over https/);
  await open(page, name, { storage: 'memory' });
  await create(page, { n: 1 });
  assert.equal((await status(page)).storage, 'memory');
});
