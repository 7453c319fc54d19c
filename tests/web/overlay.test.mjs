import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { units } from './units.mjs';

const list = (query = {}) => ({ type: 'list', collection: 'task', query });
const get = id => ({ type: 'get', collection: 'task', id });
const row = (id, fields = {}) => ({ body: { id, ...fields } });
let number;
let view;

beforeEach(() => {
  number = 0;
  view = units.overlay();
});

const change = (kind, record, change) => ({
  id: `m${number}`,
  kind,
  collection: 'task',
  record,
  change: change === undefined ? '' : JSON.stringify(change),
});
const write = (...args) => ({ type: 'write', number: ++number, ...change(...args) });
const lay = call => view.spill(call, 'later');
const remember = (read, text) => view.remember(read, text, view.asOf());
const read = question => {
  const text = view.read(question);
  return text === undefined ? undefined : JSON.parse(text);
};
const bodies = question => read(question)?.map(({ body }) => body);

test('what was read is shown as it was; what was not is not made up', () => {
  remember(list(), JSON.stringify([row('a')]));
  assert.deepEqual(read(list()), [row('a')]);
  assert.deepEqual(read(get('a')), row('a'));
  assert.equal(read(get('b')), undefined);
  assert.equal(read(list({ limit: 1 })), undefined);
  assert.equal(read({ type: 'status' }), undefined);
});

test('a write is laid over every list that it fits, in its place, marked as pending', () => {
  remember(list({ orderBy: '-n' }), JSON.stringify([row('b', { n: 3 }), row('a', { n: 1 })]));
  remember(list({ where: { n: { lt: 2 } } }), JSON.stringify([row('a', { n: 1 })]));
  const made = lay(write('create', 'c', { n: 2 }));
  assert.deepEqual(made.body, { id: 'c', n: 2, updatedAt: 'later' });
  assert.deepEqual(made.sync, { status: 'pending', attempts: 0, mutation: 'm1' });
  lay(write('update', 'a', { set: { n: 9, m: null } }));
  assert.deepEqual(
    bodies(list({ orderBy: '-n' })).map(({ id }) => id),
    ['a', 'b', 'c'],
  );
  assert.deepEqual(bodies(list({ where: { n: { lt: 2 } } })), []);
  lay(write('delete', 'b'));
  assert.equal(read(get('b')), null);
  assert.deepEqual(
    bodies(list({ orderBy: '-n' })).map(({ id }) => id),
    ['a', 'c'],
  );
});

test('an update keeps what it does not name and takes away what it removes', () => {
  remember(get('a'), JSON.stringify(row('a', { n: 1, m: 2 })));
  const { body } = lay(write('update', 'a', { set: { k: 3 }, remove: ['m'] }));
  assert.deepEqual(body, { id: 'a', n: 1, k: 3, updatedAt: 'later' });
});

test('an update of what is not known is laid over it once that is read', () => {
  assert.equal(lay(write('update', 'a', { set: { n: 2 } })), null);
  assert.equal(read(get('a')), undefined);
  remember(get('a'), JSON.stringify(row('a', { n: 1, m: 1 })));
  assert.deepEqual(read(get('a')).body, { id: 'a', n: 2, m: 1, updatedAt: 'later' });
});

test('what a leader has taken in is laid over nothing any more', () => {
  remember(list(), '[]');
  lay(write('create', 'a', {}));
  lay(write('create', 'b', {}));
  view.taken(1);
  assert.equal(bodies(list()).length, 2, 'it was read before both');
  remember(list(), '[]');
  assert.deepEqual(
    bodies(list()).map(({ id }) => id),
    ['b'],
  );
  assert.ok(view.spills());
  view.taken(2);
  assert.ok(!view.spills());
  remember(list(), '[]');
  assert.deepEqual(bodies(list()), []);
});

test('what a leader answered is laid over what was read before, and not over what is later', () => {
  remember(get('a'), JSON.stringify(row('a', { n: 1 })));
  remember(list(), JSON.stringify([row('a', { n: 1 })]));
  view.lay(write('update', 'a', { set: { n: 2 } }), 'later');
  for (const { n } of [read(get('a')).body, ...bodies(list())]) assert.equal(n, 2);
  remember(get('a'), JSON.stringify(row('a', { n: 3 })));
  assert.equal(read(get('a')).body.n, 3);
});

