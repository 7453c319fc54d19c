// Ids that this device chooses: UUIDv7 (RFC 9562, 5.7), so that they sort as they were made.

import { HoldfastError } from './errors.js';

/** How many ids are made of the random bytes that are asked for at once: asking is most of it. */
const batch = 64;

/**
 * Makes ids that rise, also within a millisecond and when the clock is set back. `random` fills an
 * array.
 */
export function uuids(now: () => number, random: (bytes: Uint8Array) => void): () => string {
  const bytes = new Uint8Array(16 * batch);
  let used = bytes.length;
  let time = 0;
  let counter = 0;
  return () => {
    if (used === bytes.length) {
      random(bytes);
      used = 0;
    }
    const view = new DataView(bytes.buffer, used, 16);
    used += 16;
    const at = now();
    if (at > time) {
      time = at;
      // Half of the counter's 12 bits at random, so that there is room to count.
      counter = view.getUint16(6) & 0x7ff;
    } else if (++counter > 0xfff) {
      ++time;
      counter = 0;
    }
    view.setUint16(0, Math.floor(time / 2 ** 32));
    view.setUint32(2, time >>> 0);
    view.setUint16(6, 0x7000 | counter);
    view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f));
    const left = view.getBigUint64(0).toString(16).padStart(16, '0');
    const right = view.getBigUint64(8).toString(16);
    const [time32, time16, version] = [left.slice(0, 8), left.slice(8, 12), left.slice(12)];
    return `${time32}-${time16}-${version}-${right.slice(0, 4)}-${right.slice(4)}`;
  };
}

/** @throws {HoldfastError} 'bad-id' unless `id` can stand in a path. */
export function checkId(id: unknown): asserts id is string {
  if (typeof id === 'string' && /^[A-Za-z0-9._~:@-]{1,128}$/.test(id) && id !== '.' && id !== '..')
    return;
  const shown = typeof id === 'string' ? JSON.stringify(id.slice(0, 200)) : typeof id;
  throw new HoldfastError(
    'bad-id',
    `${shown} cannot be an id. Nothing was recorded. An id is 1 to 128 characters of A-Z a-z 0-9 ` +
      ". _ ~ : @ - and neither '.' nor '..'.",
  );
}
