// The page of the live bench. A record that is changed carries the time of the call, in
// milliseconds since the epoch, so that whoever shows it knows how long it took.

import { openHoldfast } from './dist/index.js';

const hf = await openHoldfast({
  name: 'bench-live',
  baseUrl: '/api',
  collections: { order: { path: '/orders', indexes: [['done', '-priority']] } },
});
await hf.pause();
const orders = hf.collection('order');
const query = { where: { done: false }, orderBy: '-priority', limit: 50 };
const now = () => performance.timeOrigin + performance.now();

globalThis.fill = async (count) => {
  const city = ['Chur', 'Arosa', 'Davos'];
  for (let from = 0; from < count; from += 1_000)
    await hf.transaction((tx) => {
      for (let n = from; n < from + 1_000; n++)
        tx.order.create({
          title: `Order ${n}`,
          customer: 'Hotel Krone',
          city: city[n % 3],
          done: n % 2 === 0,
          priority: n,
        });
    });
};

let rows = [];
let took = [];
let tell = () => {};

/** Shows the first 50 from now on; resolves when they are there. */
globalThis.watch = () =>
  new Promise((resolve) => {
    orders.subscribe(query, (now) => {
      rows = now;
      for (const row of rows) arrived(row);
      resolve();
      tell();
    });
  });

let latest = 0;
function arrived({ at = 0 }) {
  if (at <= latest) return;
  took.push(now() - at);
  latest = at;
}

/** How long each change took that this tab has seen. */
globalThis.seen = () => took;

/** Changes so many, one after the other, a pause as of a person's between them. */
globalThis.change = async (count) => {
  took = [];
  for (let n = 0; n < count; n++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const shown = new Promise((resolve) => (tell = resolve));
    await orders.update(rows[n % 50].id, { at: now() });
    await shown;
  }
  return took;
};

globalThis.ready = true;
