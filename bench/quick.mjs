// Measures, `npm run bench -- quick`: what a durable create costs in Chromium, in the worker and
// from the page's call to its promise, beside the floor under it, a raw write of 14 KB and a flush
// on a handle of the same kind, in one piece and in the seven in which SQLite itself would write
// it. All are taken in one run, interleaved block by block, so that a noisy machine is noisy for
// all.

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
  await page.evaluate((n) => measureFloor('create', n), warmUp);
  const raw = [];
  const rawInSeven = [];
  const inWorker = [];
  const creates = [];
  const floor = (work) => page.evaluate(([work, n]) => measureFloor(work, n), [work, perRound]);
  for (let round = 0; round < rounds; round++) {
    raw.push(...(await floor('raw')));
    rawInSeven.push(...(await floor('rawInSeven')));
    inWorker.push(...(await floor('create')));
    creates.push(...(await page.evaluate((n) => measureCreates(n), perRound)));
  }
  const burst = await page.evaluate((n) => measureBurst(n), 1000);

  console.log(
    `after ${first.length} creates to warm up, for the browser keeps optimized wasm; the first ` +
      `100 of them took ${median(first.slice(0, 100)).toFixed(3)} ms`,
  );
  const line = (name, times, goal = '') =>
    console.log(
      `${name.padEnd(42)}${median(times).toFixed(3)} ms, p99 ${quantile(times, 0.99).toFixed(3)} ` +
        goal,
    );
  const over = (times, floor) => (median(times) / median(floor)).toFixed(2);
  line('raw 14 KB in one write, and a flush', raw);
  line('raw 14 KB in seven writes, and a flush', rawInSeven);
  line('durable create, in the worker', inWorker, `${over(inWorker, raw)} × one write; goal 2`);
  line(
    "durable create, from the page's call",
    creates,
    `${over(creates, raw)} × one write; ${over(creates, rawInSeven)} × seven, goal 1.2`,
  );
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
