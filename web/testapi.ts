// An API as an app's own tests want it: it keeps records, keys and versions as a good server does,
// and is as bad as it is told to be. It is one function of a request; testing.ts puts it where an
// app's requests go.
//
// A request is applied as a whole or not at all, and its answer is stored under its key together
// with what it changed: so `records` and `applied` say what really took effect, however often it
// was sent.

import type { Clock } from './clock.js';

export interface TestRequest {
  method: string;
  /** Below the API's base URL, with its query: '/orders/1'. */
  path: string;
  headers: Record<string, string>;
  body: string;
}

export interface TestAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** What can befall a request. */
export type Fault =
  /** It never arrives: no answer, no effect. */
  | 'lose-request'
  /** It takes effect, and its answer is lost. */
  | 'lose-answer'
  /** It arrives twice, and the second answer is what the app gets. */
  | 'repeat'
  /** A sign-in page of somebody else's answers: 200, HTML. */
  | 'portal'
  /** It waits so long, in milliseconds, and is then treated as any other. */
  | { delayMs: number }
  /** It has no effect and is answered so; after `applied`, it has taken effect all the same. */
  | { status: number; headers?: Record<string, string>; body?: unknown; applied?: boolean };

export interface Befalls {
  /** Of how many requests. Default 1. */
  times?: number;
  /** Only of these; probes of the health endpoint are never counted unless they are named here. */
  match?: (request: TestRequest) => boolean;
}

type Json = Record<string, unknown>;
interface Entry {
  record: Json;
  version: number;
  changedAt: number;
  deleted: boolean;
}

export interface TestApi {
  /** Whether requests arrive at all. */
  online: boolean;
  /** What /health says: false answers 503, and so does everything else. */
  healthy: boolean;
  /** False: everything but /health answers 401. */
  signedIn: boolean;
  /** Lets something befall the next requests that match. */
  next(fault: Fault, options?: Befalls): void;
  /**
   * Lets anything befall any request, drawn from `seed`, with this probability (0.3): lost, lost
   * after it took effect, twice, late, by a portal, 503 and 429. Nothing among it refuses a change
   * for good, so after `behave` everything must arrive, and once.
   */
  misbehave(options: { seed: number; rate?: number }): void;
  /** All is well from now on; nothing that was asked for befalls any more. */
  behave(): void;
  /** The records of a collection, by its path, in the order of their creation. */
  records(path: string): Json[];
  /** Stores a record, as another client would. */
  put(path: string, record: Json & { id: string }): void;
  /** Deletes a record, as another client would. */
  remove(path: string, id: string): void;
  /** Every request that arrived, in order. */
  readonly requests: readonly TestRequest[];
  /** The writes that took effect, each once, in order. */
  readonly applied: readonly { key: string; method: string; path: string; body: string }[];
  /** Answers one request, as the network would: rejects where there is no answer. */
  answer(request: TestRequest): Promise<TestAnswer>;
}

