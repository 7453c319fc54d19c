// What a page notices that makes a try worthwhile: the network comes or goes, somebody looks at the
// page.

/** What a worker is told, and the core of all but the last. Each may be told again. */
export type Trigger = { type: 'online' | 'offline' | 'visible' | 'hidden' };

export interface Surroundings {
  window: EventTarget;
  document: EventTarget & { readonly visibilityState: string };
}

/** Tells of every trigger until it is stopped. */
export function watch(
  { window, document }: Surroundings,
  tell: (trigger: Trigger) => void,
): () => void {
  const stopped = new AbortController();
  const { signal } = stopped;
  window.addEventListener('online', () => tell({ type: 'online' }), { signal });
  window.addEventListener('offline', () => tell({ type: 'offline' }), { signal });
  // A page that comes back out of the back/forward cache was hidden before: this event covers it.
  document.addEventListener(
    'visibilitychange',
    () => {
      tell({ type: document.visibilityState === 'visible' ? 'visible' : 'hidden' });
    },
    { signal },
  );
  return () => stopped.abort();
}
