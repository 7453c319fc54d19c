import assert from 'node:assert/strict';
import { test } from 'node:test';

import { units } from './units.mjs';

const { readOptions } = units;
const page = 'https://app.example/orders/list?q=1';
const least = { name: 'field/ada', baseUrl: '/api', collections: { task: {} } };
/** A collection of which nothing is said. */
const plain = {
  indexes: [],
  fields: {},
  references: {},
  coalesce: true,
  serverIds: false,
  onUnknown: 'safest',
  retry: [],
  reject: [],
  conflict: [],
  signIn: [],
};

test('what is not said is completed', () => {
  assert.deepEqual(readOptions(least, page), {
    name: 'field/ada',
    config: {
      collections: { task: { path: '/tasks', ...plain } },
      ordering: 'lanes',
      concurrency: 4,
      maxAttempts: 5,
      backoffBaseMs: 1_000,
      backoffCapMs: 300_000,
      probeFreshMs: 30_000,
      keyLifetimeMs: 86_400_000,
      maxOutbox: 1_000_000,
      maxBody: 1_048_576,
    },
    api: {
      baseUrl: 'https://app.example/api',
      timeoutMs: 30_000,
      healthPath: '/health',
      healthTimeoutMs: 5_000,
    },
    storage: 'opfs',
    headers: undefined,
    check: undefined,
    serverId: new Map(),
    map: new Map(),
    pulls: ['task'],
    watchedMs: 0,
    workerUrl: undefined,
    wasmUrl: undefined,
    createWorker: undefined,
  });
});

test('what is said is taken', () => {
  const headers = () => ({});
  const check = () => true;
  const serverId = () => 1;
  const { config, api, ...rest } = readOptions(
    {
      ...least,
      baseUrl: new URL('http://api.example/v1/'),
      collections: {
        work_order: {
          path: '/v2/orders',
          indexes: ['createdAt', ['done', '-place.city']],
          fields: { done: 'boolean', 'place.city': 'text' },
        },
        note: {
          references: { orderId: 'work_order', noteIds: 'note' },
          coalesce: false,
          serverId,
          onUnknown: 'ask',
          retry: [423, 424],
          reject: [503],
          isConflict: [400],
          signIn: [403],
        },
      },
      keyLifetimeMs: 0,
      batch: { path: '/batch' },
      health: { path: '/up', timeoutMs: 1, check },
      headers,
      ordering: 'strict',
      backoff: { baseMs: 10 },
      storage: 'memory',
      wasmUrl: '/x.wasm',
    },
    undefined,
  );
  assert.deepEqual(config.collections, {
    work_order: {
      ...plain,
      path: '/v2/orders',
      indexes: [['createdAt'], ['done', '-place.city']],
      fields: { done: 'boolean', 'place.city': 'text' },
    },
    note: {
      path: '/notes',
      indexes: [],
      fields: {},
      references: { orderId: 'work_order', noteIds: 'note' },
      coalesce: false,
      serverIds: true,
      onUnknown: 'ask',
      retry: [423, 424],
      reject: [503],
      conflict: [400],
      signIn: [403],
    },
  });
  assert.deepEqual([config.keyLifetimeMs, config.batch], [0, { path: '/batch', max: 50 }]);
  assert.deepEqual([...rest.serverId], [['note', serverId]]);
  assert.deepEqual(
    [config.ordering, config.backoffBaseMs, config.backoffCapMs],
    ['strict', 10, 300_000],
  );
  assert.deepEqual(api, {
    baseUrl: 'http://api.example/v1/',
    timeoutMs: 30_000,
    healthPath: '/up',
    healthTimeoutMs: 1,
  });
  assert.deepEqual(
    [rest.headers, rest.check, rest.storage, rest.wasmUrl],
    [headers, check, 'memory', '/x.wasm'],
  );
});

const task = options => ({ collections: { task: options } });

