import assert from 'node:assert/strict';
import { test } from 'node:test';

import { units } from './units.mjs';

const { checkId, creation, HoldfastError, parseJson, presented, sameJson, toJson, update, uuids } =
  units;

const refusal = (run, code, message) =>
  assert.throws(run, error => {
    assert.ok(error instanceof HoldfastError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    assert.match(error.message, /Nothing was recorded/);
    return true;
  });

test('a plain object becomes the text that JSON.stringify gives', () => {
  const body = {
    title: 'صمام 阀门 🔧',
    at: null,
    done: false,
    n: -1.5e-7,
    list: [1, { a: [] }],
    'any name': '',
  };
  assert.equal(toJson(body, 'task'), JSON.stringify(body));
});

test('at the top undefined changes nothing and $-keys are ignored', () => {
  assert.equal(
    toJson({ a: 1, b: undefined, $sync: { status: 'synced' }, c: { $d: 1 } }, 'task'),
    '{"a":1,"c":{"$d":1}}',
  );
});

test('a proxy, an object of another realm and one without a prototype are plain', async () => {
  const { runInNewContext } = await import('node:vm');
  assert.equal(toJson(new Proxy({ a: [1] }, {}), 'task'), '{"a":[1]}');
  assert.equal(toJson(runInNewContext('({ a: [1] })'), 'task'), '{"a":[1]}');
  assert.equal(toJson(Object.assign(Object.create(null), { a: 1 }), 'task'), '{"a":1}');
});

const cyclic = { a: {} };
cyclic.a.b = [cyclic.a];
let deep = {};
for (let i = 0; i < 64; ++i) deep = { deep };
let bomb = {};
for (let i = 0; i < 40; ++i) bomb = { a: bomb, b: bomb };

for (const [what, body, message] of [
  ['undefined further down', { a: { b: undefined } }, /^task\.a\.b is undefined,/],
  ['a hole in an array', { a: [1, , 2] }, /^task\.a\[1\] is undefined,/],
  ['NaN', { a: NaN }, /^task\.a is NaN,/],
  ['an infinity', { a: [-Infinity] }, /^task\.a\[0\] is -Infinity,/],
  ['an integer past 2^53', { a: 2 ** 53 }, /^task\.a is an integer past 2\^53/],
  ['a bigint', { a: 1n }, /^task\.a is a bigint,/],
  ['a function', { a() {} }, /^task\.a is a function,/],
  ['a symbol', { a: Symbol() }, /^task\.a is a symbol,/],
  ['a Date', { at: new Date(0) }, /^task\.at is a Date,/],
  ['a Map', { a: new Map() }, /^task\.a is a Map,/],
  ['a Set', { a: { b: new Set() } }, /^task\.a\.b is a Set,/],
  ['a boxed string', { a: new String('b') }, /^task\.a is a String,/],
  ['a lone surrogate', { a: 'x\ud800' }, /^task\.a is text with half a surrogate pair,/],
  ['a lone surrogate in a name', { 'x\udc00': 1 }, /^task has a name with half a surrogate pair,/],
  ['itself', cyclic, /^task\.a\.b\[0\] contains itself,/],
  ['65 levels', deep, /is nested deeper than 64 levels,/],
  ['__proto__', JSON.parse('{"a":{"__proto__":{}}}'), /^task\.a has a member called __proto__,/],
])
  test(`a body that holds ${what} is refused, with the path of it`, () =>
    refusal(() => toJson(body, 'task'), 'bad-body', message));

for (const [what, body] of [
  ['an array', []],
  ['null', null],
  ['undefined', undefined],
  ['text', 'a'],
  ['a Date', new Date(0)],
])
  test(`${what} is no body`, () =>
    assert.throws(() => toJson(body, 'task'), {
      code: 'bad-body',
      message: /^task must be a plain object, not/,
    }));

test('more than 1 MiB is refused, counted in bytes of UTF-8', () => {
  assert.equal(toJson({ a: 'x'.repeat(1_048_576 - 8) }, 'task').length, 1_048_576);
  refusal(
    () => toJson({ a: 'x'.repeat(1_048_576 - 7) }, 'task'),
    'too-large',
    /^task is larger than 1 MiB/,
  );
  refusal(
    () => toJson({ a: '阀'.repeat(400_000) }, 'task'),
    'too-large',
    /^task is larger than 1 MiB/,
  );
});

test('a small object that unfolds into a giant one ends soon', () =>
  refusal(() => toJson(bomb, 'task'), 'too-large', /1 MiB/));

test('63 levels below the body are kept', () => {
  let body = {};
  for (let i = 0; i < 63; ++i) body = { body };
  assert.equal(toJson(body, 'task'), JSON.stringify(body));
});

test('__proto__ in an answer reaches no object', () => {
  const value = parseJson('[{"a":{"__proto__":{"admin":true},"b":1}}]');
  assert.deepEqual(value, [{ a: { b: 1 } }]);
  assert.ok(!Object.hasOwn(value[0].a, '__proto__'));
});

test('values are the same when their texts are', () => {
  assert.ok(sameJson({ a: [1, { b: null }] }, { a: [1, { b: null }] }));
  for (const [a, b] of [
    [{ a: 1 }, { a: 1, b: 1 }],
    [[], {}],
    [null, {}],
    [[1], [2]],
    [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ],
  ])
    assert.ok(!sameJson(a, b));
});

for (const id of ['', '.', '..', 'a/b', 'a b', 'ä', 'x'.repeat(129), 7, null])
  test(`${JSON.stringify(id).slice(0, 20)} is no id`, () =>
    refusal(() => checkId(id), 'bad-id', /cannot be an id/));

test('ids of 1 to 128 fitting characters are ids', () => {
  for (const id of ['a', '...', 'A-z_0.9~:@', 'x'.repeat(128)]) checkId(id);
});

test('made ids are UUIDv7 and rise, also when the clock is set back', () => {
  let now = Date.UTC(2026, 0, 1, 12);
  const next = uuids(
    () => now,
    bytes => bytes.fill(255),
  );
  const made = [];
  for (let i = 0; i < 10_000; ++i) made.push(next());
  now -= 3_600_000;
  made.push(next());
  for (const id of made)
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual(made, [...new Set(made)].sort());
  assert.equal(parseInt(made[0].slice(0, 13).replace('-', ''), 16), Date.UTC(2026, 0, 1, 12));
});

test('a new record has the id it was given, or a new one', () => {
  assert.deepEqual(
    creation('task', { id: 'a', n: 1 }, () => 'new'),
    { id: 'a', change: '{"id":"a","n":1}' },
  );
  assert.deepEqual(
    creation('task', { n: 1 }, () => 'new'),
    { id: 'new', change: '{"n":1,"id":"new"}' },
  );
  refusal(() => creation('task', { id: '../admin' }, () => 'new'), 'bad-id', /admin/);
});

test('an update sets and removes fields, and never removes the id', () => {
  assert.equal(update('task', { id: 'a', n: null }, undefined), '{"set":{"id":"a","n":null}}');
  assert.equal(update('task', {}, ['n']), '{"set":{},"remove":["n"]}');
  refusal(() => update('task', {}, ['id']), 'bad-body', /remove/);
  refusal(() => update('task', {}, 'n'), 'bad-body', /remove/);
});

test('$sync is read, and neither listed, copied nor written', () => {
  const record = presented({ body: { id: 'a' }, sync: { status: 'pending', attempts: 1 } });
  assert.deepEqual(record.$sync, { status: 'pending', attempts: 1 });
  assert.deepEqual(Object.keys({ ...record }), ['id']);
  assert.equal(presented({ body: {} }).$sync, presented({ body: {} }).$sync);
});
