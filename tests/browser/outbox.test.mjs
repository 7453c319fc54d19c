// The outbox on the package's surface, in a real browser over a real disk: each feature of
// docs/outbox.md once, and that no credential reaches the disk. What each means in every corner is
// tested in tests/core and tests/web.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';

import { makeProfile, startBrowser } from './browser.mjs';
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
  name = `outbox/${++names}`;
  Object.assign(api, { healthy: true, reply: accept, files: {}, requests: [] });
  for (const page of browser.context.pages().slice(1)) await page.close();
});

const collections = { task: {}, note: { references: { taskId: 'task' } } };

/** A tab in which `hf`, `tasks` and `notes` are open. */
async function start(options = {}) {
  const page = await tab(browser.context, api.origin, name, { collections, ...options });
  return nameNotes(page);
}

/** As if the browser had been closed and opened: what is there is read from the disk. */
async function reload(page, options = {}) {
  await page.reload();
  await open(page, name, { collections, ...options });
  return nameNotes(page);
}

async function nameNotes(page) {
  await page.evaluate(() => (globalThis.notes = hf.collection('note')));
  return page;
}

const sync = page => page.evaluate(() => hf.sync());

/** How each record of both collections stands, by id. */
const standing = page =>
  page.evaluate(async () => {
    const rows = [...(await tasks.list()), ...(await notes.list())];
    return Object.fromEntries(rows.map(({ id, $sync }) => [id, $sync.status]));
  });

const respond = (response, status, body) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

const problem = { title: 'No such valve', detail: 'Valve 13 is gone.' };

/** Refuses whatever has this in its path or body. */
const refusing = text => (response, asked) =>
  (asked.url + asked.body).includes(text)
    ? respond(response, 422, problem)
    : accept(response, asked);

const lines = () => api.writes().map(({ method, url }) => `${method} ${url.slice('/api'.length)}`);

test('lanes: a failure holds back what depends on it, and others go on', async () => {
  api.healthy = false;
  api.reply = refusing('"id":"bad"');
  const page = await start();
  const inferred = await page.evaluate(async () => {
    await tasks.create({ id: 'bad' });
    await notes.create({ id: 'held', taskId: 'bad' });
    await tasks.create({ id: 'good' });
    await notes.create({ id: 'goes', taskId: 'good' });
    const { id } = await tasks.create({ n: 1 });
    await notes.create({ id: 'free', text: `see [${id}]`, of: id });
    return id;
  });
  api.healthy = true;
  assert.equal((await sync(page)).pending, 1);
  const expected = {
    bad: 'failed',
    held: 'pending',
    good: 'synced',
    goes: 'synced',
    [inferred]: 'synced',
    free: 'synced',
  };
  assert.deepEqual(await standing(page), expected);
  const order = api.writes().map(({ body }) => JSON.parse(body).id);
  assert.ok(order.indexOf('good') < order.indexOf('goes'), order.join());
  assert.ok(order.indexOf(inferred) < order.indexOf('free'), order.join());
  assert.ok(!order.includes('held'), order.join());

  await reload(page);
  assert.deepEqual(await standing(page), expected);
  const blockedBy = await page.evaluate(async () => (await notes.get('held')).$sync.blockedBy);
  assert.deepEqual([blockedBy.collection, blockedBy.record], ['task', 'bad']);

  api.reply = accept;
  await page.evaluate(() => hf.deadLetters.retryAll());
  await sync(page);
  await page.evaluate(async () => {
    await hf.pause();
    await notes.update('held', { text: 'later' });
    await tasks.delete('bad'); // After everything about its notes.
    await hf.resume();
  });
  assert.equal((await sync(page)).pending, 0);
  assert.deepEqual(lines().slice(-2), ['PUT /notes/held', 'DELETE /tasks/bad']);
});

