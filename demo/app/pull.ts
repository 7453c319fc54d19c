// Fetches what is new on the server: at the start, whenever the server can be reached again, and
// when the page is looked at again.

import type { Holdfast } from 'holdfast';
import type { Schema } from './schema.js';

/** Calls `listener` when fetching begins and ends. */
export function keepPulling(
  holdfast: Holdfast<Schema>,
  listener: (fetching: boolean) => void,
): void {
  let under: Promise<void> | undefined;

  function pull(): void {
    under ??= once().finally(() => {
      under = undefined;
    });
  }

  async function once(): Promise<void> {
    listener(true);
    // Without an answer there is nothing to do here: the next occasion comes by itself.
    await holdfast.pull().catch(() => {});
    listener(false);
  }

  let reachable = holdfast.status.get().reachable;
  holdfast.status.subscribe((status) => {
    if (status.reachable && !reachable) pull();
    ({ reachable } = status);
  });
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') pull();
  });
  pull();
}
