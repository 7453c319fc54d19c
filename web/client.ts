// The page's composition root: it makes, out of an app's options, the surface that the app calls.

import { systemClock } from './clock.js';
import { collection } from './collection.js';
import { connect, type Listener } from './connection.js';
import { compileBytes, compileResponse } from './core.js';
import { HoldfastError, refused } from './errors.js';
import { uuids } from './ids.js';
import { parseJson } from './json.js';
import { insecure } from './leader.js';
import { liveQueries, watchable } from './live.js';
import { openJournal } from './journal.js';
import { fingerprint } from './rank.js';
import { readOptions, type Settings } from './options.js';
import { deadLetters, outbox } from './outbox.js';
import type { CoreStatus, Row } from './protocol.js';
import { answered } from './question.js';
import type { Call, Notice, PullReport, Reading, Start, SyncReport } from './rpc.js';
import { sql } from './sql.js';
import { spillingLine, type SpillHost, type SpillingLine, type WritingLine } from './spill.js';
import type { Collection, Holdfast, HoldfastEventMap, Options, Schema, Status } from './surface.js';
import { gathered } from './transaction.js';
import { watch } from './triggers.js';

declare const HOLDFAST_VERSION: string; // The build puts in that of package.json.

/**
 * Opens the database of that name, creating it the first time. Resolves when it can be read and
 * written: by this tab's worker, or by that of another tab which has it open. From then on what is
 * pending is sent whenever the API can be reached.
 *
 * @throws {HoldfastError} 'bad-option'; 'insecure-context', 'no-opfs', 'worker-load' or 'wasm-load'
 * where Holdfast cannot run; 'storage', 'disk-full', 'corrupt' or 'newer-version' where its files
 * cannot be used. There is no falling back to memory.
 */