test('a transaction is recorded as a whole or not at all, and goes in its order', async () => {
  api.healthy = false;
  const page = await start();
  const code = await page.evaluate(() =>
    hf
      .transaction(tx => {
        tx.task.create({ id: 'a' });
        tx.note.create({ id: 'n', taskId: 'a' });
        tx.task.update('nowhere', { n: 1 });
      })
      .catch(error => error.code),
  );
  assert.equal(code, 'not-found');
  await reload(page);
  assert.deepEqual(await standing(page), {});
  assert.deepEqual(await page.evaluate(() => hf.outbox.list()), []);

  await page.evaluate(() =>
    hf.transaction(tx => {
      tx.note.create({ id: 'first' });
      tx.task.create({ id: 'second' });
      tx.note.create({ id: 'third' });
    }),
  );
  await reload(page);
  assert.deepEqual(Object.keys(await standing(page)), ['second', 'first', 'third']);
  api.healthy = true;
  await sync(page);
  assert.deepEqual(
    api.writes().map(({ body }) => JSON.parse(body).id),
    ['first', 'second', 'third'],
  );
});

test('what is to go after another waits for it, and with strict order all do', async () => {
  api.healthy = false;
  api.reply = refusing('"id":"bad"');
  const page = await start();
  await page.evaluate(async () => {
    const bad = await tasks.create({ id: 'bad' });
    await tasks.create({ id: 'after' }, { after: [bad.$sync.mutation] });
    await tasks.create({ id: 'free' });
  });
  api.healthy = true;
  await sync(page);
  assert.deepEqual(await standing(page), { bad: 'failed', after: 'pending', free: 'synced' });

  api.healthy = false;
  api.requests = [];
  name += '/strict';
  const strict = await start({ ordering: 'strict' });
  await strict.evaluate(async () => {
    for (const id of ['a', 'bad', 'c', 'd']) await tasks.create({ id });
  });
  api.healthy = true;
  await sync(strict);
  const expected = { a: 'synced', bad: 'failed', c: 'pending', d: 'pending' };
  assert.deepEqual(await standing(strict), expected);
  assert.equal(api.writes().length, 2);
});

test('what was never sent is folded, and explain and the history say so', async () => {
  api.healthy = false;
  const page = await start();
  const { created, updated } = await page.evaluate(async () => {
    const created = (await tasks.create({ id: 'a', n: 1 })).$sync.mutation;
    const updated = (await tasks.update('a', { n: 2 })).$sync.mutation;
    await tasks.update('a', { n: 3 });
    await tasks.create({ id: 'gone' });
    await tasks.delete('gone');
    return { created, updated };
  });
  assert.equal(updated, created);
  await reload(page);
  const { entries, why, history, folded } = await page.evaluate(async id => {
    const history = await hf.outbox.history();
    return {
      entries: await hf.outbox.list(),
      why: await hf.outbox.explain(id),
      history: history.map(({ kind, record, reason }) => `${kind} ${record} ${reason}`),
      folded: await hf.outbox.explain(history.at(-1).id),
    };
  }, created);
  assert.deepEqual(
    entries.map(({ id, folded, change }) => [id, folded, change.n]),
    [[created, 2, 3]],
  );
  assert.match(why.text, /^The API asks for time\. .*503\. .*2 later changes are folded/);
  assert.deepEqual(why.can, ['cancel']);
  assert.deepEqual(history, [
    'delete gone undone',
    'create gone undone',
    'update a folded',
    'update a folded',
  ]);
  assert.deepEqual([folded.state, folded.successor], ['gone', created]);
  api.healthy = true;
  await sync(page);
  assert.deepEqual(lines(), ['POST /tasks']);
  assert.equal(JSON.parse(api.writes()[0].body).n, 3);
});

test('dead letters are retried, edited, corrected and discarded', async () => {
  api.reply = (response, asked) =>
    asked.body.includes('Valve 13') ? respond(response, 422, problem) : accept(response, asked);
  const page = await start();
  await page.evaluate(async () => {
    for (const id of ['retried', 'edited', 'corrected', 'discarded'])
      await tasks.create({ id, title: 'Valve 13' });
    await notes.create({ id: 'along', taskId: 'discarded' });
  });
  await sync(page);
  await reload(page);
  const letters = await page.evaluate(() => hf.deadLetters.list());
  const by = Object.fromEntries(letters.map(letter => [letter.record, letter]));
  assert.deepEqual(Object.keys(by), ['retried', 'edited', 'corrected', 'discarded']);
  for (const { error, unknown } of letters)
    assert.deepEqual([error.detail, unknown], [problem.detail, false]);
  assert.deepEqual(
    by.discarded.holds.map(({ record }) => record),
    ['along'],
  );
  const first = api.writes().length;

  const gone = await page.evaluate(async by => {
    await hf.deadLetters.edit(by.edited.id, { title: 'Valve 12b' });
    await tasks.update('corrected', { title: 'Valve 14' });
    const gone = await hf.deadLetters.discard(by.discarded.id);
    await hf.deadLetters.retry(by.retried.id);
    return gone;
  }, by);
  assert.equal(gone.length, 2);
  await sync(page);
  assert.deepEqual(await standing(page), {
    retried: 'failed',
    edited: 'synced',
    corrected: 'synced',
  });
  const again = api.writes().slice(first);
  assert.deepEqual(
    again.map(({ body }) => JSON.parse(body).title).sort(),
    ['Valve 12b', 'Valve 13', 'Valve 14'],
  );
  const keys = api.writes().map(({ key }) => key);
  assert.equal(new Set(keys).size, keys.length, 'each goes under a key of its own');

  api.reply = accept;
  assert.equal(await page.evaluate(() => hf.deadLetters.retryAll()), 1);
  assert.equal((await sync(page)).pending, 0);
  assert.deepEqual(page.problems, []);
});

