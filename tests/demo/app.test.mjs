// What the demo's app computes, apart from the page: what a form changes, what a list holds, and
// what is said of a change. And that its types hold.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const names = ['due', 'editor', 'entry', 'filter', 'route', 'section', 'words'];
const outfile = join(mkdtempSync(join(tmpdir(), 'holdfast-app-')), 'app.mjs');
await build({
  stdin: {
    contents: names.map(name => `export * from './${name}.js'`).join('\n'),
    resolveDir: join(root, 'demo/app'),
    loader: 'ts',
  },
  outfile,
  bundle: true,
  format: 'esm',
  alias: { holdfast: join(root, 'web/errors.ts') },
  logLevel: 'silent',
});
const app = await import(pathToFileURL(outfile).href);
rmSync(dirname(outfile), { recursive: true });

const noon = new Date(2026, 0, 15, 12);
const onDay = day => new Date(2026, 0, day, 9).toISOString();
const order = changes => ({
  title: 'Replace the valve',
  description: '',
  customer: 'Bäckerei Öz',
  address: '',
  city: 'عمّان',
  status: 'open',
  priority: 3,
  dueAt: onDay(15),
  assignee: '',
  notes: '',
  checklist: [
    { text: 'Close the main', done: true },
    { text: 'Fit the valve', done: false },
  ],
  ...changes,
});

for (const [name, config] of [
  ['the page', 'demo/app/tsconfig.json'],
  ['the service worker', 'demo/app/tsconfig.sw.json'],
]) {
  test(`the types of ${name} hold`, async () => {
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    await promisify(execFile)(process.execPath, [tsc, '-p', config], { cwd: root });
  });
}

test('a form that was not touched changes nothing', () => {
  const before = order();
  assert.deepEqual(app.changesOf(app.entryOf(before), before), {});
});

test('a form changes the fields that differ and no others, in the types of the order', () => {
  const before = order();
  const entry = { ...app.entryOf(before), title: ' Fit it ', priority: '1', dueAt: '' };
  const changes = app.changesOf(entry, before);
  assert.deepEqual(changes, { title: 'Fit it', priority: 1, dueAt: null });
});

test('a step that stays keeps its tick, wherever its line is now', () => {
  const before = order();
  const checklist = 'Fit the valve\n\n Close the main \nTest it';
  assert.deepEqual(app.changesOf({ ...app.entryOf(before), checklist }, before).checklist, [
    { text: 'Fit the valve', done: false },
    { text: 'Close the main', done: true },
    { text: 'Test it', done: false },
  ]);
});

test('a search finds words in any order, case and accent', () => {
  const orders = [order(), order({ customer: 'Weaver', city: 'Łódź' })];
  const found = search => app.searchOrders(orders, search).map(({ customer }) => customer);
  assert.deepEqual(found('VALVE backerei'), ['Bäckerei Öz']);
  assert.deepEqual(found('عمان'), ['Bäckerei Öz']);
  assert.deepEqual(found('valve bakery'), []);
  assert.deepEqual(found(' '), ['Bäckerei Öz', 'Weaver']);
});

test('what is done is listed latest first, what has no date last', () => {
  const orders = [onDay(1), onDay(2), null].map(dueAt => order({ status: 'done', dueAt }));
  const dates = app.filterOrders([...orders, order()], 'done').map(({ dueAt }) => dueAt);
  assert.deepEqual(dates, [onDay(2), onDay(1), null]);
});

test('orders stand in sections by the day on the wall', () => {
  const orders = [14, 15, 16, 17, 21, 22].map(day => order({ dueAt: onDay(day) }));
  const sections = app.sectionsOf([...orders, order({ dueAt: null })], 'Overdue', noon);
  assert.deepEqual(
    sections.map(({ title, orders }) => [title, orders.length]),
    [
      ['Overdue', 1],
      ['Today', 1],
      ['Tomorrow', 1],
      ['Next 7 days', 2],
      ['Later', 1],
      ['No date', 1],
    ],
  );
});

test('a route and its address are the same, whatever the id', () => {
  for (const route of [
    { screen: 'list' },
    { screen: 'create' },
    { screen: 'detail', id: 'a/b edit%' },
    { screen: 'edit', id: '01a2' },
  ]) {
    assert.deepEqual(app.parseRoute(app.hrefOf(route)), route);
  }
  assert.deepEqual(app.parseRoute('#/elsewhere'), { screen: 'list' });
  assert.deepEqual(app.parseRoute('#/orders/%'), { screen: 'detail', id: '%' });
});

