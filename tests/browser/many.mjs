// Many tabs that write at once, an API whose answers are cut, and a way to stop one tab's process.

import { until } from './browser.mjs';
import { accept } from './tab.mjs';

/**
 * An API that keeps its answers by key, and cuts every third of those to a change. What it did is
 * in `done`: { key, id, w } in the order in which it was done.
 */
export function fussy(api) {
  const done = [];
  const known = new Set();
  let count = 0;
  api.cuts = true;
  api.reply = (response, request) => {
    const { key, body } = request;
    if (!known.has(key)) {
      known.add(key);
      const { id, w } = JSON.parse(body);
      done.push({ key, id, w });
    }
    if (api.cuts && ++count % 3 === 0) return response.destroy();
    accept(response, request);
  };
  return { done };
}

/**
 * Writes in every tab until `stop()`: each has three records of its own, which it creates and then
 * updates, one write after the other and the three side by side. Every write has a number of its
 * own, `w`. `stop()` answers with all that resolved, and the longest that one took in each tab.
 */
export async function bursts(pages) {
  const resolved = [];
  const failed = [];
  const stalls = pages.map(() => 0);
  for (const [tab, page] of pages.entries()) {
    page.on('console', message => {
      const [what, ...rest] = message.text().split(' ');
      if (what === 'resolved') {
        resolved.push({ id: rest[0], w: Number(rest[1]) });
        stalls[tab] = Math.max(stalls[tab], Number(rest[2]));
      } else if (what === 'rejected') {
        failed.push(`tab ${tab}: ${rest.join(' ')}`);
      }
    });
    await page.evaluate(tab => {
      globalThis.going = true;
      const lane = async record => {
        const id = `t${tab}-${record}-${crypto.randomUUID().slice(0, 8)}`;
        for (let i = 0; going; ++i) {
          const w = (tab * 10 + record) * 100_000 + i;
          const start = performance.now();
          try {
            if (i === 0) await tasks.create({ id, w, n: w });
            else await tasks.update(id, { w });
            const seen = await tasks.get(id);
            if (seen?.w !== w) throw new Error(`reads ${JSON.stringify(seen)} after writing ${w}`);
            console.debug(`resolved ${id} ${w} ${Math.round(performance.now() - start)}`);
          } catch (error) {
            console.debug(`rejected ${error.code} ${error.message}`);
            return;
          }
          await new Promise(resolve => setTimeout(resolve, 20 + 40 * Math.random()));
        }
      };
      globalThis.lanes = Promise.all([0, 1, 2].map(lane));
    }, tab);
  }
  return {
    resolved,
    failed,
    async stop(alive) {
      await Promise.all(
        alive.map(page => page.evaluate(() => ((globalThis.going = false), globalThis.lanes))),
      );
      return { resolved, failed, stalls };
    },
  };
}

/** Sends all that is left, and says how what resolved differs from what the API did. */
export async function settle(api, page, { resolved, done }) {
  api.cuts = false;
  await until(
    async () => (await page.evaluate(() => hf.sync().catch(() => ({})))).pending === 0,
    'everything is sent',
    30_000,
  );
  const times = new Map();
  for (const { w } of done) times.set(w, (times.get(w) ?? 0) + 1);
  const last = new Map();
  let disordered = 0;
  for (const { id, w } of done) {
    if (last.get(id) > w) ++disordered;
    last.set(id, w);
  }
  return {
    writes: resolved.length,
    lost: resolved.filter(({ w }) => !times.has(w)).length,
    doubled: [...times.values()].filter(count => count > 1).length,
    disordered,
  };
}

/** The process of a page: the one without which it does not answer. */
export async function processOf(cdp, page) {
  const { processInfo } = await cdp.send('SystemInfo.getProcessInfo');
  const answers = ms =>
    Promise.race([
      page.evaluate(() => true),
      new Promise(resolve => setTimeout(resolve, ms, false)),
    ]);
  for (const { id } of processInfo.filter(({ type }) => type === 'renderer')) {
    process.kill(id, 'SIGSTOP');
    const answered = await answers(250);
    process.kill(id, 'SIGCONT');
    if (!answered && (await answers(5_000))) return id;
  }
  throw new Error('The process of the page was not found.');
}

/** Waits until one of the pages leads, and answers with it and the others. */
export async function leaderOf(pages) {
  const leading = await until(async () => {
    const leads = await Promise.all(pages.map(page => page.evaluate(() => hf.status.get().leader)));
    return pages[leads.indexOf(true)];
  }, 'one of the tabs leads');
  return { leader: leading, others: pages.filter(page => page !== leading) };
}
