// How 100,000 records come down: over real HTTP, into files in memory, on the one thread that Node
// has. The server is a thread of its own. Printed are records a second, the longest time for which
// nothing else had its turn, the latest answer to a read that goes between, and how much memory it
// took, of which the database is the most.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

const count = 100_000;

if (isMainThread) await run();
else serve();

function serve() {
  const record = n => ({
    id: `r${String(n).padStart(6, '0')}`,
    title: `Replace the valve in building ${n % 977}`,
    done: n % 3 === 0,
    priority: n % 5,
    createdAt: new Date(1.7e12 + n * 1_000).toISOString(),
    place: { street: `Harbour Road ${n % 211}`, floor: n % 9 },
  });
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://here');
    response.setHeader('content-type', 'application/json');
    if (pathname === '/health') return response.end('{}');
    const since = Number(searchParams.get('since') ?? 0);
    const limit = Number(searchParams.get('limit') ?? count);
    const records = Array.from({ length: Math.min(limit, count - since) }, (_, n) =>
      record(since + n),
    );
    const cursor = since + records.length;
    response.end(JSON.stringify({ records, cursor, more: cursor < count }));
  }).listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
}

async function run() {
  const { openHoldfast } = await import('../dist/index.js');
  const server = new Worker(fileURLToPath(import.meta.url));
  const [port] = await once(server, 'message');
  for (const [what, pull] of [
    ['pages of 500', { limit: 500, intervalMs: 0 }],
    ['pages of 10,000', { limit: 10_000, intervalMs: 0 }],
    ['one whole list', { full: true, intervalMs: 0 }],
  ])
    console.log(await measure(what, pull, port, openHoldfast));
  await server.terminate();
}

async function measure(what, pull, port, openHoldfast) {
  globalThis.gc?.();
  const before = process.memoryUsage();
  const hf = await openHoldfast({
    name: what,
    baseUrl: `http://127.0.0.1:${port}`,
    collections: { task: { pull } },
    storage: 'memory',
    timeoutMs: 600_000,
  });
  const tasks = hf.collection('task');
  let longest = 0;
  let latest = 0;
  let most = { heapUsed: 0, arrayBuffers: 0, rss: 0 };
  let going = true;
  let last = performance.now();
  const turn = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (going) setImmediate(turn);
  };
  setImmediate(turn);
  const read = async () => {
    while (going) {
      const asked = performance.now();
      await tasks.get('r000001');
      latest = Math.max(latest, performance.now() - asked);
      const now = process.memoryUsage();
      for (const name of Object.keys(most)) most[name] = Math.max(most[name], now[name]);
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  };
  const reading = read();
  const start = performance.now();
  const { pulled } = await hf.pull('task');
  const time = performance.now() - start;
  going = false;
  await reading;
  if (pulled !== count) throw new Error(`${pulled} arrived.`);
  await hf.close();
  const mb = name => `${Math.round((most[name] - before[name]) / 2 ** 20)} MB`;
  return [
    `${what}:`.padEnd(18),
    `${Math.round(count / (time / 1_000)).toLocaleString('en')} records/s`.padStart(18),
    `longest turn ${longest.toFixed(0)} ms`.padStart(22),
    `latest read ${latest.toFixed(0)} ms`.padStart(22),
    `heap ${mb('heapUsed')}, whole process ${mb('rss')}`.padStart(38),
  ].join(' ');
}