/** Begins with no records, online, healthy and signed in. Paths are collections as they come. */
export function testApi(clock: Clock): TestApi {
  const collections = new Map<string, Map<string, Entry>>();
  const keys = new Map<string, { payload: string; answer: TestAnswer }>();
  const requests: TestRequest[] = [];
  const applied: { key: string; method: string; path: string; body: string }[] = [];
  let planned: { fault: Fault; times: number; match: (request: TestRequest) => boolean }[] = [];
  let draw: (() => Fault | undefined) | undefined;
  let changes = 0;

  const entries = (path: string): Map<string, Entry> => {
    const found = collections.get(path) ?? new Map<string, Entry>();
    collections.set(path, found);
    return found;
  };

  function store(path: string, id: string, record: Json, deleted = false): Entry {
    const earlier = entries(path).get(id);
    const entry = { record, version: (earlier?.version ?? 0) + 1, changedAt: ++changes, deleted };
    entries(path).set(id, entry);
    return entry;
  }

  function befalling(request: TestRequest): Fault | undefined {
    const plan = planned.find(({ match }) => match(request));
    if (!plan) return draw?.();
    if (--plan.times === 0) planned = planned.filter(each => each !== plan);
    return plan.fault;
  }

  async function answer(request: TestRequest): Promise<TestAnswer> {
    if (!api.online) throw lost();
    const fault = befalling(request);
    if (fault === 'lose-request') throw lost();
    if (typeof fault === 'object' && 'delayMs' in fault)
      await new Promise<void>(resolve => void clock.after(fault.delayMs, resolve));
    requests.push(request);
    if (fault === 'portal') return portal;
    if (typeof fault === 'object' && 'status' in fault) {
      if (fault.applied) respond(request);
      const { status, headers = {}, body } = fault;
      return body === undefined && status >= 400
        ? problem(status, 'As the test said.', headers)
        : json(status, body, headers);
    }
    if (fault === 'repeat') respond(request);
    const given = respond(request);
    if (fault === 'lose-answer') throw lost();
    return given;
  }

  function respond(request: TestRequest): TestAnswer {
    const { path } = request;
    if (path === '/health')
      return api.healthy ? json(200, { status: 'ok' }) : problem(503, 'The API is not well.');
    if (!api.healthy) return problem(503, 'The API is not well.');
    if (!api.signedIn) return problem(401, 'Sign in first.');
    const key = header(request, 'idempotency-key');
    if (request.method === 'GET' || !key) return perform(request, key ?? '');
    const payload = `${request.method} ${path} ${request.body}`;
    const earlier = keys.get(key);
    if (earlier && earlier.payload !== payload)
      return problem(422, 'This Idempotency-Key came with another request before.');
    if (earlier) return earlier.answer;
    const given = perform(request, key);
    keys.set(key, { payload, answer: given });
    return given;
  }

  function perform(request: TestRequest, key: string): TestAnswer {
    const { method, body } = request;
    const [path = '', query = ''] = request.path.split('?');
    const slash = path.lastIndexOf('/');
    const parent = path.slice(0, slash);
    const id = decodeURIComponent(path.slice(slash + 1));
    const took = (given: TestAnswer): TestAnswer => {
      applied.push({ key, method, path, body });
      return given;
    };
    if (method === 'GET' && (collections.has(path) || !collections.has(parent)))
      return list(path, new URLSearchParams(query));
    if (method === 'POST') {
      const record = JSON.parse(body) as Json;
      const own = String(record['id'] ?? `s${changes + 1}`);
      const there = entries(path).get(own);
      if (there && !there.deleted) return problem(409, `There is a record ${own} already.`);
      return took(shown(201, store(path, own, { ...record, id: own })));
    }
    const entry = collections.get(parent)?.get(id);
    if (!entry || entry.deleted)
      return problem(404, `There is no record ${id} in ${parent || path}.`);
    const wanted = header(request, 'if-match');
    if (wanted && wanted !== etag(entry)) return problem(412, 'Another version is stored.');
    switch (method) {
      case 'GET':
        return shown(200, entry);
      case 'PUT': {
        const record = JSON.parse(body) as Json;
        if (String(record['updatedAt'] ?? '￿') < String(entry.record['updatedAt'] ?? ''))
          return shown(200, entry);
        return took(shown(200, store(parent, id, { ...record, id })));
      }
      case 'PATCH': {
        const record = patched(entry.record, JSON.parse(body)) as Json;
        return took(shown(200, store(parent, id, { ...record, id })));
      }
      case 'DELETE':
        store(parent, id, entry.record, true);
        return took({ status: 204, headers: {}, body: '' });
      default:
        return problem(405, `${method} is not known here.`);
    }
  }

  function list(path: string, query: URLSearchParams): TestAnswer {
    const since = Number(query.get('since') ?? 0);
    const limit = Number(query.get('limit') ?? 500);
    const newer = [...entries(path)]
      .filter(([, { changedAt }]) => changedAt > since)
      .sort(([, a], [, b]) => a.changedAt - b.changedAt);
    const page = newer.slice(0, limit);
    return json(200, {
      records: page.filter(([, { deleted }]) => !deleted).map(([, { record }]) => record),
      deleted: page.filter(([, { deleted }]) => deleted).map(([id]) => id),
      cursor: String(page.at(-1)?.[1].changedAt ?? since),
      more: newer.length > page.length,
    });
  }

  const api: TestApi = {
    online: true,
    healthy: true,
    signedIn: true,
    next(fault, { times = 1, match = isNoProbe } = {}) {
      planned.push({ fault, times, match });
    },
    misbehave({ seed, rate = 0.3 }) {
      const random = generator(seed);
      const pick = <T>(items: readonly [T, ...T[]]): T =>
        items[Math.floor(random() * items.length)] ?? items[0];
      draw = () => {
        if (random() >= rate) return undefined;
        return pick<Fault>([
          'lose-request',
          'lose-answer',
          'repeat',
          'portal',
          { delayMs: Math.floor(random() * 50) },
          { status: 503, headers: { 'retry-after': '0' } },
          { status: 503, applied: true },
          { status: 429, headers: { 'retry-after': '0' } },
        ]);
      };
    },
    behave() {
      draw = undefined;
      planned = [];
      api.online = api.healthy = api.signedIn = true;
    },
    records: path =>
      [...entries(path).values()].filter(({ deleted }) => !deleted).map(({ record }) => record),
    put: (path, record) => void store(path, record.id, record),
    remove: (path, id) => void store(path, id, {}, true),
    requests,
    applied,
    answer,
  };
  return api;
}

function isNoProbe({ path }: TestRequest): boolean {
  return path !== '/health';
}

/** As fetch says that there was no answer. */
function lost(): TypeError {
  return new TypeError('fetch failed');
}

const portal: TestAnswer = {
  status: 200,
  headers: { 'content-type': 'text/html' },
  body: '<!doctype html><title>Welcome</title><p>Sign in to use this network.',
};

function json(status: number, value: unknown, headers: Record<string, string> = {}): TestAnswer {
  const body = value === undefined ? '' : JSON.stringify(value);
  return { status, headers: { 'content-type': 'application/json', ...headers }, body };
}

/** RFC 9457. */
function problem(
  status: number,
  detail: string,
  headers: Record<string, string> = {},
): TestAnswer {
  const body = JSON.stringify({ status, title: 'The test API refuses.', detail });
  return { status, headers: { 'content-type': 'application/problem+json', ...headers }, body };
}

function shown(status: number, entry: Entry): TestAnswer {
  return json(status, entry.record, { etag: etag(entry) });
}

function etag({ version }: Entry): string {
  return `"${version}"`;
}

function header({ headers }: TestRequest, name: string): string | undefined {
  return Object.entries(headers).find(([each]) => each.toLowerCase() === name)?.[1];
}

/** RFC 7396, section 2. */
function patched(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: Json = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch))
    if (value === null) delete result[name];
    else result[name] = patched(result[name], value);
  return result;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Mulberry32: the same seed, the same numbers, from 0 to below 1. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
