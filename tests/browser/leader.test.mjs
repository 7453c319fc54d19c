// What becomes of writes when the tab that holds the database is closed, crashes, is killed, or
// is stopped and goes on: at the end every write that resolved is on the server once, and those
// of a record in their order. `npm run test:tabs` plays 20 rounds of each; a short form is in
// `npm test`.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { bursts, fussy, leaderOf, processOf, settle } from './many.mjs';
import { launch, serve, tab } from './tab.mjs';

const rounds = Number(process.env.HOLDFAST_ROUNDS ?? 2);
const pause = ms => new Promise(resolve => setTimeout(resolve, ms));

let api;
let browser;
let cdp;
let names = 0;

before(async () => {
  api = await serve();
  browser = await launch();
  cdp = await browser.context.browser().newBrowserCDPSession();
});

after(async () => {
  await browser?.close();
  api?.close();
});

const options = { collections: { task: { coalesce: false } }, backoff: { baseMs: 50, capMs: 200 } };

/** Opens tabs at once, lets them write, does `strike` to the leader, and counts. */
async function round(count, strike) {
  const { done } = fussy(api);
  const name = `leader/${++names}`;
  const pages = await Promise.all(
    Array.from({ length: count }, () => tab(browser.context, api.origin, name, options)),
  );
  const { leader, others } = await leaderOf(pages);
  const pid = await processOf(cdp, leader);
  const writing = await bursts(pages);
  await pause(500);
  const alive = await strike({ leader, others, pid, resolved: writing.resolved });
  await pause(500);
  const { resolved, failed, stalls } = await writing.stop(alive);
  const sum = await settle(api, alive[0], { resolved, done });
  for (const page of pages) await page.close().catch(() => {});
  // Of the others: what it is to be stopped the stopped one need not be asked.
  const stall = Math.max(...stalls.filter((_, i) => pages[i] !== leader));
  return { ...sum, failed, stall };
}

const strikes = {
  closed: async ({ leader, others }) => {
    await leader.close({ runBeforeUnload: false });
    return others;
  },
  crashed: async ({ leader, others }) => {
    await leader.goto('chrome://crash').catch(() => {});
    return others;
  },
  killed: async ({ others, pid }) => {
    process.kill(pid, 'SIGKILL');
    return others;
  },
  'reloaded five times in a row': async ({ leader, others }) => {
    for (let i = 0; i < 5; ++i) void leader.reload().catch(() => {});
    await pause(1_000);
    return others;
  },
  'put aside, and taken up again': async ({ leader, others }) => {
    const say = type =>
      leader.evaluate(
        type => void dispatchEvent(new PageTransitionEvent(type, { persisted: true })),
        type,
      );
    await say('pagehide');
    await pause(500);
    await say('pageshow');
    return [leader, ...others];
  },
  'stopped, and goes on after 4 s': async ({ leader, others, pid }) => {
    process.kill(pid, 'SIGSTOP');
    await pause(4_000);
    process.kill(pid, 'SIGCONT');
    return [leader, ...others];
  },
  'stopped, and killed after 4 s': async ({ others, pid }) => {
    process.kill(pid, 'SIGSTOP');
    await pause(4_000);
    process.kill(pid, 'SIGKILL');
    return others;
  },
  'left in peace': async ({ leader, others }) => [leader, ...others],
};

for (const count of [2, 8])
  for (const [what, strike] of Object.entries(strikes))
    test(`${count} tabs that start at once, and their leader is ${what}`, async t => {
      const sum = { rounds: 0, writes: 0, lost: 0, doubled: 0, disordered: 0, stall: 0 };
      const failures = [];
      for (; sum.rounds < (count === 8 ? Math.ceil(rounds / 2) : rounds); ++sum.rounds) {
        const { stall, failed, ...counts } = await round(count, strike);
        for (const [name, number] of Object.entries(counts)) sum[name] += number;
        sum.stall = Math.max(sum.stall, stall);
        failures.push(...failed);
      }
      const { rounds: played, writes, lost, doubled, disordered, stall } = sum;
      t.diagnostic(
        `${played} rounds, ${writes} writes, ${lost} lost, ${doubled} doubled, ` +
          `${disordered} out of order, longest stall ${stall} ms`,
      );
      assert.deepEqual(failures, []);
      assert.deepEqual({ lost, doubled, disordered }, { lost: 0, doubled: 0, disordered: 0 });
      assert.ok(writes > played * count, `only ${writes} writes`);
      assert.ok(stall < 3_000, 'nobody waits for one that is stopped');
    });
