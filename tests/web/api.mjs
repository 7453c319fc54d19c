// A real server that keeps what it is sent, and a database in memory beside it: for the tests of
// the surface.

import { once } from 'node:events';
import { createServer } from 'node:http';

import { openHoldfast } from '../../dist/index.js';

/** Answers as an API does that has nothing to object to. */
export function accept({ method, body }) {
  const status = { POST: 201, PUT: 200, DELETE: 204 }[method];
  return { status, body: method === 'DELETE' ? undefined : JSON.parse(body) };
}

export const refuse = () => ({
  status: 422,
  body: { title: 'No such valve', detail: 'Valve 7 is gone.' },
});

/**
 * Starts a server. `reply` answers whatever is no probe, with { status, headers, body } or with
 * nothing, which cuts the connection; `requests` is what it was asked, but for the `probes`, which
 * are only counted.
 */
export async function startApi() {
  const api = { healthy: true, reply: accept, requests: [], probes: 0, baseUrl: '' };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { method, url, headers } = request;
    if (url === '/api/health') {
      ++api.probes;
      return response.writeHead(api.healthy ? 200 : 503).end('{}');
    }
    const asked = { method, path: url.slice('/api'.length), headers, body };
    api.requests.push({ ...asked, key: headers['idempotency-key'] });
    const answer = await api.reply(asked);
    if (!answer) return response.destroy();
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
    response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  api.baseUrl = `http://127.0.0.1:${server.address().port}/api`;

  /** Opens a database of its own, closed when the test ends; what went before is forgotten. */
  async function open(t, options = {}) {
    Object.assign(api, { healthy: true, reply: accept, requests: [], probes: 0 });
    const hf = await openHoldfast({
      name: 'surface-test',
      baseUrl: api.baseUrl,
      collections: { order: {}, note: {} },
      storage: 'memory',
      ...options,
    });
    t.after(() => hf.close());
    return hf;
  }

  function close() {
    server.closeAllConnections();
    server.close();
  }

  return Object.assign(api, { open, close });
}

/** Every event of a type, as it comes. */
export function heard(hf, type) {
  const details = [];
  hf.addEventListener(type, ({ detail }) => details.push(detail));
  return details;
}

/** What was sent, in words: 'POST /orders'. */
export const lines = requests => requests.map(({ method, path }) => `${method} ${path}`);
