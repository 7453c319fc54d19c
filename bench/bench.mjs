// Runs one bench, as `npm run bench -- quick`, after it has set up and built what that one needs.

import { execFileSync } from 'node:child_process';

import { root } from '../tools/toolchain.mjs';

const benches = {
  quick: { setup: 'bench', build: [] },
  failover: { setup: 'bench', build: ['package'] },
  neighbour: { setup: 'simulate', build: ['neighbour'] },
  live: { setup: 'bench', build: [] },
  outbox: { setup: 'simulate', build: ['outbox'] },
  pull: { setup: 'bench', build: ['package'] },
};

const [which = 'quick'] = process.argv.slice(2);
if (!Object.hasOwn(benches, which)) {
  console.error(`There is no bench '${which}'. There are: ${Object.keys(benches).join(', ')}`);
  process.exit(1);
}
const { setup, build } = benches[which];
for (const command of [
  ['tools/setup.mjs', setup],
  ['tools/build.mjs', ...build],
]) {
  try {
    execFileSync(process.execPath, command, { cwd: root, stdio: 'inherit' });
  } catch {
    process.exit(1); // It has said why.
  }
}
await import(`./${which}.mjs`);
