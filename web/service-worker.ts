// `holdfast/service-worker`: replays the outbox when no tab is open, in browsers that have
// Background Sync. It takes the lock that tabs take, works on a copy of the database, writes each
// step to the journal before it sends anything, and lets go when a tab comes.

import glue from './holdfast.js';
import { systemClock } from './clock.js';
import { compileResponse, fileNames, openCore } from './core.js';
import { openJournal } from './journal.js';
import { directoryName } from './leader.js';
import { readOptions } from './options.js';
import { fingerprint } from './rank.js';
import { replay } from './replay.js';
import { appFunctions } from './rpc.js';
import { answered } from './question.js';
import { memoryFile, snapshotOf } from './snapshot.js';
import type { Options, Schema } from './surface.js';
import { transport } from './transport.js';

/** How long a replay may take: browsers end a service worker that takes longer than minutes. */
const replayMs = 20_000;
/** More than this is not copied into memory. */
const maxBytes = 64 << 20;

interface SyncEvent extends ExtendableEvent {
  readonly tag: string;
}

/**
 * To be called once in the app's service worker, with the options that its pages call openHoldfast
 * with: where they differ in collections and the like, nothing is replayed. Pages ask the browser
 * for a sync by themselves. What cannot be sent then, the browser tries again some minutes later,
 * and a tab when it is opened.
 */
export function replayOnSync<S extends Schema>(options: Options<S>): void {
  const scope = globalThis as unknown as ServiceWorkerGlobalScope;
  const tag = `holdfast:${options.name}`;
  scope.addEventListener('sync', event => {
    const { tag: asked } = event as SyncEvent;
    if (asked === tag) (event as SyncEvent).waitUntil(replayAlone(options, tag));
  });
}

/** Rejects if something is left to be sent: then the browser tries again. */
async function replayAlone<S extends Schema>(options: Options<S>, tag: string): Promise<void> {
  const left = await navigator.locks.request(tag, { ifAvailable: true }, async lock => {
    if (!lock) throw new Error('Holdfast: a tab is there, which sends.'); // It may go before.
    const stop = new AbortController();
    const channel = new BroadcastChannel(tag);
    channel.onmessage = () => stop.abort(); // Only workers of tabs speak there.
    const cancel = systemClock.after(replayMs, () => stop.abort());
    const journal = openJournal(options.name);
    try {
      return await replayCopy(options, journal, stop.signal);
    } finally {
      cancel();
      channel.close();
      journal.close();
    }
  });
  if (left > 0) throw new Error(`Holdfast: ${left} changes are still to be sent.`);
}

async function replayCopy<S extends Schema>(
  options: Options<S>,
  journal: ReturnType<typeof openJournal>,
  stop: AbortSignal,
): Promise<number> {
  const { href } = (globalThis as unknown as ServiceWorkerGlobalScope).location;
  const settings = readOptions(options, href);
  const config = fingerprint(JSON.stringify(settings.config));
  if ((await journal.config()) !== config) return 0;
  const root = await navigator.storage.getDirectory();
  const all = await root.getDirectoryHandle('holdfast');
  const directory = await all.getDirectoryHandle(directoryName(settings.name));
  const names = fileNames.filter(name => name !== 'ballast');
  const files = await snapshotOf(directory, names, maxBytes);
  if (!files || stop.aborted) return 0;
  const wasmUrl = new URL(settings.wasmUrl ?? new URL('./holdfast.wasm', import.meta.url)).href;
  const module = await compileResponse(wasmUrl, url => fetch(url));
  const handles = [...files, memoryFile()];
  const core = await openCore(glue, module, settings.config, handles, systemClock.now);
  for (const [, { events, now }] of await journal.steps()) core.handle(events, now);
  const calls = (await journal.entries()).map(([, call]) => call);
  const asks = { headers: settings.headers !== undefined, check: settings.check !== undefined };
  const host = {
    clock: systemClock,
    stop,
    record: journal.addStep,
    transport: transport({
      ...settings.api,
      fetch,
      clock: systemClock,
      closed: stop,
      ...appFunctions(asks, question => answered(settings, question)),
      complain: reason => console.warn(`Holdfast: ${reason}`),
    }),
  };
  return replay(core, host, [{ type: 'open' }, ...calls, { type: 'sync' }]);
}
