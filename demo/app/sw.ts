// The service worker: serves the app's own files from the device, all of one build, and leaves
// everything else alone: what is under /api is Holdfast's, and is never cached here.
//
// A new build is fetched whole beside the old one and waits until a page asks for it ('activate').

declare const self: ServiceWorkerGlobalScope;
/** The files of the build, '' for the page itself, each with its integrity: see demo/build.mjs. */
declare const shellFiles: Record<string, string>;
declare const shellVersion: string;

const prefix = 'shell-';
const cacheName = prefix + shellVersion;
const files = new Map(
  Object.entries(shellFiles).map(([file, integrity]) => [
    new URL(file, self.registration.scope).href,
    integrity,
  ]),
);

self.addEventListener('install', (event) => {
  event.waitUntil(install());
});

self.addEventListener('activate', (event) => {
  event.waitUntil(activate());
});

self.addEventListener('message', (event) => {
  if (event.data === 'activate') void self.skipWaiting();
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET') return;
  const url = new URL(request.url);
  url.search = '';
  url.hash = '';
  if (files.has(url.href)) event.respondWith(answer(url.href, request));
});

/** All files of this build, or none: one of another build, or none at all, leaves the old one. */
async function install(): Promise<void> {
  const cache = await caches.open(cacheName);
  const requests = [...files].map(
    // Past the browser's own cache, which may still hold what an earlier build called the same.
    ([url, integrity]) => new Request(url, { integrity, cache: 'reload' }),
  );
  await cache.addAll(requests);
}

async function activate(): Promise<void> {
  for (const name of await caches.keys()) {
    if (name.startsWith(prefix) && name !== cacheName) await caches.delete(name);
  }
  await self.clients.claim();
}

async function answer(url: string, request: Request): Promise<Response> {
  const cache = await caches.open(cacheName);
  return (await cache.match(url)) ?? fetch(request);
}
