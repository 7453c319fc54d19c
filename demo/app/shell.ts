// Keeps the app on the device: registers the service worker that serves it offline, and moves to a
// new version only when the person agrees, all tabs at once, so no page is half old.

import type { Toast } from './toast.js';

export async function keepShell(toast: Toast): Promise<void> {
  const { serviceWorker } = navigator;
  // The first worker takes a page over that came with it; a later one brings other files.
  let replaces = serviceWorker.controller !== null;
  serviceWorker.addEventListener('controllerchange', () => {
    if (replaces) location.reload();
    replaces = true;
  });

  const registration = await serviceWorker.register('sw.js', { updateViaCache: 'none' });
  const offer = (): void => {
    const { waiting } = registration;
    if (waiting === null || serviceWorker.controller === null) return;
    toast.show('A new version is ready', {
      label: 'Reload',
      run: () => waiting.postMessage('activate'),
    });
  };
  offer();
  registration.addEventListener('updatefound', () => {
    const { installing } = registration;
    installing?.addEventListener('statechange', () => {
      if (installing.state === 'installed') offer();
    });
  });
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState !== 'visible') return;
    offer();
    void registration.update().catch(() => {});
  });
}
