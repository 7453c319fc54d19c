import assert from 'node:assert/strict';
import { test } from 'node:test';

import { units } from './units.mjs';

const { pages } = units;

/** What comes of an answer that arrives in pieces of `size`: the one page that its parts make. */
function read(text, size = text.length) {
  const cut = pages();
  const parts = [];
  for (let at = 0; at < text.length; at += size) parts.push(...cut.push(text.slice(at, at + size)));
  const last = cut.end();
  if (last === undefined) return { parts };
  parts.push(last);
  const read = parts.map(part => JSON.parse(part));
  const records = read.flatMap(({ records = [] }) => records);
  const deleted = read.flatMap(({ deleted = [] }) => deleted);
  return { page: { ...read.at(-1), records, deleted }, parts };
}

const awkward = [
  { id: 'a', text: '"}],{[\\', '"],"cursor":"no"': { records: [1, [2]] } },
  { id: 'é😀', list: [[], {}, [{}]], empty: '', 'back\\slash\\': '\\"' },
  { id: 7, deleted: ['x'], more: true },
];
const whole = { cursor: 'c"],', records: awkward, more: false, deleted: ['x', 7], n: [{ a: [] }] };

for (const [what, text] of [
  ['close', JSON.stringify(whole)],
  ['with room', JSON.stringify(whole, null, '\t')],
  ['with room around it', ` \n${JSON.stringify(whole, null, 1)}\r\n `],
])
  test(`however an answer is cut, it is read as what it says: ${what}`, () => {
    for (let size = 1; size < 60; ++size) assert.deepEqual(read(text, size).page, whole);
  });

test('an array is a page of records', () => {
  for (let size = 1; size < 20; ++size)
    assert.deepEqual(read(JSON.stringify(awkward), size).page.records, awkward);
  assert.deepEqual(read('[]').page.records, []);
});

test('a number is left as it is written', () => {
  const text = '{"records":[{"id":1,"n":9007199254740993123}]}';
  assert.equal(read(text).parts[0], text);
});

test('a long list comes in parts that are not long, and no more than that is held', () => {
  const records = Array.from({ length: 1_000 }, (_, n) => ({ id: `r${n}`, text: 'x'.repeat(n) }));
  const text = JSON.stringify({ records, deleted: records.map(({ id }) => id), cursor: 'c' });
  const cut = pages();
  const parts = [];
  let most = 0;
  for (let at = 0; at < text.length; at += 1_000) {
    parts.push(...cut.push(text.slice(at, at + 1_000)));
    most = Math.max(most, cut.length());
  }
  parts.push(cut.end());
  assert.ok(parts.length >= 20, `${parts.length} parts`);
  assert.ok(parts.every(part => part.length < (64 << 10) + 2_000));
  assert.ok(most < (64 << 10) + 4_000, `${most} held`);
  const read = parts.map(part => JSON.parse(part));
  assert.deepEqual(
    read.flatMap(page => page.records ?? []),
    records,
  );
  assert.equal(read.flatMap(page => page.deleted ?? []).length, 1_000);
});

for (const text of ['', '7', 'null', '"records"', '{"records":[', '{"records":[]', '{}{}', '[]]'])
  test(`no answer, or not all of one: ${text}`, () => assert.equal(read(text).page, undefined));

for (const text of ['{"no":1}', '{"records":{}}', '{"records":7,"more":true}'])
  test(`what is in another shape is left to the core: ${text}`, () =>
    assert.deepEqual(JSON.parse(read(text).parts.at(-1)), JSON.parse(text)));
