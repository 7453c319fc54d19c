// The outbox is replayed with no tab open, by the app's service worker, and whatever kills that
// between its claim of an attempt and the note of its outcome: nothing is lost, and nothing done
// twice. The browser is told to fire the sync event over CDP.

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';

import { until } from './browser.mjs';
import { accept, launch, open, serve } from './tab.mjs';

const rounds = Number(process.env.HOLDFAST_ROUNDS ?? 3);

let api;
let browser;
let page; // Of the origin, without a tab of the database in it.
let worker; // With ways to wake and to kill it.
let name;
let names = 0;
let done;
let hold; // What a request waits for, by where it is: 'gate', 'before', 'after'.

before(async () => {
  api = await serve();
  browser = await launch();
  api.files['sw.js'] = response =>
    response.writeHead(200, {
      'content-type': 'text/javascript',
      'service-worker-allowed': '/',
    }).end(`
      import { replayOnSync } from './service-worker.js';
      for (let i = 1; i < 200; ++i)
        replayOnSync({
          name: \`sync/\${i}\`,
          baseUrl: '/api',
          collections: { task: { coalesce: false } },
          headers: async () => (await fetch('/api/gate'), {}),
        });`);
  worker = await register();
});

after(async () => {
  await browser?.close();
  api?.close();
});

beforeEach(async () => {
  hold = async () => {};
  done = [];
  const known = new Set();
  api.healthy = false;
  api.requests.length = 0;
  api.reply = async (response, request) => {
    if (request.url === '/api/gate') {
      await hold('gate');
      return response.writeHead(204).end();
    }
    await hold('before');
    if (!known.has(request.key)) done.push(JSON.parse(request.body));
    known.add(request.key);
    accept(response, request);
    await hold('after');
  };
  name = `sync/${++names}`;
  for (const tab of browser.context.pages().slice(1)) await tab.close();
  page = await browser.context.newPage();
  await page.goto(api.origin);
});

const options = { collections: { task: { coalesce: false } } };

/** Registers the service worker, for all names, and answers with ways to wake and to kill it. */
async function register() {
  const [page] = browser.context.pages();
  await page.goto(api.origin);
  const cdp = await browser.context.newCDPSession(page);
  let registration;
  let version;
  cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
    for (const found of registrations) if (!found.isDeleted) registration = found.registrationId;
  });
  cdp.on('ServiceWorker.workerVersionUpdated', ({ versions }) => {
    for (const found of versions) if (found.status === 'activated') version = found;
  });
  await cdp.send('ServiceWorker.enable');
  await page.evaluate(async () => {
    await navigator.serviceWorker.register('/dist/sw.js', { type: 'module', scope: '/' });
    await navigator.serviceWorker.ready;
  });
  await until(() => version, 'it is activated');
  return {
    sync: () =>
      cdp.send('ServiceWorker.dispatchSyncEvent', {
        origin: api.origin,
        registrationId: registration,
        tag: `holdfast:${name}`,
        lastChance: false,
      }),
    kill: () => cdp.send('ServiceWorker.stopWorker', { versionId: version.versionId }),
  };
}

/** Writes offline, in a tab that is closed afterwards: what every round begins with. */
async function writeAndLeave(count) {
  const tab = await browser.context.newPage();
  await tab.goto(api.origin);
  await open(tab, name, options);
  await tab.evaluate(async count => {
    for (let n = 0; n < count; ++n) {
      const { id } = await tasks.create({ n, step: 1 });
      await tasks.update(id, { step: 2 });
    }
  }, count);
  await tab.close();
}

/** What a tab finds afterwards, when all is sent. */
async function openAgain() {
  await open(page, name, options);
  await until(
    async () => (await page.evaluate(() => hf.sync())).pending === 0,
    'everything is sent',
    30_000,
  );
  const rows = await page.evaluate(() => tasks.list({ orderBy: 'n' }));
  return rows.map(({ n, step }) => [n, step]);
}

function assertOnce(count) {
  for (let n = 0; n < count; ++n)
    assert.deepEqual(
      done.filter(each => each.n === n).map(({ step }) => step),
      [1, 2],
      `record ${n}`,
    );
}

test('what was written offline is sent with no tab open, and the next tab knows', async () => {
  await writeAndLeave(5);
  api.healthy = true;
  await worker.sync();
  await until(() => done.length === 10, 'it is sent');
  assertOnce(5);
  await page.waitForTimeout(300);
  const sent = api.writes().length;
  const rows = await openAgain();
  assert.deepEqual(rows, [0, 1, 2, 3, 4].map(n => [n, 2]));
  assert.equal(api.writes().length, sent, 'nothing is sent again');
});

test('a service worker of another configuration leaves it alone', async () => {
  const tab = await browser.context.newPage();
  await tab.goto(api.origin);
  await open(tab, name, { collections: { task: { path: '/things' } } });
  await tab.evaluate(() => tasks.create({ n: 1 }));
  await tab.close();
  api.healthy = true;
  await worker.sync();
  await page.waitForTimeout(1_000);
  assert.deepEqual(done, []);
});

for (const where of ['gate', 'before', 'after', 'tab'])
  test(`killed or interrupted: ${where}`, async t => {
    let resent = 0;
    for (let round = 0; round < rounds; ++round) {
      name = `sync/${++names}`;
      done.length = 0;
      api.requests.length = 0;
      api.healthy = false;
      hold = async () => {};
      await writeAndLeave(4);
      let reached;
      let go;
      const arrived = new Promise(resolve => (reached = resolve));
      const gone = new Promise(resolve => (go = resolve));
      let left = 1 + (round % 4) + (where === 'gate' ? 1 : 0); // The first gate is the probe's.
      hold = async at => {
        if (at !== (where === 'tab' ? 'before' : where) || --left !== 0) return;
        reached();
        if (at !== 'after') await gone;
      };
      api.healthy = true;
      await worker.sync();
      await arrived;
      if (where !== 'tab') await worker.kill();
      hold = async () => {};
      const opening = openAgain();
      if (where === 'tab') await page.waitForTimeout(200);
      go();
      assert.deepEqual(await opening, [0, 1, 2, 3].map(n => [n, 2]));
      assertOnce(4);
      resent += api.writes().length - 8;
      await page.evaluate(() => hf.close());
    }
    t.diagnostic(`${rounds} rounds, ${8 * rounds} writes, 0 lost, 0 doubled, ${resent} sent again`);
  });
