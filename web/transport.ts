// One attempt over HTTP, one probe, one page of a pull: the only place that sends anything. Whether
// to make another, and what an answer means, is the core's business; here no answer is an answer
// too, and nothing ever rejects.

import { within, type Clock } from './clock.js';
import { HoldfastError, messageOf } from './errors.js';
import { isPlainObject, parseJson } from './json.js';
import { pages } from './pages.js';
import type {
  Answered,
  BatchAnswered,
  Fetch,
  Probed,
  Response as Answer,
  Send,
  SendBatch,
  Silence,
} from './protocol.js';

export interface TransportOptions {
  /** Absolute. */
  baseUrl: string;
  timeoutMs: number;
  /** Below baseUrl. */
  healthPath: string;
  healthTimeoutMs: number;
  fetch: typeof fetch;
  clock: Clock;
  /** Ends what is under way. */
  closed: AbortSignal;
  /** The app's own headers, asked anew each time. May reject or never answer. */
  headers(): Promise<Record<string, string>>;
  /** What the app says of the health endpoint's answer. May reject or never answer. */
  check(answer: Answer): Promise<boolean>;
  /** What the app says is the server's id in the answer to a create. May reject or never answer. */
  serverId(collection: string, answer: unknown): Promise<unknown>;
  /** The page that the app makes out of the answer to a pull. May reject or never answer. */
  map(collection: string, answer: unknown): Promise<unknown>;
  /** Says why something of the app's stands in the way. Never with a header's value. */
  complain(reason: string): void;
}

export interface Transport {
  send(effect: Send): Promise<Pick<Answered, 'outcome' | 'serverId'>>;
  sendBatch(effect: SendBatch): Promise<BatchAnswered['outcome']>;
  probe(): Promise<Pick<Probed, 'outcome' | 'check'>>;
  fetch(effect: Fetch): AsyncIterable<PagePart>;
}

/** See driver.ts. */
export interface PagePart {
  outcome: Answer | Silence;
  part?: number;
  last?: boolean;
  flaw?: string;
}

/** How long a function of the app may take. */
const appMs = 10_000;
/** How much of an answer is held at once. */
const maxAnswer = 8 << 20;
/** So many records of a page that the app has made are a part. */
const maxPart = 100;

