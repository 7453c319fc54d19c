// How long nobody answers when the leading tab goes: it hides, is closed, or its process is
// killed. A follower reads every 4 ms meanwhile; the gap is the longest that one read took about
// the change of leader, from its call to its answer.

import { leaderOf, processOf } from '../tests/browser/many.mjs';
import { launch, serve, tab } from '../tests/browser/tab.mjs';

const rounds = Number(process.env.HOLDFAST_ROUNDS ?? 30);
const api = await serve();
const browser = await launch();
const cdp = await browser.context.browser().newBrowserCDPSession();
let names = 0;

const hide = page =>
  page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  });

const ways = {
  'yields when hidden': ({ leader }) => hide(leader),
  'is closed': ({ leader }) => leader.close(),
  'is killed': async ({ pid }) => process.kill(pid, 'SIGKILL'),
};

async function gap(go, needsPid) {
  const name = `failover/${++names}`;
  const pages = [];
  for (let i = 0; i < 2; ++i) pages.push(await tab(browser.context, api.origin, name));
  const { leader, others } = await leaderOf(pages);
  const pid = needsPid ? await processOf(cdp, leader) : 0;
  const [follower] = others;
  await follower.evaluate(async () => {
    await tasks.create({ n: 1 });
    globalThis.longest = 0;
    globalThis.asking = true;
    globalThis.asked = (async () => {
      while (asking) {
        const start = performance.now();
        await tasks.list({ where: { n: 1 } });
        longest = Math.max(longest, performance.now() - start);
        await new Promise(resolve => setTimeout(resolve, 4));
      }
    })();
  });
  await go({ leader, pid });
  await follower.waitForFunction(() => hf.status.get().leader);
  await follower.waitForTimeout(100);
  const longest = await follower.evaluate(async () => {
    asking = false;
    await asked;
    return longest;
  });
  for (const page of pages) await page.close().catch(() => {});
  return longest;
}

try {
  const head = ['the leading tab ...'.padEnd(25), '    rounds', '    median', '       p99'];
  console.log(`${head.join('')}   (ms; goals 60, 300)`);
  for (const [way, go] of Object.entries(ways)) {
    const gaps = [];
    while (gaps.length < rounds) gaps.push(await gap(go, way === 'is killed'));
    gaps.sort((a, b) => a - b);
    const at = share => gaps[Math.min(gaps.length - 1, Math.floor(gaps.length * share))];
    const figures = [rounds, ...[0.5, 0.99].map(share => at(share).toFixed(1))];
    console.log(way.padEnd(25) + figures.map(figure => String(figure).padStart(10)).join(''));
  }
} finally {
  await browser.close();
  api.close();
}
