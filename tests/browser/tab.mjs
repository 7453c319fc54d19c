// A bare page in headless Chromium that imports the built package, and an API that does what the
// test says. The page's CSP is the strictest that Holdfast runs under.

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';

import { chromium as findChromium, firefox as findFirefox } from '../../tools/toolchain.mjs';

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));
const types = { js: 'text/javascript', wasm: 'application/wasm', map: 'application/json' };
const html = `<!doctype html><meta charset="utf-8"><title>bare</title>
<script type="module">
  import * as holdfast from '/dist/index.js';
  globalThis.holdfast = holdfast;
</script>`;

/** Serves the page and the API, `/api/…`. What a test changes: `healthy`, `reply`, `files`. */
export async function serve() {
  const api = {
    healthy: true,
    requests: [],
    /** By path below /dist/: an answer instead of the file. */
    files: {},
    reply: accept,
    writes: () => api.requests.filter(({ method }) => method !== 'GET'),
  };
  const server = createServer(async (request, response) => {
    const { method, url, headers } = request;
    if (url === '/') {
      const policy = "default-src 'self'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'";
      response.writeHead(200, { 'content-type': 'text/html', 'content-security-policy': policy });
      return response.end(html);
    }
    if (url.startsWith('/dist/')) {
      // ?plain: the file itself, whatever the test put in its place.
      const [path, query] = url.slice('/dist/'.length).split('?');
      return file(response, path, query === 'plain' ? {} : api.files);
    }
    if (!url.startsWith('/api/')) return response.writeHead(404).end();
    let body = '';
    for await (const chunk of request) body += chunk;
    const { authorization } = headers;
    api.requests.push({ method, url, key: headers['idempotency-key'], authorization, body });
    if (url === '/api/health') return response.writeHead(api.healthy ? 200 : 503).end('{}');
    const key = headers['idempotency-key'];
    api.reply(response, { method, url, authorization, body, key, headers });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(api, {
    origin: `http://localhost:${server.address().port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  });
}

async function file(response, name, files) {
  if (files[name]) return files[name](response);
  try {
    const bytes = await readFile(join(dist, name));
    response.writeHead(200, { 'content-type': types[name.split('.').at(-1)] ?? 'text/plain' });
    response.end(bytes);
  } catch {
    response.writeHead(404).end();
  }
}

export function accept(response, { method, body }) {
  const status = { POST: 201, PUT: 200, DELETE: 204 }[method];
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(method === 'DELETE' ? undefined : body);
}

/** A browser with a profile of its own on disk, which `close` removes. */
export async function launch() {
  const profile = mkdtempSync(join(tmpdir(), 'holdfast-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: findChromium(),
    headless: true,
    args: [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--host-resolver-rules=MAP insecure.test 127.0.0.1',
    ],
  });
  return {
    context,
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** A stock Firefox, driven over WebDriver BiDi. Its pages are called as Playwright's are. */
export function launchFirefox() {
  return puppeteer.launch({ browser: 'firefox', executablePath: findFirefox(), headless: true });
}

/** A tab with the bare page, in which `hf` and `tasks` are open under `name`. */
export async function tab(context, origin, name, options = {}) {
  const page = await context.newPage();
  page.problems = [];
  page.on('pageerror', error => page.problems.push(error.message));
  await page.goto(origin);
  await open(page, name, options);
  return page;
}

export async function open(page, name, options = {}) {
  await page.waitForFunction(() => 'holdfast' in globalThis);
  return page.evaluate(
    async ([name, options]) => {
      globalThis.hf = await holdfast.openHoldfast({
        name,
        baseUrl: '/api',
        collections: { task: { indexes: ['n'] } },
        ...options,
      });
      globalThis.tasks = hf.collection('task');
    },
    [name, options],
  );
}