test('what was never sent is cancelled, and the history keeps why it left', async () => {
  const page = await start();
  const { gone, history, code } = await page.evaluate(async () => {
    await hf.pause();
    const { $sync } = await tasks.create({ id: 'a' });
    await notes.create({ id: 'n', taskId: 'a' });
    const gone = await hf.outbox.cancel($sync.mutation);
    const history = (await hf.outbox.history()).map(({ record, reason }) => [record, reason]);
    const code = await hf.outbox.cancel($sync.mutation).catch(error => error.code);
    await hf.resume();
    return { gone: gone.length, history, code };
  });
  assert.deepEqual([gone, code], [2, 'not-found']);
  assert.deepEqual(history, [
    ['a', 'cancelled'],
    ['n', 'cancelled'],
  ]);
  await sync(page);
  await reload(page);
  assert.deepEqual([await standing(page), api.writes()], [{}, []]);
});

test("the server's ids go into paths and references, after a reload and in two tabs", async () => {
  let numbered = 6;
  api.reply = (response, { method, url, body }) => {
    const record = body && JSON.parse(body);
    if (method === 'POST' && url === '/api/parts') record.no = ++numbered;
    respond(response, method === 'POST' ? 201 : 200, record);
  };
  const begin = page =>
    page.evaluate(async name => {
      globalThis.hf = await holdfast.openHoldfast({
        name,
        baseUrl: '/api',
        collections: {
          part: { serverId: ({ no }) => no },
          use: { references: { partId: 'part' } },
        },
      });
      globalThis.parts = hf.collection('part');
      globalThis.uses = hf.collection('use');
    }, name);
  api.healthy = false;
  const first = await browser.context.newPage();
  await first.goto(api.origin);
  await first.waitForFunction(() => 'holdfast' in globalThis);
  await begin(first);
  const id = await first.evaluate(async () => {
    const { id } = await parts.create({ name: 'Gasket' });
    await uses.create({ id: 'u', partId: id });
    return id;
  });
  await first.reload();
  await first.waitForFunction(() => 'holdfast' in globalThis);
  await begin(first);
  api.healthy = true;
  await sync(first);
  const [made, use] = api.writes().map(({ url, body }) => ({ url, ...JSON.parse(body) }));
  assert.deepEqual([made.url, made.name, made.id], ['/api/parts', 'Gasket', undefined]);
  assert.deepEqual([use.url, use.partId], ['/api/uses', 7]);

  const second = await browser.context.newPage();
  await second.goto(api.origin);
  await second.waitForFunction(() => 'holdfast' in globalThis);
  await begin(second);
  for (const page of [first, second]) {
    const seen = await page.evaluate(async () => {
      const [part] = await parts.list();
      return [part.id, (await uses.get('u')).partId];
    });
    assert.deepEqual(seen, [id, id], 'for the app it is what it was');
  }
  await first.evaluate(() => hf.close());
  await second.evaluate(async id => {
    await parts.update(id, { name: 'Seal' });
    await uses.update('u', { n: 2 });
  }, id);
  await sync(second);
  const later = api.writes().slice(2);
  assert.deepEqual(
    later.map(({ url }) => url.slice('/api'.length)).sort(),
    ['/parts/7', '/uses/u'],
  );
  assert.equal(JSON.parse(later.find(({ url }) => url.endsWith('/u')).body).partId, 7);
});

