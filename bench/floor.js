// The worker of the quick bench: the floor under a create, and the core's own part of it, on
// handles of one kind and on one thread.

import { compileResponse, openCore, readOptions } from './core.js';
import glue from './dist/holdfast.js';

const root = await navigator.storage.getDirectory();
const open = async (name) =>
  (await root.getFileHandle(name, { create: true })).createSyncAccessHandle();

// 14 KB, what a small commit writes. The file grows as a WAL does and starts anew at 2 MB.
const handle = await open('floor');
const bytes = crypto.getRandomValues(new Uint8Array(14 * 1024));
let at = 0;

function raw(writes) {
  const length = bytes.length / writes;
  for (let n = 0; n < writes; n++)
    handle.write(bytes.subarray(n * length, (n + 1) * length), { at: at + n * length });
  handle.flush();
  at = (at + bytes.length) % (2 << 20);
}

const { config } = readOptions(
  { name: 'floor', baseUrl: '/api', collections: { order: { path: '/orders' } } },
  location.href,
);
const handles = [];
for (const name of ['core.db', 'core.db-wal', 'core.db-journal', 'core.ballast'])
  handles.push(await open(name));
const core = await openCore(
  glue,
  await compileResponse(new URL('./dist/holdfast.wasm', location.href).href, fetch),
  config,
  handles,
  Date.now,
);
core.handle([{ type: 'open' }, { type: 'pause' }], Date.now());
let number = 0;

function create() {
  const change = JSON.stringify({
    title: `Order ${number}`,
    customer: 'Hotel Krone',
    city: 'Chur',
    priority: 2,
  });
  const now = Date.now();
  const event = {
    type: 'write',
    client: 'bench',
    number: ++number,
    acknowledged: number - 1,
    at: now,
    id: crypto.randomUUID(),
    kind: 'create',
    collection: 'order',
    record: crypto.randomUUID(),
    change,
  };
  core.handle([event], now);
}

const works = { raw: () => raw(1), rawInSeven: () => raw(7), create };

onmessage = ({ data: [name, count] }) => {
  const times = [];
  for (let n = 0; n < count; n++) {
    const start = performance.now();
    works[name]();
    times.push(performance.now() - start);
  }
  postMessage(times);
};
postMessage('ready');
