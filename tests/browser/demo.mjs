// The built demo with its server, and the words to use it as a technician would.

import { fileURLToPath } from 'node:url';

import { startServer } from '../../demo/server/server.mjs';

const staticDir = fileURLToPath(new URL('../../build/demo', import.meta.url));

/** The demo's server over PGlite in memory, with the controls; closed after the test. */
export async function startDemo(t, { seed = 20 } = {}) {
  const server = await startServer({ database: 'memory://', staticDir, control: true, seed });
  t.after(() => server.close());
  const records = async collection => {
    const response = await fetch(`${server.url}/api/${collection}?limit=500`);
    return (await response.json()).records;
  };
  return {
    ...server,
    async control(switches) {
      const response = await fetch(`${server.url}/control`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(switches),
      });
      if (!response.ok) throw new Error(await response.text());
    },
    /** The requests that change a record, in the order of their arrival. */
    writes: () =>
      server.log().filter(({ method, path }) => method !== 'GET' && path !== '/api/sign-in'),
    orders: () => records('orders'),
    notes: () => records('notes'),
  };
}

export const byTestId = id => `[data-testid="${id}"]`;

/** Resolves when the app has opened its database and shows its list. */
export async function opened(page) {
  await page.waitForSelector('html[data-opened]', { state: 'attached', timeout: 20_000 });
}

/** Goes to a place in the app without loading it anew. */
const go = (page, hash) => page.evaluate(hash => void (location.hash = hash), hash);

export async function createOrder(page, title, note = '') {
  await go(page, '#/');
  await page.click(byTestId('new-order'));
  await page.fill(byTestId('title-input'), title);
  await page.fill(byTestId('first-note'), note);
  await page.click(byTestId('save'));
  await page.waitForSelector(byTestId('detail'));
  return page.getAttribute(byTestId('detail'), 'data-id');
}

export async function openOrder(page, id) {
  await go(page, `#/orders/${id}`);
  await page.waitForSelector(`${byTestId('detail')}[data-id="${id}"]`);
}

export async function retitle(page, id, title) {
  await openOrder(page, id);
  await page.click(byTestId('edit'));
  await page.fill(byTestId('title-input'), title);
  await page.click(byTestId('save'));
  await page.waitForFunction(
    ([selector, text]) => document.querySelector(selector)?.textContent === text,
    [byTestId('detail-title'), title],
  );
}

/** Adds a note to the open order and resolves with its id, once it is listed. */
export async function addNote(page, text) {
  await page.fill(byTestId('note-input'), text);
  await page.click(byTestId('add-note'));
  const note = page.locator(byTestId('note')).filter({ hasText: text });
  await note.waitFor();
  return note.getAttribute('data-id');
}

export async function deleteOrder(page, id) {
  await openOrder(page, id);
  await page.click(byTestId('delete'));
  await page.click(byTestId('confirm-delete'));
  await page.waitForSelector(`${byTestId('detail')}[data-id="${id}"]`, { state: 'detached' });
}

/** What the chip says: { state, pending, failed, reachable }. */
export function chip(page) {
  return page.$eval(byTestId('chip'), ({ dataset }) => ({
    state: dataset.state,
    pending: Number(dataset.pending),
    failed: Number(dataset.failed),
    reachable: dataset.reachable,
  }));
}

/** The records that the app's list holds: id → { title, mark }. */
export async function listed(page) {
  await go(page, '#/');
  await page.click(byTestId('filter-all'));
  return page.evaluate(
    async selectors => {
      for (let more; (more = document.querySelector(selectors.more)) && !more.hidden;) {
        more.click();
        await new Promise(resolve => setTimeout(resolve, 50));
      }
      return Object.fromEntries(
        [...document.querySelectorAll(selectors.row)].map(row => [
          row.dataset.id,
          {
            text: row.textContent,
            mark: row.querySelector(selectors.mark)?.dataset.status ?? null,
          },
        ]),
      );
    },
    { row: byTestId('order-row'), mark: byTestId('mark'), more: byTestId('show-more') },
  );
}