/** Opens with `headers` that speak of `token`, and `signins` counted, in a page. */
async function openWithToken(page, token) {
  await page.goto(api.origin);
  await page.waitForFunction(() => 'holdfast' in globalThis);
  await page.evaluate(
    async ({ name, token, collections }) => {
      Object.assign(globalThis, { token, asked: 0, signins: 0 });
      globalThis.hf = await holdfast.openHoldfast({
        name,
        baseUrl: '/api',
        collections,
        headers: async () => (++asked, { authorization: `Bearer ${globalThis.token}` }),
      });
      globalThis.tasks = hf.collection('task');
      globalThis.notes = hf.collection('note');
      hf.addEventListener('signin', () => ++signins);
    },
    { name, token, collections },
  );
}

/** Answers 401 to every other token. */
const onlyWith = (token, reply) => (response, asked) =>
  asked.authorization === `Bearer ${token}`
    ? reply(response, asked)
    : respond(response, 401, { title: 'Signed out' });

test('a 401 lets all wait and asks once; signedIn goes on with new headers', async () => {
  api.reply = onlyWith('new', accept);
  api.healthy = false;
  const page = await browser.context.newPage();
  await openWithToken(page, 'old');
  await page.evaluate(async () => {
    for (const id of ['a', 'b', 'c']) await tasks.create({ id });
  });
  api.healthy = true;
  await sync(page);
  assert.deepEqual(
    await page.evaluate(() => [signins, hf.status.get().waitingFor, hf.status.get().failed]),
    [1, 'sign-in', 0],
  );
  // Health needs no sign-in: each good probe lets one try, and the app is not asked again.
  const before = api.writes().length;
  for (let round = 1; round <= 3; ++round) {
    await sync(page);
    assert.equal(api.writes().length, before + round);
  }
  assert.equal(await page.evaluate(() => signins), 1);
  const asked = await page.evaluate(async () => {
    globalThis.token = 'new';
    const before = asked;
    await hf.signedIn();
    await hf.sync();
    return asked - before;
  });
  assert.ok(asked >= 4, `headers are asked for each of the probe and the attempts: ${asked}`);
  assert.deepEqual(await standing(page), { a: 'synced', b: 'synced', c: 'synced' });
  const last = api.writes().slice(-3);
  assert.ok(last.every(({ authorization }) => authorization === 'Bearer new'));
});

test('batches go with a key each, and one by one where the API takes none', async () => {
  const applied = new Map();
  const replies = {
    takesBatches(response, { url, body }) {
      assert.equal(url, '/api/batch');
      const responses = JSON.parse(body).requests.map(({ key, path, body }) => {
        if (body.id === 'bad') return { status: 422, body: problem };
        applied.set(key, path);
        return { status: 201, body };
      });
      respond(response, 200, { responses });
    },
    takesNone: (response, asked) =>
      asked.url === '/api/batch' ? respond(response, 404, {}) : accept(response, asked),
  };
  api.reply = replies.takesBatches;
  const batch = { path: '/batch', max: 10 };
  const page = await start({ batch });
  const fill = () =>
    page.evaluate(async () => {
      await hf.pause();
      for (const id of ['a', 'bad', 'c']) await tasks.create({ id });
      await hf.resume();
      await hf.sync();
    });
  await fill();
  assert.deepEqual(lines(), ['POST /batch']);
  assert.deepEqual([...applied.values()], ['/tasks', '/tasks']);
  assert.deepEqual(await standing(page), { a: 'synced', bad: 'failed', c: 'synced' });

  api.reply = replies.takesNone;
  api.requests = [];
  name += '/none';
  await reload(page, { batch });
  await fill();
  assert.deepEqual(lines(), ['POST /batch', 'POST /tasks', 'POST /tasks', 'POST /tasks']);
  const [{ body }, ...single] = api.writes();
  assert.deepEqual(
    single.map(({ key }) => key),
    JSON.parse(body).requests.map(({ key }) => `"${key}"`),
  );
  assert.deepEqual(await standing(page), { a: 'synced', bad: 'synced', c: 'synced' });
});