test('of what a leader answered the last 256 are remembered', () => {
  remember(list(), '[]');
  for (let i = 0; i < 300; ++i) view.lay(write('create', `r${i}`, {}), 'later');
  assert.equal(bodies(list()).length, 256);
});

test('a transaction is laid over as one, and answers with its rows', () => {
  const writes = [change('create', 'a', { n: 1 }), change('update', 'a', { set: { n: 2 } })];
  const rows = lay({ type: 'transact', number: ++number, writes });
  assert.deepEqual(
    rows.map(({ body }) => body.n),
    [2, 2],
  );
});

test('what is known to be wrong is refused', () => {
  remember(list(), JSON.stringify([row('a')]));
  remember(get('b'), 'null');
  assert.equal(view.flaw(write('create', 'a', {})).code, 'exists');
  assert.equal(view.flaw(write('update', 'b', { set: {} })).code, 'not-found');
  assert.equal(view.flaw(write('update', 'c', { set: {} })), undefined);
  lay(write('delete', 'a'));
  assert.equal(view.flaw(write('delete', 'a')).code, 'not-found');
  assert.equal(view.flaw(write('create', 'a', {})), undefined);
});

test('a long list, and all but the last 64 reads, are forgotten', () => {
  remember(get('long'), JSON.stringify(row('long', { text: 'x'.repeat(1 << 20) })));
  assert.equal(read(get('long')), undefined);
  for (let i = 0; i <= 64; ++i) remember(get(`r${i}`), JSON.stringify(row(`r${i}`)));
  assert.equal(read(get('r0')), undefined);
  assert.deepEqual(read(get('r1')), row('r1'));
});

test('of a page only what was on it is shown', () => {
  for (const query of [{ offset: 1 }, { after: ['0'] }]) {
    remember(list(query), JSON.stringify([row('b', { n: 1 })]));
    lay(write('create', 'a', { n: 2 }));
    lay(write('update', 'b', { set: { n: 3 } }));
    assert.deepEqual(
      bodies(list(query)).map(({ id, n }) => [id, n]),
      [['b', 3]],
    );
  }
});

// As SQLite answers: tests/core/query_test.cpp.
for (const [where, expected] of [
  [{ v: null }, 'no nil'],
  [{ v: { ne: null } }, 'one ten text yes'],
  [{ v: { ne: 1 } }, 'no nil ten text'],
  [{ v: true }, 'one yes'],
  [{ v: { gt: 1 } }, 'ten text'],
  [{ v: { lte: 10 } }, 'one ten yes'],
  [{ v: { lt: 'z' } }, 'one ten text yes'],
  [{ v: { in: [10, null] } }, 'nil no ten'],
  [{ v: { gte: 1, lt: 10 } }, 'one yes'],
  [{ v: { isNull: true } }, 'no nil'],
  [{ v: { prefix: 'Ax' } }, 'text'],
  [{ v: { like: 'a_\\\\%.(É%' } }, 'text'],
  [{ v: { like: 'a%é%' } }, ''],
  [{ v: { like: 'a%\\' } }, ''],
  [{ v: { like: '1%' } }, ''],
  [{ 'o.x': 1 }, 'one'],
  [{ 'v.x': { isNull: false } }, ''],
  [{ not: { v: { lt: 'z' } } }, 'no nil'],
  [{ or: [{ v: 10 }, { and: [{ v: true }, { not: { 'o.x': 1 } }] }] }, 'ten yes'],
  [{ or: [] }, ''],
])
  test(`a list where ${JSON.stringify(where)}`, () => {
    remember(list({ where }), '[]');
    const values = { nil: null, one: 1, ten: 10, text: 'Ax\\%.(É', yes: true };
    for (const [id, v] of Object.entries(values)) lay(write('create', id, { v }));
    lay(write('update', 'one', { set: { o: { x: 1 } } }));
    lay(write('create', 'no', {}));
    const found = bodies(list({ where })).map(({ id }) => id);
    assert.deepEqual(found.sort(), expected.split(' ').filter(Boolean).sort());
  });
