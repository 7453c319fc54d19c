// Measures, `npm run bench -- quick`: what a durable create costs in Chromium, beside the floor
// under it, a raw write of 14 KB and a flush on a handle of the same kind. Both are taken in one
// run, interleaved block by block, so that a noisy machine is noisy for both.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

import { servePages } from './pages.mjs';

const rounds = 10;
const perRound = 40;

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
  // Until the WAL has its size, as it has in an app that has been used.
  await page.evaluate(() => measureCreates(300));
  const raw = [];
  const creates = [];
  for (let round = 0; round < rounds; round++) {
    raw.push(...(await page.evaluate((n) => measureRaw(n), perRound)));
    creates.push(...(await page.evaluate((n) => measureCreates(n), perRound)));
  }
  const burst = await page.evaluate((n) => measureBurst(n), 1000);

  const floor = median(raw);
  const create = median(creates);
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