export async function openHoldfast<S extends Schema>(options: Options<S>): Promise<Holdfast<S>> {
  const settings = readOptions(options, globalThis.location?.href);
  const status = watchable<Status>(
    { ...unknownStatus, storage: settings.storage, leader: settings.storage === 'memory' },
    reportError,
  );
  const events = new EventTarget();
  const live = liveQueries(systemClock, reportError);
  const newId = uuids(systemClock.now, bytes => crypto.getRandomValues(bytes));
  const client = newId();

  const listener: Listener = {
    notice({ changed, status: now, news }) {
      live.changed(changed);
      const before = status.get();
      if (now) status.set({ ...before, ...now });
      if (now && now.pending > 0 && before.pending === 0) askForSync(settings);
      for (const item of news) dispatch(events, item);
    },
    leading(own) {
      status.set({ ...status.get(), leader: own });
      live.changed();
      void readStatus().catch(() => {}); // Whoever leads next tells it again.
    },
    waiting: () => {}, // The line sees to it.
    lost: () => status.set({ ...status.get(), leader: false }),
    ask: question => answered(settings, question),
    complain: reason => console.warn(`Holdfast: ${reason}`),
  };

  const line = await lineOf(settings, client, listener, {
    spilling: on => status.set({ ...status.get(), storage: on ? 'spill' : settings.storage }),
    changed: live.changed,
    complain: listener.complain,
  });
  const call = (call: Call): Promise<unknown> => line.call(call);
  const read = (read: Reading): Promise<string> => call(read) as Promise<string>;

  async function readStatus(): Promise<void> {
    const now = JSON.parse(await read({ type: 'status' })) as CoreStatus;
    status.set({ ...status.get(), ...now });
  }

  const stopWatching = globalThis.document
    ? watch({ window: globalThis.window, document }, systemClock, settings.watchedMs, trigger => {
        line.trigger(trigger);
        if (trigger.type === 'hidden' && status.get().pending > 0) askForSync(settings);
      })
    : () => {};

  async function close(): Promise<void> {
    stopWatching();
    await line.close();
    live.stop();
    status.set({ ...status.get(), leader: false });
  }

  try {
    await readStatus();
  } catch (error) {
    // Nobody answers, but what is written is kept: that is worth more than nothing at all.
    if (!(error instanceof HoldfastError) || error.code !== 'no-leader') {
      await close();
      throw error;
    }
  }
  if (settings.storage === 'opfs') void askToPersist();

  const collections = new Map<string, Collection<object>>(
    Object.keys(settings.config.collections).map(name => [
      name,
      collection<object>(name, {
        write: change =>
          line.write({ type: 'write', id: newId(), ...change }) as Promise<Row | null>,
        read,
        live,
        report: reportError,
        newId,
      }),
    ]),
  );
  const named = (name: string): Collection<object> => {
    const found = collections.get(name);
    if (found) return found;
    throw new HoldfastError(
      'unknown-collection',
      `There is no collection '${name}'. Nothing was recorded. Declare it in the options; there ` +
        `are: ${[...collections.keys()].join(', ')}.`,
    );
  };

  return {
    collection: <C extends keyof S & string>(name: C) =>
      named(name) as Collection<object> as Collection<S[C]>,
    async transaction(write) {
      const { value, writes } = gathered([...collections.keys()], write, newId);
      if (writes.length > 0) await line.write({ type: 'transact', writes });
      return value;
    },
    status: { get: status.get, subscribe: status.subscribe },
    ...sql({ read, live, report: reportError }),
    sync: () => call({ type: 'sync' }) as Promise<SyncReport>,
    async pull(name) {
      if (name !== undefined) named(name);
      if (name !== undefined && !settings.pulls.includes(name))
        throw new HoldfastError(
          'bad-option',
          `The collection '${name}' is not pulled: its option pull is false. Nothing was fetched.`,
        );
      const names = name === undefined ? settings.pulls : [name];
      const reports = await Promise.all(
        names.map(each => call({ type: 'pull', collection: each }) as Promise<PullReport>),
      );
      return { pulled: reports.reduce((sum, { pulled }) => sum + pulled, 0) };
    },
    pause: () => done(call({ type: 'pause' })),
    resume: () => done(call({ type: 'resume' })),
    signedIn: () => done(call({ type: 'signedIn' })),
    outbox: outbox({ call, read, newId }),
    deadLetters: deadLetters({ call, read, newId }),
    addEventListener: (type, listener, options) =>
      events.addEventListener(type, listener as EventListener, options),
    removeEventListener: (type, listener) =>
      events.removeEventListener(type, listener as EventListener),
    close,
  };
}

const unknownStatus: CoreStatus = {
  pending: 0,
  failed: 0,
  conflicts: 0,
  reachable: false,
  syncing: false,
  waitingFor: null,
  reason: '',
  pulled: 0,
  more: false,
};

async function lineOf(
  settings: Settings,
  client: string,
  listener: Listener,
  spill: Pick<SpillHost, 'spilling' | 'changed' | 'complain'>,
): Promise<WritingLine> {
  const wasmUrl = new URL(
    settings.wasmUrl ?? new URL('./holdfast.wasm', import.meta.url),
    globalThis.location?.href,
  ).href;
  const asks = { headers: settings.headers !== undefined, check: settings.check !== undefined };
  const start: Omit<Start, 'session'> = {
    name: settings.name,
    client,
    rank: {
      version: HOLDFAST_VERSION,
      config: fingerprint(JSON.stringify(settings.config)),
      since: systemClock.now(),
      visible: globalThis.document?.visibilityState === 'visible',
    },
    config: settings.config,
    api: settings.api,
    asks,
    wasmUrl,
  };
  if (settings.storage === 'memory') {
    // A page with a worker has no use for these.
    const { connectMemory } = await import('./memory.js');
    const { default: glue } = await import('./holdfast.js');
    const module = await compile(wasmUrl);
    return connectMemory(start, { clock: systemClock, fetch, glue, module }, listener);
  }
  if (globalThis.isSecureContext === false) throw insecure();
  if (typeof Worker === 'undefined')
    throw new HoldfastError(
      'no-opfs',
      'There are no workers here, and so no storage. Nothing was opened. On a server, open with ' +
        "storage: 'memory', or open in the browser only.",
    );
  const line: SpillingLine = spillingLine(
    connect(
      start,
      { clock: systemClock, createWorker: () => createWorker(settings), window: globalThis.window },
      {
        ...listener,
        waiting: () => line.started(),
        leading(own) {
          line.started();
          listener.leading(own);
        },
      },
    ),
    { clock: systemClock, client, journal: openJournal(settings.name), ...spill },
  );
  return line;
}