test('an unknown outcome is shown as such, and only the very same request goes', async () => {
  const applied = [];
  let cut = true;
  api.reply = (response, asked) => {
    applied.push(asked.body);
    cut ? response.destroy() : accept(response, asked);
  };
  api.healthy = false;
  const page = await start();
  await page.evaluate(() => tasks.create({ id: 'a', n: 1 }));
  api.healthy = true;
  await sync(page);
  api.healthy = false;
  await reload(page);
  const { entry, later, why, code } = await page.evaluate(async () => {
    const later = (await tasks.update('a', { n: 2 })).$sync.mutation;
    const [entry] = await hf.outbox.list();
    const code = await hf.outbox.cancel(entry.id).catch(error => error.code);
    return { entry, later, code, why: (await hf.outbox.explain(entry.id)).text };
  });
  assert.equal(entry.state, 'outcome unknown');
  assert.match(why, /may have applied it, so it goes again unchanged, under the same key/);
  assert.equal(code, 'attempted');
  assert.notEqual(later, entry.id, 'nothing is folded into it');
  cut = false;
  api.healthy = true;
  await sync(page);
  const posts = api.writes().filter(({ method }) => method === 'POST');
  assert.ok(posts.length >= 2);
  assert.deepEqual(new Set(posts.map(({ key }) => key)), new Set([`"${entry.id}"`]));
  assert.equal(new Set(posts.map(({ body }) => body)).size, 1);
  assert.equal(lines().at(-1), 'PUT /tasks/a');
  assert.equal(JSON.parse(applied.at(-1)).n, 2);
});

test('no token is anywhere on the disk', async t => {
  const tokens = ['canary-4f1b70aa', 'canary-9c6e55d2'];
  const refuse = { 'bad': 422, 'conflict': 412, 'twice': 409 };
  api.reply = onlyWith(tokens[1], (response, asked) => {
    if (asked.method === 'GET')
      return respond(response, 200, { records: [], deleted: [], cursor: '1', more: false });
    const id = asked.body ? JSON.parse(asked.body).id : '';
    return refuse[id] ? respond(response, refuse[id], problem) : accept(response, asked);
  });
  const profile = await makeProfile(t);
  const own = await startBrowser(t, profile);
  const page = await own.page();
  await openWithToken(page, tokens[0]);
  await page.evaluate(async () => {
    for (const id of ['good', 'bad', 'conflict', 'twice', 'late'])
      await tasks.create({ id, title: 'A title to be found' });
  });
  await sync(page);
  assert.equal(await page.evaluate(() => hf.status.get().waitingFor), 'sign-in');
  await page.evaluate(async token => {
    globalThis.token = token;
    await hf.signedIn();
    await hf.sync();
    await hf.pull('task');
    await hf.deadLetters.retryAll();
    await hf.sync();
    // What is no header at all is complained about without being told.
    globalThis.token = `${token}\n`;
    await tasks.update('late', { title: 'Later' });
    await hf.sync();
    globalThis.token = token;
    await hf.sync();
    const database = await new Promise((resolve, reject) => {
      const request = indexedDB.open('beside');
      request.onupgradeneeded = () => request.result.createObjectStore('words');
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    await new Promise(resolve => {
      const words = database.transaction('words', 'readwrite', { durability: 'strict' });
      words.objectStore('words').put('A word to be found', 1);
      words.oncomplete = resolve;
    });
  }, tokens[1]);
  const { pending, failed } = await page.evaluate(() => hf.status.get());
  assert.deepEqual([pending, failed], [0, 3]);
  for (const token of tokens)
    assert.ok(api.requests.some(({ authorization }) => authorization?.endsWith(token)));
  await own.close();

  const holding = text =>
    files(profile).filter(file => {
      const bytes = readFileSync(join(profile, file));
      return ['utf8', 'utf16le'].some(encoding => bytes.includes(Buffer.from(text, encoding)));
    });
  const within = folder => file => file.split(sep).includes(folder);
  assert.ok(holding('A title to be found').some(within('File System')), 'OPFS is searched');
  assert.ok(holding('A word to be found').some(within('IndexedDB')), 'IndexedDB is searched');
  assert.deepEqual(tokens.flatMap(holding), []);
  // Not in pieces either.
  assert.deepEqual(holding('canary-'), []);
});

function files(folder) {
  return readdirSync(folder, { recursive: true }).filter(file =>
    statSync(join(folder, file), { throwIfNoEntry: false })?.isFile(),
  );
}
