// `holdfast/react` in a real page under StrictMode, with the built package.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';

import { useHoldfast, useRecords, useSyncStatus } from '../../dist/react.js';
import { launch, serve } from './tab.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const app = `
import { memo, StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { openHoldfast } from '/dist/index.js'
import { useHoldfast, useRecord, useRecords, useSyncStatus } from 'holdfast/react'

const options = { name: 'react', baseUrl: '/api', collections: { task: {} } }
globalThis.rendered = {}

const Row = memo(({ task }) => {
  rendered[task.title] = (rendered[task.title] ?? 0) + 1
  return <li>{task.title} {task.$sync.status}</li>
})

function App() {
  const hf = useHoldfast('react', () => openHoldfast(options))
  globalThis.hf = hf
  const [limit, setLimit] = useState(100)
  globalThis.setLimit = setLimit
  const tasks = useRecords(hf?.collection('task'), { orderBy: 'title', limit })
  const first = useRecord(hf?.collection('task'), tasks?.[0]?.id)
  const status = useSyncStatus(hf)
  if (!tasks) return <p>Opening</p>
  return <>
    <p id="status">{status.pending} pending</p>
    <p id="first">{first?.title}</p>
    <ul>{tasks.map(task => <Row key={task.id} task={task} />)}</ul>
  </>
}

const root = createRoot(document.body.appendChild(document.createElement('div')))
root.render(<StrictMode><App /></StrictMode>)
globalThis.root = root
`;

/** What docs/react.md shows. */
const [, shownApp] = readFileSync(join(root, 'docs/react.md'), 'utf8').match(/```tsx\n(.*?)```/s);

async function bundled(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root, loader: 'tsx' },
    bundle: true,
    format: 'esm',
    jsx: 'automatic',
    alias: { holdfast: '/dist/index.js', 'holdfast/react': join(root, 'dist/react.js') },
    external: ['/dist/*'],
    write: false,
  });
  return outputFiles[0].contents;
}

/** A page on which this app runs, and an API that is not well. */
async function appPage(t, contents) {
  const server = await serve();
  t.after(() => server.close());
  const browser = await launch();
  t.after(() => browser.close());
  const script = await bundled(contents);
  server.healthy = false;
  server.files['app.js'] = response =>
    response.writeHead(200, { 'content-type': 'text/javascript' }).end(script);
  const page = await browser.context.newPage();
  await page.goto(server.origin);
  await page.addScriptTag({ type: 'module', url: '/dist/app.js' });
  const shown = text => page.waitForFunction(text => document.body.innerText.includes(text), text);
  return { page, shown, server };
}

test('components show what is recorded, under StrictMode', async t => {
  const { page, shown } = await appPage(t, app);
  const create = title =>
    page.evaluate(title => hf.collection('task').create({ title }), title);

  await t.test('one worker is left of the two openings of StrictMode', async () => {
    await shown('0 pending');
    assert.equal(page.workers().length, 1);
  });

  await t.test('a record is shown as soon as it is recorded, with its status', async () => {
    await create('Valve');
    await shown('Valve pending');
    await shown('1 pending');
    assert.equal(await page.textContent('#first'), 'Valve');
  });

  await t.test('what did not change is not rendered again', async () => {
    const before = await page.evaluate(() => rendered['Valve']);
    await create('Pump');
    await shown('Pump pending');
    assert.equal(await page.evaluate(() => rendered['Valve']), before);
  });

  await t.test('another query shows other rows', async () => {
    await page.evaluate(() => setLimit(1));
    await page.waitForFunction(() => document.querySelectorAll('li').length === 1);
  });

  await t.test('with the last component goes the worker, and comes back with another', async () => {
    const gone = page.workers()[0].waitForEvent('close');
    await page.evaluate(() => root.unmount());
    await gone;
    await page.addScriptTag({ type: 'module', url: '/dist/app.js?again' });
    await shown('Pump pending');
    assert.equal(page.workers().length, 1);
  });
});

test('the app of docs/react.md creates, ticks off and delivers', async t => {
  const { page, shown, server } = await appPage(t, shownApp);
  await shown('All sent');
  await page.getByRole('button', { name: 'New' }).click();
  await shown('Replace the valve ☁');
  await shown('1 waiting');
  await page.getByRole('button', { name: 'Done' }).click();
  await page.waitForFunction(() => document.querySelectorAll('li').length === 0);
  server.healthy = true;
  await page.evaluate(() => globalThis.dispatchEvent(new Event('online')));
  await shown('All sent');
  assert.deepEqual(
    server.writes().map(({ method, body }) => [method, JSON.parse(body).done]),
    [['POST', true]],
  );
});

test('a server renders without opening anything', () => {
  let opened = 0;
  const App = () => {
    const hf = useHoldfast('server', async () => ++opened);
    const tasks = useRecords(hf?.collection('task'));
    const status = useSyncStatus(hf);
    return createElement('p', null, `${typeof tasks} ${typeof status}`);
  };
  assert.equal(renderToString(createElement(App)), '<p>undefined undefined</p>');
  assert.equal(opened, 0);
});