for (const [change, message] of [
  [undefined, /the options must be an object/],
  [{ nmae: 'x' }, /'nmae' is not an option of this version. There are: name, baseUrl/],
  [{ name: '' }, /^name must be text/],
  [{ name: 'x'.repeat(256) }, /^name must be text/],
  [{ name: '\ud800' }, /^name must be text/],
  [{ baseUrl: 7 }, /^baseUrl must be a URL/],
  [{ baseUrl: 'http://' }, /^baseUrl must be a URL/],
  [{ baseUrl: 'file:///x' }, /^baseUrl must be an http or https URL/],
  [{ baseUrl: 'https://a:b@host/' }, /without a query, a fragment or a password/],
  [{ baseUrl: '/api?x=1' }, /without a query, a fragment or a password/],
  [{ collections: {} }, /^collections must be an object with a member/],
  [{ collections: { 'a-b': {} } }, /'a-b' cannot be a name/],
  [{ collections: { '1a': {} } }, /'1a' cannot be a name/],
  [{ collections: JSON.parse('{"__proto__x y":{}}') }, /cannot be a name/],
  [
    { collections: { task: { conflict: 'client-wins' } } },
    /collections\.task: 'conflict' is not an option of this version/,
  ],
  [
    { collections: { task: { path: 'tasks' } } },
    /collections\.task\.path must be a path below baseUrl/,
  ],
  [{ collections: { task: { path: '/tasks/' } } }, /collections\.task\.path must be a path/],
  [{ collections: { task: { path: '/a/../b' } } }, /collections\.task\.path must be a path/],
  [{ collections: { task: { path: '/a/%2E%2e' } } }, /collections\.task\.path must be a path/],
  [{ collections: { task: { path: '/a?b' } } }, /collections\.task\.path must be a path/],
  [{ collections: { task: { indexes: 'done' } } }, /collections\.task\.indexes must be an array/],
  [{ collections: { task: { indexes: ['a b'] } } }, /"a b" is no field/],
  [{ collections: { task: { indexes: [[]] } } }, /\[\] is no field/],
  [task({ fields: ['done'] }), /collections\.task\.fields must be an object/],
  [task({ fields: { done: 'bool' } }), /collections\.task\.fields\.done must be one of: 'boolean'/],
  [task({ fields: { done: undefined } }), /must be one of/],
  [task({ fields: { 'a b': 'text' } }), /'a b' cannot be a column/],
  [task({ fields: { Id: 'text' } }), /'Id' cannot be a column/],
  [task({ fields: { body: 'text' } }), /'body' cannot be a column/],
  [task({ fields: { done: 'text', Done: 'text' } }), /'Done' cannot be a column/],
  [{ collections: { task: {}, Task: {} } }, /'Task' cannot be a name/],
  [{ collections: { hf_record: {} } }, /'hf_record' cannot be a name/],
  [{ collections: { SQLITE_x: {} } }, /'SQLITE_x' cannot be a name/],
  [{ collections: { task: { indexes: ['a..b'] } } }, /"a..b" is no field/],
  [{ collections: { task: { indexes: ['a.b.c.d.e.f.g.h.i'] } } }, /is no field/],
  [{ collections: { task: { indexes: ['a.__proto__'] } } }, /is no field/],
  [
    { collections: { task: { indexes: [{ fields: ['email'], unique: true }] } } },
    /collections\.task\.indexes: no index can be unique.*let the server/,
  ],
  [{ collections: { task: { indexes: [['email', { unique: true }]] } } }, /can be unique/],
  [{ collections: { task: { indexes: ["a') --"] } } }, /is no field/],
  [{ collections: { ['__proto__']: {} } }, /'__proto__' cannot be a name/],
  [task({ references: ['order'] }), /collections\.task\.references must be an object of fields/],
  [task({ references: { id: 'task' } }), /references: 'id' cannot be a field that refers/],
  [task({ references: { 'a b': 'task' } }), /references: 'a b' cannot be a field/],
  [task({ references: { orderId: 'order' } }), /orderId must be the name of a .*There are: task/],
  [task({ coalesce: 1 }), /collections\.task\.coalesce must be true or false/],
  [task({ serverId: 'id' }), /collections\.task\.serverId must be a function/],
  [task({ onUnknown: 'check' }), /onUnknown must be one of: 'safest', 'ask', 'resend'/],
  [task({ retry: 423 }), /collections\.task\.retry must be an array of statuses/],
  [task({ reject: [200] }), /collections\.task\.reject: 200 is no status from 400 to 599/],
  [task({ signIn: ['403'] }), /collections\.task\.signIn: "403" is no status/],
  [
    task({ retry: [409], isConflict: [412, 409] }),
    /collections\.task: 409 stands in retry and in isConflict/,
  ],
  [{ keyLifetimeMs: -1 }, /^keyLifetimeMs must be a whole number from 0/],
  [{ batch: true }, /^batch must be an object/],
  [{ batch: {} }, /^batch\.path must be a path below baseUrl/],
  [{ batch: { path: '/batch', max: 1 } }, /^batch\.max must be a whole number from 2 to 500/],
  [{ ordering: 'fifo' }, /^ordering must be one of: 'lanes', 'strict'/],
  [{ storage: 'indexeddb' }, /^storage must be one of: 'opfs', 'memory'/],
  [{ concurrency: 0 }, /^concurrency must be a whole number from 1 to 64/],
  [{ maxAttempts: 1.5 }, /^maxAttempts must be a whole number/],
  [{ timeoutMs: Infinity }, /^timeoutMs must be a whole number/],
  [{ backoff: { baseMs: 5, capMs: 4 } }, /^backoff\.capMs must be a whole number from 5/],
  [{ backoff: 5 }, /^backoff must be an object/],
  [{ health: { path: 'https://elsewhere/' } }, /^health\.path must be a path/],
  [{ health: { check: true } }, /^health\.check must be a function/],
  [{ headers: {} }, /^headers must be a function/],
  [{ createWorker: '/w.js' }, /^createWorker must be a function/],
  [{ wasmUrl: 7 }, /^wasmUrl must be a URL/],
])
  test(`refused: ${JSON.stringify(change)?.slice(0, 60)}`, () =>
    assert.throws(
      () => readOptions(change && { ...least, ...change }, page),
      error => {
        assert.equal(error.code, 'bad-option');
        assert.match(error.message, message);
        assert.match(error.message, /Nothing was opened\.$/);
        return true;
      },
    ));

