// `holdfast/testing`: for an app's own headless tests, in Node and with Playwright. Of Playwright
// only its shape is known here, so nothing of it is imported.

import { systemClock } from './clock.js';
import { testApi, type TestApi } from './testapi.js';
import type { Explanation, OutboxEntry } from './protocol.js';
import type { Readable, Status } from './surface.js';

export type { Befalls, Fault, TestAnswer, TestApi, TestRequest } from './testapi.js';

/** A page of Playwright's, as far as it is used here. */
export interface Page {
  url(): string;
  context(): Context;
  once(event: 'crash', listener: () => void): unknown;
}

export interface Context {
  route(
    matches: (url: URL) => boolean,
    handler: (route: Route) => Promise<void>,
  ): Promise<unknown>;
  setOffline(offline: boolean): Promise<void>;
  newCDPSession(page: never): Promise<CDPSession>;
}

export interface Route {
  request(): {
    method(): string;
    url(): string;
    headers(): Record<string, string>;
    postData(): string | null;
  };
  fulfill(answer: {
    status: number;
    headers: Record<string, string>;
    body: string;
  }): Promise<void>;
  abort(): Promise<void>;
}

export interface CDPSession {
  send(method: never, params?: never): Promise<unknown>;
}

/** A TestApi at an address. */
export interface ServedApi extends TestApi {
  /**
   * Takes the place of `fetch` in this process for what is below the base URL, everything else
   * goes where it went. Returns a way to end that. For Node.
   */
  replaceFetch(): () => void;
  /**
   * Answers what any page or worker of this page's browser context asks below the base URL.
   * Resolves when it does.
   */
  route(page: Page): Promise<void>;
}

/** An API that does what the test says, at an absolute base URL: 'http://api.test/v1'. */
export function openTestApi(baseUrl: string): ServedApi {
  const base = new URL(baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`);
  const isBelow = (url: URL): boolean =>
    url.origin === base.origin && url.pathname.startsWith(base.pathname);
  const pathOf = (url: URL): string => `/${url.pathname.slice(base.pathname.length)}${url.search}`;
  const api = testApi(systemClock);

  async function answerFetch(request: Request, url: URL): Promise<Response> {
    const { status, headers, body } = await api.answer({
      method: request.method,
      path: pathOf(url),
      headers: Object.fromEntries(request.headers),
      body: await request.text(),
    });
    request.signal.throwIfAborted();
    const empty = status === 204 || status === 205 || status === 304;
    return new Response(empty ? null : body, { status, headers });
  }

  async function answerRoute(route: Route): Promise<void> {
    const request = route.request();
    const url = new URL(request.url());
    const crossing = {
      'access-control-allow-origin': '*',
      'access-control-allow-headers': '*, authorization',
      'access-control-allow-methods': '*',
      'access-control-expose-headers': '*',
    };
    if (request.method() === 'OPTIONS')
      return route.fulfill({ status: 204, headers: crossing, body: '' });
    try {
      const { status, headers, body } = await api.answer({
        method: request.method(),
        path: pathOf(url),
        headers: request.headers(),
        body: request.postData() ?? '',
      });
      await route.fulfill({ status, headers: { ...crossing, ...headers }, body });
    } catch {
      await route.abort().catch(() => {}); // The page may be gone.
    }
  }

  return Object.assign(api, {
    replaceFetch() {
      const { fetch } = globalThis;
      globalThis.fetch = (input, init) => {
        const request = new Request(input, init);
        const url = new URL(request.url);
        return isBelow(url) ? answerFetch(request, url) : fetch(request);
      };
      return () => {
        globalThis.fetch = fetch;
      };
    },
    route: async (page: Page) => {
      await page.context().route(isBelow, answerRoute);
    },
  });
}

/**
 * Takes the network from the page's browser context, and requests from `api`, which needs no
 * network to answer a page's. Resolves with a way to give both back.
 */
export async function goOffline(page: Page, api?: TestApi): Promise<() => Promise<void>> {
  const set = async (offline: boolean): Promise<void> => {
    if (api) api.online = !offline;
    await page.context().setOffline(offline);
  };
  await set(true);
  return () => set(false);
}

/** Ends the page's process without a warning, as a crash does. Resolves when it is gone. */
export async function killTab(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page as never);
  const gone = new Promise<void>(resolve => page.once('crash', resolve));
  session.send('Page.crash' as never).catch(() => {}); // It answers no more.
  await gone;
}

/**
 * Leaves the page's origin so many bytes of storage, 0 by default: writes are refused with
 * 'disk-full'. Resolves with a way to lift that. Chromium only.
 */
export async function fillDisk(page: Page, bytes = 0): Promise<() => Promise<void>> {
  const session = await page.context().newCDPSession(page as never);
  const { origin } = new URL(page.url());
  const set = (quota: object): Promise<unknown> =>
    session.send(
      'Storage.overrideQuotaForOrigin' as never,
      { origin, ...quota } as never,
    );
  await set({ quotaSize: bytes });
  return async () => void (await set({}));
}

/** What is waited for: a Holdfast, as far as it is used here. */
export interface Syncing {
  readonly status: Readable<Status>;
  readonly outbox: {
    list(options?: { limit?: number }): Promise<OutboxEntry[]>;
    explain(id: string): Promise<Explanation | undefined>;
  };
}

/**
 * Resolves when nothing is pending and nothing is under way. Dead letters are not pending: look at
 * `status.failed`.
 *
 * @throws {Error} After `timeoutMs` (10 s), saying of what is left why it was not sent.
 */
export async function waitUntilSynced(
  hf: Syncing,
  { timeoutMs = 10_000 }: { timeoutMs?: number } = {},
): Promise<void> {
  let stop = (): void => {};
  let cancel = (): void => {};
  const synced = new Promise<boolean>(resolve => {
    cancel = systemClock.after(timeoutMs, () => resolve(false));
    stop = hf.status.subscribe(({ pending, syncing }) => {
      if (pending === 0 && !syncing) resolve(true);
    });
  });
  const done = await synced;
  stop();
  cancel();
  if (done) return;
  const left = await hf.outbox.list({ limit: 3 });
  const reasons = await Promise.all(left.map(({ id }) => hf.outbox.explain(id)));
  throw new Error(
    `Not synced after ${timeoutMs} ms: ${hf.status.get().pending} pending. ` +
      reasons.map(reason => reason?.text ?? '').join(' '),
  );
}
