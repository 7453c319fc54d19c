// The modules of web/ as the tests import them: all but the composition roots, bundled together so
// that each class is there once. And what stands in for the world around them.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { build } from 'esbuild';

const web = fileURLToPath(new URL('../../web', import.meta.url));
const names = [
  'clock',
  'connection',
  'core',
  'driver',
  'errors',
  'ids',
  'json',
  'leader',
  'live',
  'memory',
  'options',
  'overlay',
  'pages',
  'rank',
  'record',
  'replay',
  'rpc',
  'session',
  'snapshot',
  'spill',
  'transport',
  'triggers',
];

const outfile = join(mkdtempSync(join(tmpdir(), 'holdfast-units-')), 'units.mjs');
await build({
  stdin: {
    contents: names.map(name => `export * from './${name}.js'`).join('\n'),
    resolveDir: web,
    loader: 'ts',
  },
  outfile,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  sourcemap: 'inline',
  logLevel: 'silent',
});

export const units = await import(pathToFileURL(outfile).href);
rmSync(dirname(outfile), { recursive: true });

export const noon = Date.UTC(2026, 0, 1, 12);

/** A clock that stands still until it is moved. */
export function fakeClock() {
  let now = noon;
  let timers = [];
  return {
    now: () => now,
    after(ms, ring) {
      const timer = { at: now + Math.max(0, ms), ring };
      timers.push(timer);
      return () => (timers = timers.filter(other => other !== timer));
    },
    /** Moves on, ringing what is due on the way. */
    advance(ms) {
      const until = now + ms;
      for (;;) {
        const [next] = timers.filter(timer => timer.at <= until).sort((a, b) => a.at - b.at);
        if (!next) break;
        timers = timers.filter(timer => timer !== next);
        now = next.at;
        next.ring();
      }
      now = until;
    },
    pending: () => timers.length,
  };
}

/** Lets everything that is only waiting for its turn have it. */
export const turn = () => new Promise(resolve => setImmediate(resolve));

export const quietStatus = {
  pending: 0,
  failed: 0,
  conflicts: 0,
  reachable: true,
  syncing: false,
  waitingFor: null,
  reason: '',
  pulled: 0,
  more: false,
};

/** A step in which nothing happened, but for what is given. */
export const step = (parts = {}) => ({
  results: [],
  effects: [],
  changed: [],
  status: quietStatus,
  ...parts,
});
