// The orders that a new database starts with: always the same ones, due in the three weeks
// before and after today.

import { readFileSync } from 'node:fs';

/** @import { Order } from './order.mjs' */

const branches = ['dublin', 'zurich', 'lyon', 'krakow', 'amman', 'pune', 'shanghai'].map(name =>
  JSON.parse(readFileSync(new URL(`branches/${name}.json`, import.meta.url), 'utf8')),
);
const day = 24 * 60 * 60 * 1000;

/**
 * @param {number} count
 * @param {number} now
 * @returns {Order[]}
 */
export function seedOrders(count, now) {
  const random = createRandom(20260711);
  return Array.from({ length: count }, (_, index) =>
    seedOrder(random, branches[index % branches.length], now),
  );
}

/**
 * @param {() => number} random
 * @param {any} branch
 * @param {number} now
 * @returns {Order}
 */
function seedOrder(random, branch, now) {
  /** @param {number} limit */
  const below = limit => Math.floor(random() * limit);
  /** @param {any[]} list */
  const oneOf = list => list[below(list.length)];
  /** @param {number} length */
  const hex = length => Array.from({ length }, () => below(16).toString(16)).join('');

  const job = oneOf(branch.jobs);
  /** @param {number} days From today; the time is in working hours, on a quarter. */
  const timeOn = days => now - (now % day) + days * day + (28 + below(40)) * (day / 96);
  /** @param {number} time */
  const rfc3339 = time => new Date(time).toISOString();

  const daysAhead = below(43) - 21;
  const dueAt = timeOn(daysAhead);
  const createdAt = timeOn(Math.min(daysAhead, 0) - 1 - below(12));
  const status = daysAhead > 0 ? 'open' : progress(daysAhead, random());
  const updatedAt = status === 'open' ? createdAt : Math.min(dueAt, now);

  return {
    id: `${hex(8)}-${hex(4)}-4${hex(3)}-${oneOf(['8', '9', 'a', 'b'])}${hex(3)}-${hex(12)}`,
    title: branch.title.replace('{job}', job.title).replace('{spot}', oneOf(branch.spots)),
    description: job.description,
    customer: oneOf(branch.customers),
    address: branch.address
      .replace('{street}', oneOf(branch.streets))
      .replace('{number}', String(1 + below(160))),
    city: branch.city,
    status,
    priority: oneOf([1, 2, 2, 3, 3, 3, 3, 4, 4]),
    dueAt: random() < 0.05 ? null : rfc3339(dueAt),
    assignee: random() < 0.1 ? '' : oneOf(branch.technicians),
    notes: random() < 0.4 ? '' : oneOf(branch.notes),
    checklist: job.checklist.map((/** @type {string} */ text, /** @type {number} */ index) => ({
      text,
      done: status === 'done' || (status === 'in-progress' && index === 0),
    })),
    createdAt: rfc3339(createdAt),
    updatedAt: rfc3339(updatedAt),
  };
}

/**
 * What was due long ago is mostly done, what was due just now is often under way.
 *
 * @param {number} daysAhead
 * @param {number} chance
 * @returns {Order['status']}
 */
function progress(daysAhead, chance) {
  if (daysAhead < -2) return chance < 0.93 ? 'done' : 'open';
  return chance < 0.4 ? 'in-progress' : chance < 0.7 ? 'done' : 'open';
}

/**
 * mulberry32: small, and the same on every machine.
 *
 * @param {number} seed
 * @returns {() => number} From 0 up to, but not including, 1.
 */
function createRandom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
