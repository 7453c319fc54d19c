// A step of the set-up or of the build: one line that says what was done and how long it took.
// What its commands print is shown only when one of them fails.

import { spawn } from 'node:child_process';

/** What the person at the keyboard can mend: the text says what failed, why, and what to do. */
export class Failure extends Error {}

/** Does one step. `work` returns what was done, in a few words. */
export async function step(name, work) {
  const start = performance.now();
  try {
    const done = await work();
    console.log(`${name.padEnd(12)} ${done} (${seconds(performance.now() - start)})`);
  } catch (error) {
    if (error instanceof Failure) error.message = `${name}: ${error.message}`;
    throw error;
  }
}

/** Runs the steps of one command. A Failure ends the process with its text and no stack. */
export async function steps(work) {
  try {
    await work();
  } catch (error) {
    console.error(error instanceof Failure ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}

/**
 * Runs a command without a terminal and resolves to all it printed.
 * Rejects with a Failure that ends in the last lines it printed.
 */
export function run(command, args, options = {}) {
  const { promise, resolve, reject } = withResolvers();
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', text => (printed += text));
  }
  child.on('error', error => reject(new Failure(`${command} cannot be started: ${error.message}`)));
  child.on('close', (code, signal) => {
    if (code === 0) return resolve(printed);
    const line = [command, ...args].join(' ').slice(0, 300);
    const tail = printed.trimEnd().split('\n').slice(-120).join('\n');
    reject(new Failure(`\`${line}\` ended with ${signal ?? code}:\n${tail}`));
  });
  return promise;
}

export function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}

// Promise.withResolvers, which Node 20 does not have.
function withResolvers() {
  let resolve, reject;
  const promise = new Promise((...both) => ([resolve, reject] = both));
  return { promise, resolve, reject };
}
