// Measures, `npm run bench -- live`: from a change to the callback that shows it, with 10,000
// records of which a live query shows 50, in Chromium, in the tab that writes and in another.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

import { servePages } from './pages.mjs';

const frame = 1000 / 60;
const warmUp = 300;
const changes = 500;

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
    // Both tabs are watched: neither is to be slowed down as one in the background.
    '--disable-renderer-backgrounding',
    '--disable-background-timer-throttling',
    '--disable-backgrounding-occluded-windows',
  ],
});
try {
  const tabs = [];
  for (let n = 0; n < 2; n++) {
    const page = await context.newPage();
    await page.goto(`${server.url}live.html`);
    await page.waitForFunction(() => globalThis.ready);
    tabs.push(page);
  }
  const [own, other] = tabs;
  await own.evaluate(() => fill(10_000));
  for (const page of tabs) await page.evaluate(() => watch());
  await own.evaluate((n) => change(n), warmUp);
  const times = await own.evaluate((n) => change(n), changes);
  const elsewhere = await other.evaluate(() => seen());
  console.log('10,000 records, 50 of them shown; from the call that changes one to the callback');
  console.log(line('in the same tab', times));
  console.log(line('in another tab', elsewhere.slice(-changes)));
  console.log(`a frame is ${frame.toFixed(1)} ms`);
} finally {
  await context.close();
  server.close();
  await rm(profile, { recursive: true, force: true });
}

function line(name, values) {
  const within = values.filter((value) => value <= frame).length / values.length;
  return (
    `${name.padEnd(18)}median ${quantile(values, 0.5).toFixed(2)} ms, ` +
    `p99 ${quantile(values, 0.99).toFixed(2)} ms, ${(100 * within).toFixed(1)} % within a frame`
  );
}

function quantile(values, part) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}
