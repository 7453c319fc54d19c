// What a page notices that makes a try worthwhile: the network comes or goes, somebody looks at the
// page.

import type { Clock } from './clock.js';

/** What a worker is told, and the core of all but 'hidden'. Each may be told again. */
export type Trigger = { type: 'online' | 'offline' | 'visible' | 'hidden' | 'watched' };

export interface Surroundings {
  window: EventTarget;
  document: EventTarget & { readonly visibilityState: string };
}

/**
 * Tells of every trigger until it is stopped; that somebody looks at the page every `watchedMs`,
 * if that is not 0.
 */
export function watch(
  { window, document }: Surroundings,
  clock: Clock,
  watchedMs: number,
  tell: (trigger: Trigger) => void,
): () => void {
  let cancel = (): void => {};
  function keepTelling(): void {
    cancel();
    if (watchedMs === 0 || document.visibilityState !== 'visible') return;
    cancel = clock.after(watchedMs, () => {
      tell({ type: 'watched' });
      keepTelling();
    });
  }
  const stopped = new AbortController();
  const { signal } = stopped;
  window.addEventListener('online', () => tell({ type: 'online' }), { signal });
  window.addEventListener('offline', () => tell({ type: 'offline' }), { signal });
  // A page that comes back out of the back/forward cache was hidden before: this event covers it.
  document.addEventListener(
    'visibilitychange',
    () => {
      tell({ type: document.visibilityState === 'visible' ? 'visible' : 'hidden' });
      keepTelling();
    },
    { signal },
  );
  keepTelling();
  return () => {
    stopped.abort();
    cancel();
  };
}