test('the chip says how much waits and for what', () => {
  const words = status =>
    app.chipWords({ pending: 0, failed: 0, reachable: true, waitingFor: null, ...status });
  assert.equal(words({}), 'All sent');
  assert.equal(words({ reachable: false }), 'Offline');
  assert.equal(words({ pending: 3, reachable: false }), 'Offline – 3 waiting');
  assert.equal(words({ pending: 3 }), '3 waiting');
  assert.equal(words({ pending: 3, syncing: true }), 'Sending 3');
  assert.equal(words({ failed: 1 }), '1 refused');
  const signIn = words({ pending: 2, failed: 1, waitingFor: 'sign-in' });
  assert.equal(signIn, 'Sign in – 2 waiting, 1 refused');
});

test("a refusal is told in words, with the server's reason", () => {
  const problem = { status: 422, title: 'Unprocessable Content', detail: 'title is too long' };
  assert.deepEqual(app.problemWords(problem), {
    title: 'The server did not accept this change',
    detail: 'title is too long',
  });
  assert.deepEqual(app.problemWords(undefined), {
    title: 'The server refused this change',
    detail: undefined,
  });
});

test('a change is named by what it does', () => {
  const update = set => app.changeWords({ kind: 'update', change: { set, remove: [] } });
  assert.equal(app.changeWords({ kind: 'create', collection: 'order' }), 'New order');
  assert.equal(app.changeWords({ kind: 'create', collection: 'note' }), 'New note');
  assert.equal(app.changeWords({ kind: 'delete', collection: 'note' }), 'Deleted note');
  assert.equal(update({ status: 'done' }), 'Marked as done');
  assert.equal(update({ title: 'x', dueAt: null }), 'Changed title and due date');
});

// Two records that this page knows, and one that it does not.
const boiler = '0192f3a0-0000-7000-8000-000000000001';
const key = '0192f3a0-0000-7000-8000-000000000002';
const unknown = '0192f3a0-0000-7000-8000-000000000003';
const note = { text: 'The key is under the mat, and there is a dog\n…' };
const known = {
  titleOf: id => (id === boiler ? 'Boiler' : undefined),
  noteOf: id => (id === key ? note : undefined),
};
const plain = words => words.replace(/[\u2068\u2069]/g, '');

test('what a record waits for is told by its name', () => {
  const words = sync => app.standingWords({ status: 'pending', attempts: 0, ...sync }, known);
  const blockedBy = { id: unknown, kind: 'create', collection: 'order', record: boiler };
  const { title } = words({ blockedBy });
  assert.equal(plain(title), 'Waits for the new order “Boiler”, which failed');
  assert.deepEqual(words({ attempts: 3 }), {
    title: 'Waiting to be sent',
    detail: 'Tried 3 times so far.',
  });
  const error = { status: 422, detail: 'Too long.' };
  const failed = words({ status: 'failed', error, blockedBy });
  assert.deepEqual(failed, {
    title: 'The server did not accept this change',
    detail: 'Too long.',
  });
});

test("Holdfast's own sentence has names instead of ids", () => {
  const said = app.explanationWords(
    `It waits for the create of order ${boiler}, which failed: it refers to that record. Nothing ` +
      `happens before the failed create of order ${boiler} is retried. And note ${unknown}.`,
    known,
  );
  assert.equal(
    plain(said),
    'It waits for the create of “Boiler”, which failed: it refers to that record. Nothing ' +
      'happens before the failed create of “Boiler” is retried. And a note.',
  );
});

test('a discard names what goes along', () => {
  const note = record => ({ kind: 'create', collection: 'note', record });
  const letter = { kind: 'create', collection: 'order', record: boiler };
  const words = holds => plain(app.discardWords({ ...letter, holds }, known));
  const alone = 'The server never had this order. It goes from this device.';
  assert.equal(words([]), alone);
  const text = 'The key is under the mat, and there is…';
  assert.equal(
    words([note(key), { kind: 'update', collection: 'order', record: boiler }]),
    `${alone} With it: the note “${text}” and a change of “Boiler”.`,
  );
  const many = words(Array.from({ length: 8 }, () => note(unknown)));
  assert.match(many, /: a note, a note, a note, a note, a note, and 3 more\.$/);
  assert.equal(plain(app.holdsWords([note(key)], known)), `Holds back the note “${text}”.`);
  assert.equal(app.holdsWords([], known), '');
});

test('the fields to be mended are those that the problem names', () => {
  const named = pointers =>
    app.fieldsNamed({ errors: pointers.map(pointer => ({ pointer, detail: 'No.' })) });
  assert.deepEqual(named(['#/title', '#/title', '#/checklist/0/text']), ['title', 'checklist']);
  assert.deepEqual(named(['/city', 'city', 7, undefined]), ['city']);
  assert.deepEqual(app.fieldsNamed({ errors: 'none' }), []);
  assert.deepEqual(app.fieldsNamed(undefined), []);
});

test("an API's own kind of problem is told by its title", () => {
  const problem = { status: 409, type: 'urn:problem-type:order-has-notes', title: 'It has notes' };
  assert.equal(app.problemWords(problem).title, 'It has notes');
});