export function transport(options: TransportOptions): Transport {
  // Called by itself: a browser's fetch refuses to be called on another object.
  const { clock, complain, fetch: dispatch } = options;

  async function send({
    id,
    method,
    path,
    body,
    asks,
  }: Send): Promise<Pick<Answered, 'outcome' | 'serverId'>> {
    const headers = await appHeaders();
    if (!headers) return { outcome: 'notSent' };
    // A quoted string, as draft-ietf-httpapi-idempotency-key-header has it.
    headers.set('idempotency-key', `"${id}"`);
    if (body !== '') headers.set('content-type', 'application/json');
    const outcome = await attempt(method, path, headers, body, options.timeoutMs);
    return asks === undefined ? { outcome } : withServerId(asks, outcome);
  }

  async function sendBatch({ path, body }: SendBatch): Promise<BatchAnswered['outcome']> {
    const headers = await appHeaders();
    if (!headers) return 'notSent';
    headers.set('content-type', 'application/json');
    return attempt('POST', path, headers, body, options.timeoutMs);
  }

  async function probe(): Promise<Pick<Probed, 'outcome' | 'check'>> {
    const headers = await appHeaders();
    if (!headers) return { outcome: 'notSent', check: false };
    const outcome = await attempt('GET', options.healthPath, headers, '', options.healthTimeoutMs);
    return { outcome, check: typeof outcome === 'object' && (await appCheck(outcome)) };
  }

  async function* fetch(effect: Fetch): AsyncGenerator<PagePart> {
    const headers = await appHeaders();
    if (!headers) return yield { outcome: 'notSent' };
    if (effect.etag) headers.set('if-none-match', effect.etag);
    const request = build(options.baseUrl, 'GET', effect.path, headers, '');
    if (!request) return yield { outcome: 'unbuildable' };
    if (options.closed.aborted) return yield { outcome: 'notSent' };
    const limit = deadline(options.timeoutMs);
    let head: Answer | undefined;
    let part = 0;
    try {
      const sentAt = clock.now();
      const response = await dispatch(request, { signal: limit.signal });
      const times = { sentAt, receivedAt: clock.now() };
      head = { ...headOf(response), ...times };
      if (effect.maps || head.status < 200 || head.status > 299) {
        const answer = { ...(await answerOf(response)), ...times };
        limit.end();
        return yield* effect.maps ? mapped(effect.collection, answer) : [{ outcome: answer }];
      }
      const cut = pages();
      const reader = response.body?.getReader();
      const decoder = new TextDecoder();
      try {
        for (let done = !reader; !done; ) {
          limit.renew();
          const read = await reader!.read();
          limit.end();
          done = read.done;
          for (const body of cut.push(decoder.decode(read.value, { stream: !done })))
            yield { outcome: { ...head, body }, part: part++, last: false };
          if (cut.length() > maxAnswer) throw new Error('It is larger than is held.');
        }
      } finally {
        void reader?.cancel().catch(() => {});
      }
      yield { outcome: { ...head, body: cut.end() ?? '' }, part, last: true };
    } catch {
      const outcome = head ? { ...head, complete: false } : limit.late() ? 'timeout' : 'network';
      yield { outcome, part, last: true };
    } finally {
      limit.end();
    }
  }

  /** The parts of the page that the app makes out of an answer. */
  async function* mapped(collection: string, answer: Answer): AsyncGenerator<PagePart> {
    const good = created(answer);
    if (good === undefined) return yield { outcome: answer };
    try {
      const page = await within(clock, appMs, options.map(collection, good.json), () => {
        throw new HoldfastError('bad-option', `it did not answer within ${appMs / 1000} s`);
      });
      const { records, ...rest } = isPlainObject(page) ? page : { records: page };
      if (!Array.isArray(records))
        throw new HoldfastError('bad-option', 'it returned no { records: […] }');
      let part = 0;
      for (; records.length > maxPart; ++part)
        yield partOf(answer, { records: records.splice(0, maxPart) }, part, false);
      yield partOf(answer, { records, ...rest }, part, true);
    } catch (error) {
      const name = `collections.${collection}.pull.map`;
      const flaw = `The option ${name} gave no page: ${messageOf(error)}.`;
      complain(flaw);
      yield { outcome: answer, flaw };
    }
  }

  /** How long something may take; begins at once. */
  function deadline(ms: number): {
    signal: AbortSignal;
    late(): boolean;
    renew(): void;
    end(): void;
  } {
    const over = new AbortController();
    let late = false;
    let cancel = (): void => {};
    const close = (): void => over.abort();
    const renew = (): void => {
      cancel();
      cancel = clock.after(ms, () => {
        late = true;
        over.abort();
      });
      options.closed.addEventListener('abort', close);
    };
    renew();
    return {
      signal: over.signal,
      late: () => late,
      renew,
      end() {
        cancel();
        options.closed.removeEventListener('abort', close);
      },
    };
  }

  async function attempt(
    method: string,
    path: string,
    headers: Headers,
    body: string,
    timeoutMs: number,
  ): Promise<Answer | Silence> {
    // fetch throws the same TypeError for no network and for a request that cannot be built, so it
    // is built apart: the first is tried again, the second never will be any better.
    const request = build(options.baseUrl, method, path, headers, body);
    if (!request) return 'unbuildable';
    // The app's headers may have taken longer than the session.
    if (options.closed.aborted) return 'notSent';
    const limit = deadline(timeoutMs);
    try {
      const sentAt = clock.now();
      const response = await dispatch(request, { signal: limit.signal });
      const receivedAt = clock.now();
      return { ...(await answerOf(response)), sentAt, receivedAt };
    } catch {
      // No network, a reset, a refusal by CORS: in none of them do we know whether the server saw
      // the request.
      return limit.late() ? 'timeout' : 'network';
    } finally {
      limit.end();
    }
  }

  async function appHeaders(): Promise<Headers | undefined> {
    try {
      const given = await within(clock, appMs, options.headers(), () => {
        throw new HoldfastError('bad-option', `it did not answer within ${appMs / 1000} s`);
      });
      const headers = new Headers({ accept: 'application/json' });
      for (const [name, value] of Object.entries(given)) {
        // Checked here, for what fetch says of a value may quote it, and it may be a token.
        if (typeof value !== 'string' || /[^\t\x20-\x7e\x80-\xff]/.test(value))
          throw new HoldfastError('bad-option', `the value of ${name} is not one line of Latin-1`);
        headers.set(name, value);
      }
      return headers;
    } catch (error) {
      complain(`Nothing is sent, for the option headers gave none: ${messageOf(error)}.`);
      return undefined;
    }
  }

  /** An answer out of which the app can tell no id is as good as one that was cut short. */
  async function withServerId(
    collection: string,
    outcome: Answer | Silence,
  ): Promise<Pick<Answered, 'outcome' | 'serverId'>> {
    const answer = typeof outcome === 'object' ? created(outcome) : undefined;
    if (answer === undefined) return { outcome };
    try {
      const id = await within(clock, appMs, options.serverId(collection, answer.json), () => {
        throw new HoldfastError('bad-option', `it did not answer within ${appMs / 1000} s`);
      });
      if (typeof id !== 'string' && !Number.isSafeInteger(id))
        throw new HoldfastError('bad-option', 'it returned neither a text nor a whole number');
      return { outcome, serverId: JSON.stringify(id) };
    } catch (error) {
      complain(
        `A create is sent again, for the option collections.${collection}.serverId told no id: ` +
          `${messageOf(error)}.`,
      );
      return { outcome: { ...(outcome as Answer), complete: false } };
    }
  }

  async function appCheck(answer: Answer): Promise<boolean> {
    try {
      return await within(clock, appMs, options.check(answer), () => {
        throw new HoldfastError('bad-option', `it did not answer within ${appMs / 1000} s`);
      });
    } catch (error) {
      complain(
        `The API counts as unreachable, for the option health.check failed: ${messageOf(error)}.`,
      );
      return false;
    }
  }

  return { send, sendBatch, probe, fetch };
}

