// Every common tool, as an app's author uses it: the packed package is installed in a fresh
// project, built, and run in headless Chromium, where a record is on disk after a reload.

import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { launch } from '../browser/tab.mjs';
import { tools } from './tools.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'holdfast-tools-'));
const types = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
};
let tarball;
let browser;

before(async () => {
  const args = ['pack', '--silent', '--pack-destination', folder];
  tarball = join(folder, execFileSync('npm', args, { cwd: root, encoding: 'utf8' }).trim());
  browser = await launch();
});

after(async () => {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
});

for (const [name, tool] of Object.entries(tools)) {
  test(`${name} builds an app that works`, { timeout: 300_000 }, async t => {
    const project = join(folder, name.replace(/\W+/g, '-'));
    for (const [path, text] of Object.entries({ 'package.json': '{}', ...tool.files })) {
      mkdirSync(dirname(join(project, path)), { recursive: true });
      writeFileSync(join(project, path), text);
    }
    const installed = [tarball, ...tool.install];
    await run(project, ['npm', 'install', '--no-audit', '--no-fund', '--silent', ...installed]);
    for (const command of tool.build) await run(project, command);
    const url = await (tool.serve ? served(t, project, tool) : site(t, join(project, tool.out)));

    const page = await browser.context.newPage();
    t.after(() => page.close());
    const problems = [];
    page.on('pageerror', error => problems.push(error.message));
    page.on('console', message => message.type() === 'error' && problems.push(message.text()));
    for (const recorded of [1, 2]) {
      if (recorded === 1) await page.goto(url);
      else await page.reload();
      const text = `${recorded} recorded, ${recorded} pending`;
      const shown = page.waitForFunction(t => document.body.innerText.includes(t), text);
      await shown.catch(() => assert.fail(`${text} is not shown. ${problems.join(' ')}`));
    }
  });
}

const execute = promisify(execFile);

async function run(cwd, [command, ...args]) {
  const env = { ...process.env, CI: '1', NEXT_TELEMETRY_DISABLED: '1' };
  try {
    await execute(command, args, { cwd, env, maxBuffer: 1 << 26 });
  } catch (error) {
    assert.fail(`${command} ${args[0]}: ${error.message}\n${error.stdout}\n${error.stderr}`);
  }
}

/** The site, and an API that is never well. */
async function site(t, out) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    if (pathname.startsWith('/api/')) return response.writeHead(503).end();
    const path = pathname.endsWith('/') ? `${pathname}index.html` : pathname;
    try {
      const body = await readFile(join(out, decodeURIComponent(path)));
      response.writeHead(200, { 'content-type': types[extname(path)] ?? 'text/plain' }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}/`;
}

async function served(t, project, tool) {
  const socket = createSocket().listen(0, '127.0.0.1');
  await once(socket, 'listening');
  const port = String(socket.address().port);
  await new Promise(resolve => socket.close(resolve));
  const [command, ...args] = tool.serve(port);
  const server = spawn(command, args, { cwd: project, detached: true, stdio: 'ignore' });
  t.after(() => process.kill(-server.pid, 'SIGKILL'));
  const url = `http://127.0.0.1:${port}/`;
  while (!(await fetch(url).catch(() => undefined))?.ok) await new Promise(r => setTimeout(r, 50));
  return url;
}