function createWorker({ createWorker, workerUrl, name }: Settings): Worker {
  if (createWorker) return createWorker();
  if (workerUrl) return new Worker(workerUrl, { type: 'module', name: `holdfast:${name}` });
  // Literally so: it is what bundlers look for.
  return new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
}

/** The parts of Node that are used, found without an import that a bundler would see. */
interface NodeProcess {
  getBuiltinModule?(name: 'node:fs/promises'): {
    readFile(url: URL): Promise<Uint8Array<ArrayBuffer>>;
  };
}

async function compile(url: string): Promise<WebAssembly.Module> {
  if (!url.startsWith('file:')) return compileResponse(url, url => fetch(url));
  const { process } = globalThis as { process?: NodeProcess };
  const files = process?.getBuiltinModule?.('node:fs/promises');
  if (!files)
    throw new HoldfastError(
      'wasm-load',
      `Only Node 20.16 or newer can read the wasm at ${url}. Nothing was opened.`,
    );
  return compileBytes(await files.readFile(new URL(url)), url);
}

function dispatch(events: EventTarget, item: Notice['news'][number]): void {
  const event = <E extends keyof HoldfastEventMap>(
    type: E,
    detail: HoldfastEventMap[E]['detail'],
  ): void => void events.dispatchEvent(new CustomEvent(type, { detail }));
  switch (item.type) {
    case 'settled': {
      const { id, collection, record, reason } = item;
      return event('settled', { id, collection, record, reason });
    }
    case 'buried': {
      const { id, collection, record, problem } = item;
      return event('deadletter', { id, collection, record, problem });
    }
    case 'pullEnded': {
      const { collection, pulled, error } = item;
      return event('pulled', { collection, pulled, ...(error ? { error } : {}) });
    }
    case 'signIn':
      return event('signin', null);
    case 'refused': {
      const { collection, record, kind, change, error } = item;
      return event('refused', {
        collection,
        record,
        kind,
        change: change === '' ? undefined : parseJson(change),
        error: refused(error),
      });
    }
    default:
      item satisfies never;
  }
}

/**
 * So that the browser does not clear the database when space gets short. Where it says no, all
 * works as before.
 */
async function askToPersist(): Promise<void> {
  try {
    if (!(await navigator.storage.persisted())) await navigator.storage.persist();
  } catch {
    // It was only a wish.
  }
}

/**
 * Has the browser start the app's service worker when there is a network and no tab: where it
 * knows Background Sync, and the app has one.
 */
function askForSync({ name, storage }: Settings): void {
  if (storage === 'memory') return;
  interface Registration {
    sync?: { register(tag: string): Promise<void> };
  }
  void globalThis.navigator?.serviceWorker
    ?.getRegistration()
    .then(found => (found as Registration | undefined)?.sync?.register(`holdfast:${name}`))
    .catch(() => {}); // A tab sends it all the same.
}

/**
 * As the browser reports what an app's listener throws; where there is no browser, on the console.
 */
function reportError(error: unknown): void {
  const { reportError } = globalThis as { reportError?: (error: unknown) => void };
  if (reportError) reportError(error);
  else console.error(error);
}

async function done(call: Promise<unknown>): Promise<void> {
  await call;
}
