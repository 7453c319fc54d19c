// The page of the quick bench: a create through the package's surface, from the call in the page
// to its promise, and the floor in a worker of its own.

import { openHoldfast } from './dist/index.js';

const hf = await openHoldfast({
  name: 'bench',
  baseUrl: '/api',
  collections: { order: { path: '/orders' } },
});
await hf.pause();
const orders = hf.collection('order');
const body = (n) => ({ title: `Order ${n}`, customer: 'Hotel Krone', city: 'Chur', priority: 2 });

const floor = new Worker(new URL('./floor.js', import.meta.url), { type: 'module' });
await new Promise((resolve) => (floor.onmessage = resolve));

/** The times of so many of one kind of work in the worker, in milliseconds. */
globalThis.measureFloor = (work, count) =>
  new Promise((resolve) => {
    floor.onmessage = ({ data }) => resolve(data);
    floor.postMessage([work, count]);
  });

/** The times of so many creates, one after the other, in milliseconds. */
globalThis.measureCreates = async (count) => {
  const times = [];
  for (let n = 0; n < count; n++) {
    const start = performance.now();
    await orders.create(body(n));
    times.push(performance.now() - start);
  }
  return times;
};

/** How long so many creates take that are called together, in milliseconds. */
globalThis.measureBurst = async (count) => {
  const start = performance.now();
  await Promise.all(Array.from({ length: count }, (_, n) => orders.create(body(n))));
  return performance.now() - start;
};

globalThis.ready = true;
