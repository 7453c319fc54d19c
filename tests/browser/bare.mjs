// A bare page that imports the packed package, as an app without a bundler would, under a strict
// Content-Security-Policy.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { startServer } from '../../demo/server/server.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

// What a page of ours can be asked to do; `attempt` answers an error's code in place of throwing.
const script = `
import { openHoldfast } from './holdfast/dist/index.js';

globalThis.open = async (options = {}) => {
  globalThis.hf = await openHoldfast({
    name: 'bare',
    baseUrl: '/api',
    collections: { order: { path: '/orders', indexes: ['priority', ['status', '-dueAt']] } },
    backoff: { baseMs: 100, capMs: 2000 },
    ...options,
  });
  globalThis.orders = hf.collection('order');
  globalThis.heard = [];
  for (const type of ['settled', 'deadletter', 'signin']) {
    hf.addEventListener(type, ({ detail }) => heard.push({ type, ...detail }));
  }
};
globalThis.attempt = async (work) => {
  try {
    await work();
    return 'done';
  } catch (error) {
    return { code: error.code, message: error.message };
  }
};
globalThis.order = (title) => ({
  title,
  customer: 'Hotel Krone',
  address: 'Bahnhofstrasse 1',
  city: 'Chur',
  status: 'open',
  priority: 2,
  createdAt: '2026-11-22T08:00:00.000Z',
});
document.documentElement.dataset.loaded = '';
`;

let folder;

/** The folder of the page beside the unpacked package; made once a process. */
function pageFolder() {
  if (folder) return folder;
  const made = mkdtempSync(join(tmpdir(), 'holdfast-bare-'));
  process.once('exit', () => rmSync(made, { recursive: true }));
  execFileSync('npm', ['pack', '--silent', '--pack-destination', made], { cwd: root });
  const [tarball] = readdirSync(made).filter((name) => name.endsWith('.tgz'));
  execFileSync('tar', ['-xzf', join(made, tarball), '-C', made]);
  const pages = join(made, 'pages');
  mkdirSync(pages);
  cpSync(join(made, 'package'), join(pages, 'holdfast'), { recursive: true });
  writeFileSync(
    join(pages, 'index.html'),
    '<!doctype html><title>bare</title><script type="module" src="app.js"></script>',
  );
  writeFileSync(join(pages, 'app.js'), script);
  folder = pages;
  return folder;
}

/** Serves the page with the demo's API, its controls and its log; closed after the test. */
export async function startBare(t, options = {}) {
  const server = await startServer({
    database: 'memory://',
    staticDir: pageFolder(),
    control: true,
    seed: 0,
    ...options,
  });
  t.after(() => server.close());
  return {
    ...server,
    async control(switches) {
      await fetch(`${server.url}/control`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(switches),
      });
    },
    writes: () => server.log().filter(({ method }) => method !== 'GET'),
    async orders() {
      const response = await fetch(`${server.url}/api/orders?limit=500`);
      return (await response.json()).records;
    },
  };
}

/** A tab with the page, the package loaded and, unless `options` is null, opened. */
export async function barePage(browser, url, options = {}) {
  const page = await browser.page(url);
  await page.waitForSelector('html[data-loaded]', { state: 'attached' });
  if (options) await page.evaluate((options) => open(options), options);
  return page;
}
