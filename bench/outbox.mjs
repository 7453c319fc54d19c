// `npm run bench -- outbox`: what the outbox costs when a million mutations wait.

import { execFileSync } from 'node:child_process';

import { root } from '../tools/toolchain.mjs';

execFileSync('build/release/outbox', { cwd: root, stdio: 'inherit' });