test('where there is no page, a relative base is refused', () =>
  assert.throws(() => readOptions(least, undefined), {
    code: 'bad-option',
    message: /where there is no page, an absolute one/,
  }));

test('how a collection is pulled', () => {
  const map = answer => answer;
  const read = collections => readOptions({ ...least, collections }, page);
  const { config, pulls, watchedMs, ...rest } = read({
    task: { pull: true },
    note: { pull: { path: '/changes/{limit}?after={cursor}', limit: 20, intervalMs: 5_000, map } },
    part: { pull: { full: true, intervalMs: 0 } },
    draft: { pull: false },
    photo: {},
  });
  const plain = { itself: true, limit: 500, intervalMs: 60_000, full: false, maps: false };
  const { task, note, part, draft, photo } = config.collections;
  assert.deepEqual(task.pull, plain);
  assert.deepEqual(note.pull, {
    ...plain,
    path: '/changes/{limit}?after={cursor}',
    limit: 20,
    intervalMs: 5_000,
    maps: true,
  });
  assert.deepEqual(part.pull, { ...plain, full: true, intervalMs: 0 });
  assert.deepEqual([draft.pull, photo.pull], [undefined, undefined]);
  assert.deepEqual(pulls, ['task', 'note', 'part', 'photo']);
  assert.equal(watchedMs, 5_000);
  assert.deepEqual([...rest.map], [['note', map]]);
});

for (const [pull, flaw] of [
  ['/changes', /task\.pull must be an object/],
  [{ paths: 1 }, /'paths' is not an option/],
  [{ path: '/changes' }, /must say by \{cursor\} where a page goes on/],
  [{ path: 'changes?c={cursor}' }, /pull\.path must be a path/],
  [{ path: '/../x?c={cursor}' }, /pull\.path must be a path/],
  [{ path: '/x?c={cursor}#a' }, /must be a path and a query/],
  [{ path: 7 }, /pull\.path must be a path/],
  [{ limit: 0 }, /pull\.limit must be a whole number/],
  [{ intervalMs: -1 }, /pull\.intervalMs must be a whole number/],
  [{ full: 1 }, /pull\.full must be true or false/],
  [{ map: 1 }, /pull\.map must be a function/],
])
  test(`a way to pull that is refused: ${JSON.stringify(pull)}`, () =>
    assert.throws(
      () => readOptions({ ...least, collections: { task: { pull } } }, page),
      error => error.code === 'bad-option' && flaw.test(error.message),
    ));
