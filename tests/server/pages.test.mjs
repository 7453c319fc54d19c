// The pages of the demo, and what is not to be had from a server that is told nothing.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startServer } from '../../demo/server/server.mjs';
import { assertProblem, clientOf } from './fixture.mjs';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-pages-'));
let server, client;
before(async () => {
  mkdirSync(join(folder, 'assets'));
  for (const [name, text] of Object.entries({
    'index.html': '<!doctype html><title>Orders</title>',
    'sw.js': 'self.skipWaiting()',
    'manifest.webmanifest': '{}',
    'assets/holdfast.wasm': '\0asm',
    'assets/app.css': 'a{}',
  })) {
    writeFileSync(join(folder, name), text);
  }
  server = await startServer({ staticDir: folder });
  client = clientOf(server.url);
});
after(async () => {
  await server?.close();
  rmSync(folder, { recursive: true });
});

test('serves each file as what it is, under a strict policy, never stale', async () => {
  for (const [path, type] of [
    ['/', /^text\/html/],
    ['/sw.js', /javascript/],
    ['/manifest.webmanifest', /^application\/manifest\+json/],
    ['/assets/holdfast.wasm', /^application\/wasm/],
    ['/assets/app.css', /^text\/css/],
  ]) {
    const { status, headers, etag } = await client.get(path);
    assert.equal(status, 200);
    assert.match(headers.get('content-type') ?? '', type);
    assert.equal(headers.get('cache-control'), 'no-cache');
    assert.match(
      headers.get('content-security-policy') ?? '',
      /default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self';/,
    );
    // As a browser asks that has the file; fetch in Node asks for a new one by itself.
    const known = { 'if-none-match': etag, 'cache-control': 'max-age=0' };
    assert.equal((await client.get(path, known)).status, 304);
  }
});

test('answers the index for the routes of the app, and for nothing else', async () => {
  const route = await client.get('/orders/0192?from=list');
  assert.deepEqual([route.status, route.text], [200, '<!doctype html><title>Orders</title>']);
  assert.match(route.headers.get('content-security-policy') ?? '', /wasm-unsafe-eval/);
  assertProblem(await client.get('/assets/gone.js'), 404, /no GET/);
  assertProblem(await client.get('/api/gone'), 404, /openapi/);
});

test('has no controls unless it is told to', async () => {
  for (const path of ['/control', '/control/log']) {
    assertProblem(await client.get(path), 404, /no GET/);
    assertProblem(await client.request('POST', path, { body: {} }), 404, /no POST/);
  }
});
