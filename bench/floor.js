// The floor: 14 KB, what a small commit writes, and a flush, on a handle as the package's own. The
// file grows as a WAL does and starts anew at 2 MB.

const root = await navigator.storage.getDirectory();
const file = await root.getFileHandle('floor', { create: true });
const handle = await file.createSyncAccessHandle();
const bytes = crypto.getRandomValues(new Uint8Array(14 * 1024));
let at = 0;

onmessage = ({ data: count }) => {
  const times = [];
  for (let n = 0; n < count; n++) {
    const start = performance.now();
    handle.write(bytes, { at });
    handle.flush();
    times.push(performance.now() - start);
    at = (at + bytes.length) % (2 << 20);
  }
  postMessage(times);
};
postMessage('ready');
