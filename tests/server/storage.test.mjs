// What becomes of orders and keys when a server ends, and when there are two.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startServer } from '../../demo/server/server.mjs';
import { assertProblem, clientOf, newOrder, programs, skip } from './fixture.mjs';
import { startPostgres } from './postgres.mjs';

/**
 * A server that is closed after the test.
 *
 * @param {import('node:test').TestContext} t
 * @param {object} options
 */
async function openServer(t, options) {
  const server = await startServer(options);
  let closed = false;
  const close = async () => {
    if (!closed) await server.close();
    closed = true;
  };
  t.after(close);
  return { ...server, close };
}

describe('an embedded PostgreSQL in a folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-demo-'));
  const database = join(folder, 'orders');
  after(() => rmSync(folder, { recursive: true }));

  test('keeps what it answered when it is killed', async t => {
    const main = fileURLToPath(new URL('../../demo/server/main.mjs', import.meta.url));
    const { DATABASE_URL, ...env } = process.env;
    const child = spawn(process.execPath, [main], {
      env: { ...env, PORT: '0', HOLDFAST_DEMO_DATA: database },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const order = newOrder();
    const key = randomUUID();
    let created;
    try {
      const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
      const [, url] = /^Holdfast demo: (http:\S+) \(PGlite in \S+orders.*\)\n$/.exec(line) ?? [];
      created = await clientOf(url).post(order, key);
      assert.equal(created.status, 201);
      await assert.rejects(startServer({ database }), /in use by process/);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }

    const client = clientOf((await openServer(t, { database })).url);
    assert.equal((await client.post(order, key)).text, created.text);
    assert.equal((await client.get('/api/orders?limit=1000')).body.records.length, 501);
  });

  test('keeps orders, keys and deletions through a restart', async t => {
    const first = await openServer(t, { database });
    const order = newOrder();
    const key = randomUUID();
    const created = await clientOf(first.url).post(order, key);
    await clientOf(first.url).delete(order.id);
    await first.close();

    const client = clientOf((await openServer(t, { database, seed: 3 })).url);
    assert.equal((await client.post(order, key)).text, created.text);
    const page = (await client.get('/api/orders?limit=1000')).body;
    assert.deepEqual(page.deleted, [order.id]);
  });

  test('lets no second server in until the first is closed', async t => {
    const first = await openServer(t, { database });
    await assert.rejects(startServer({ database }), /in use by process/);
    await first.close();
    await openServer(t, { database });
  });
});

describe('a real PostgreSQL', { skip }, () => {
  /** @type {Awaited<ReturnType<typeof startPostgres>>} */
  let postgres;
  before(async () => {
    postgres = await startPostgres(programs);
  });
  after(() => postgres?.stop());

  test('has one effect a key among two servers on one database', async t => {
    const database = await postgres.createDatabase();
    const servers = [await openServer(t, { database }), await openServer(t, { database })];
    const order = newOrder();
    const key = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => clientOf(servers[i % 2].url).post(order, key)),
    );
    const others = answers.filter(({ status }) => status !== 201 && status !== 409);
    assert.deepEqual(others, []);
    const effects = servers.flatMap(server => server.log()).map(entry => entry.effect);
    assert.equal(effects.filter(effect => effect === 'applied').length, 1);
  });

  test('answers 503 when its database goes away under it, and stays up', async t => {
    const own = await startPostgres(programs);
    const server = await openServer(t, { database: await own.createDatabase() });
    const client = clientOf(server.url);
    const post = () => client.post(newOrder(), randomUUID());
    const first = await post();
    const flying = Array.from({ length: 60 }, post);
    await flying[0];
    await own.stop();
    const others = (await Promise.all(flying)).filter(({ status }) => status !== 201);
    for (const answer of [...others, await post()]) {
      assertProblem(answer, 503, /database does not answer/);
      assert.equal(answer.headers.get('retry-after'), '5');
    }
    assert.deepEqual([first.status, others.length > 0], [201, true]);
    assert.equal((await client.get('/api/health')).status, 200);
  });
});