/**
 * The request, or undefined if there can be none: among others if its URL would lead elsewhere. A
 * path that climbs, by `..` or in disguise, comes out of the URL parser with fewer segments than it
 * went in with.
 */
function build(
  baseUrl: string,
  method: string,
  path: string,
  headers: Headers,
  body: string,
): Request | undefined {
  try {
    const base = new URL(baseUrl);
    const url = new URL(base.href.replace(/\/+$/, '') + path);
    const [intended = ''] = path.split('?');
    if (!intended.startsWith('/') || intended.includes('\\')) return undefined;
    if (url.origin !== base.origin || url.hash !== '') return undefined;
    if (segments(url.pathname) !== segments(base.pathname) + segments(intended)) return undefined;
    return new Request(url, {
      method,
      headers,
      ...(body === '' ? {} : { body }),
      redirect: 'manual',
      credentials: 'same-origin',
      cache: 'no-store',
    });
  } catch {
    return undefined;
  }
}

function segments(path: string): number {
  return path.split('/').filter(segment => segment !== '').length;
}

/** The JSON of a good answer. Without any there is nobody to ask. */
function created({ status, complete, body }: Answer): { json: unknown } | undefined {
  if (status < 200 || status > 299 || !complete) return undefined;
  try {
    return { json: parseJson(body) };
  } catch {
    return undefined;
  }
}

function partOf(answer: Answer, page: object, part: number, last: boolean): PagePart {
  return { outcome: { ...answer, body: JSON.stringify(page) }, part, last };
}

/** An answer without its body. */
function headOf(response: Response): Answer {
  const header = (name: string): string => response.headers.get(name) ?? '';
  // Browsers hide a redirect that is not followed, Node shows it. 304 is none.
  const { status } = response;
  const redirect =
    response.type === 'opaqueredirect' ||
    response.redirected ||
    (status >= 300 && status < 400 && status !== 304);
  return {
    status,
    redirect,
    complete: true,
    contentType: header('content-type'),
    etag: header('etag'),
    retryAfter: header('retry-after'),
    date: header('age') === '' ? header('date') : '',
    body: '',
  };
}

async function answerOf(response: Response): Promise<Answer> {
  const head = headOf(response);
  if (head.redirect) {
    void response.body?.cancel().catch(() => {});
    return head;
  }
  const body = await textOf(response);
  return { ...head, complete: body !== undefined, body: body ?? '' };
}

/** The whole body, or undefined: it was cut short, came too late, or is longer than is read. */
async function textOf(response: Response): Promise<string | undefined> {
  const reader = response.body?.getReader();
  if (!reader) return '';
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return text + decoder.decode();
      bytes += value.byteLength;
      if (bytes > maxAnswer) {
        void reader.cancel().catch(() => {});
        return undefined;
      }
      text += decoder.decode(value, { stream: true });
    }
  } catch {
    return undefined;
  }
}
