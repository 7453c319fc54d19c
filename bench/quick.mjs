// Measures, `npm run bench -- quick`: what a durable create costs in Chromium, beside the floor
// under it, a raw write of 14 KB and a flush on a handle of the same kind. Both are taken in one
// run, interleaved block by block, so that a noisy machine is noisy for both.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

import { servePages } from './pages.mjs';

// So many creates run before: until the WAL has its size and the wasm is compiled by the optimizing
// tier, as it is in an app that has been used. Chromium keeps that code with the wasm it has
// cached, so that an app pays for it at its first start only.
const warmUp = 3_000;
const rounds = 10;
const perRound = 100;

const server = await servePages();
const profile = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.HOLDFAST_CHROMIUM || '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});
try {
  const page = await context.newPage();
  await page.goto(server.url);
  await page.waitForFunction(() => globalThis.ready);
  const first = await page.evaluate((n) => measureCreates(n), warmUp);
  const raw = [];
  const creates = [];
  for (let round = 0; round < rounds; round++) {
    raw.push(...(await page.evaluate((n) => measureRaw(n), perRound)));
    creates.push(...(await page.evaluate((n) => measureCreates(n), perRound)));
  }
  const burst = await page.evaluate((n) => measureBurst(n), 1000);

  const floor = median(raw);
  const create = median(creates);
  console.log(
    `after ${first.length} creates to warm up, for the browser keeps optimized wasm; the first ` +
      `100 of them took ${median(first.slice(0, 100)).toFixed(3)} ms`,
  );
  console.log(`raw 14 KB write and flush   ${floor.toFixed(3)} ms, median of ${raw.length}`);
  console.log(
    `durable create              ${create.toFixed(3)} ms, median of ${creates.length}, ` +
      `p99 ${quantile(creates, 0.99).toFixed(3)} ms`,
  );
  console.log(`ratio                       ${(create / floor).toFixed(2)}, at most 2 is the goal`);
  console.log(`1,000 creates at once       ${burst.toFixed(0)} ms`);
} finally {
  await context.close();
  server.close();
  await rm(profile, { recursive: true, force: true });
}

function median(values) {
  return quantile(values, 0.5);
}

function quantile(values, part) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}
