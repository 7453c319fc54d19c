import assert from 'node:assert/strict';
import { test } from 'node:test';

import { units } from './units.mjs';

const { readOptions } = units;
const page = 'https://app.example/orders/list?q=1';
const least = { name: 'field/ada', baseUrl: '/api', collections: { task: {} } };

test('what is not said is completed', () => {
  assert.deepEqual(readOptions(least, page), {
    name: 'field/ada',
    config: {
      collections: { task: { path: '/tasks', indexes: [] } },
      ordering: 'lanes',
      concurrency: 4,
      maxAttempts: 5,
      backoffBaseMs: 1_000,
      backoffCapMs: 300_000,
      probeFreshMs: 30_000,
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
    workerUrl: undefined,
    wasmUrl: undefined,
    createWorker: undefined,
  });
});

test('what is said is taken', () => {
  const headers = () => ({});
  const check = () => true;
  const { config, api, ...rest } = readOptions(
    {
      ...least,
      baseUrl: new URL('http://api.example/v1/'),
      collections: {
        work_order: { path: '/v2/orders', indexes: ['createdAt', ['done', '-createdAt']] },
      },
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
    work_order: { path: '/v2/orders', indexes: [['createdAt'], ['done', '-createdAt']] },
  });
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
  [{ collections: { task: { indexes: ["a') --"] } } }, /is no field/],
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
