// A headless Chromium whose process is ours to kill, driven by Playwright over CDP.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { chromium } from 'playwright-core';

// /usr/bin/chromium is a script that starts the real one: killing it would kill no browser.
const debian = '/usr/lib/chromium/chromium';
const executable =
  !process.env.HOLDFAST_CHROMIUM || process.env.HOLDFAST_CHROMIUM === '/usr/bin/chromium'
    ? debian
    : process.env.HOLDFAST_CHROMIUM;

/** A folder for a profile, on disk, removed after the test. */
export async function makeProfile(t) {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-profile-'));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/**
 * Starts a browser on a profile and resolves when it can be driven.
 *
 * @returns `page()` opens a tab; `kill()` ends every process of it at once, as a dead battery
 *   would; `close()` ends it in order. After the test it is killed if it still runs.
 */
export async function startBrowser(t, profile) {
  const child = spawn(
    executable,
    [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-dev-shm-usage',
      '--remote-debugging-port=0',
      `--user-data-dir=${profile}`,
      'about:blank',
    ],
    { detached: true, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const gone = new Promise(resolve => child.once('exit', resolve));
  const kill = async () => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
    await gone;
  };
  t.after(kill);

  const endpoint = await new Promise((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', line => {
      const match = line.match(/DevTools listening on (ws:.*)/);
      if (match) resolve(match[1]);
    });
    child.once('exit', code => reject(new Error(`Chromium ended with ${code} at its start`)));
  });
  const browser = await chromium.connectOverCDP(endpoint);
  const context = browser.contexts()[0];
  const errors = [];

  return {
    browser,
    context,
    /** What the pages reported as errors: a test that expects none asserts that it is empty. */
    errors,
    kill,
    async page(url) {
      const page = await context.newPage();
      page.on('pageerror', error => errors.push(String(error)));
      if (url) await page.goto(url);
      return page;
    },
    async close() {
      await browser.newBrowserCDPSession().then(session => session.send('Browser.close'));
      await gone;
    },
  };
}

/** Resolves when `check` answers something true, asked every 20 ms; rejects after `ms`. */
export async function until(check, what, ms = 15_000) {
  const end = performance.now() + ms;
  for (;;) {
    const answer = await check();
    if (answer) return answer;
    if (performance.now() > end) throw new Error(`Waited ${ms} ms in vain: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}
