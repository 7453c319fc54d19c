import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fakeClock, units } from './units.mjs';

/** A page with its eyes open, and what it tells. */
function page(watchedMs) {
  const window = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  const clock = fakeClock();
  const told = [];
  const stop = units.watch({ window, document }, clock, watchedMs, ({ type }) => told.push(type));
  const show = state => {
    document.visibilityState = state;
    document.dispatchEvent(new Event('visibilitychange'));
  };
  return { window, clock, told, stop, show };
}

test('the network comes and goes, and somebody looks', () => {
  const { window, told, show } = page(0);
  window.dispatchEvent(new Event('online'));
  window.dispatchEvent(new Event('offline'));
  show('hidden');
  show('visible');
  assert.deepEqual(told, ['online', 'offline', 'hidden', 'visible']);
});

test('that somebody goes on looking is told again and again', () => {
  const { clock, told, stop, show } = page(1_000);
  clock.advance(2_500);
  assert.deepEqual(told, ['watched', 'watched']);
  show('hidden');
  clock.advance(10_000);
  show('visible');
  clock.advance(1_000);
  assert.deepEqual(told, ['watched', 'watched', 'hidden', 'visible', 'watched']);
  stop();
  clock.advance(10_000);
  assert.equal(told.length, 5);
  assert.equal(clock.pending(), 0);
});
