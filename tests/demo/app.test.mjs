// What the demo's app computes, apart from the page: what a form changes, what a list holds, and
// what is said of a change. And that its types hold.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const names = ['due', 'entry', 'filter', 'route', 'section', 'words'];
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
  assert.equal(app.changeWords({ kind: 'create' }), 'New order');
  assert.equal(update({ status: 'done' }), 'Marked as done');
  assert.equal(update({ title: 'x', dueAt: null }), 'Changed title and due date');
});
